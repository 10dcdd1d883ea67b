"""The seeded order of a dataset's examples, of which only the beginning is held; and the splits by a hash."""

import hashlib
import heapq
from collections.abc import Mapping
from itertools import accumulate
from typing import Protocol

from gpo.data.rows import Labelled
from gpo.records import Example, Split
from gpo.scoring.kinds import KINDS
from gpo.spec.task import TaskSpec


class Order(Protocol):
    """What takes examples in as they are read: `count` of them so far."""

    @property
    def count(self) -> int:
        """How many were added."""

    def add(self, row: Labelled, inputs_hash: str) -> None:
        """Take a row into account; its input, and its id if it has one, must be new."""

    def join(self, row: Labelled, inputs_hash: str) -> None:
        """Put the right answers of a row to those of the row of the same input that was added before."""


class SeededOrder:
    """The first `size` examples of the order of all that are added.

    An example's rank depends on the seed and on itself alone, so that other rows do not move it far. With labels, the
    order interleaves them: the i-th of the m examples with one label stands at the fraction (i + 1/2) / m of the
    whole, so that every stretch holds that label's share of it, but for rounding. So of no label more than its own
    first `size` can be among the first `size` of all, and no others are held.
    """

    def __init__(self, size: int, spec: TaskSpec) -> None:
        self.count = 0
        self._size = size
        self._seed = spec.dataset.seed
        self._stratified = KINDS[spec.answer.kind].has_labels
        self._counts: dict[str, int] = {}
        # Heaps of negative ranks, with the last in rank on top: the one that has to go.
        self._first: dict[str, list[int]] = {}
        self._rows: dict[int, Labelled] = {}
        # Ranks by the identity of the inputs, and back: rows that ask the same may be written differently.
        self._ranks: dict[str, int] = {}
        self._hashes: dict[int, str] = {}

    def add(self, row: Labelled, inputs_hash: str) -> None:
        """Take a row into account; its input, and its id if it has one, must be new."""
        rank = self._rank(row)
        label = row.references[0] if self._stratified else ""
        self.count += 1
        self._counts[label] = self._counts.get(label, 0) + 1
        first = self._first.setdefault(label, [])
        if len(first) < self._size:
            heapq.heappush(first, -rank)
        elif first and -rank > first[0]:
            last = -heapq.heapreplace(first, -rank)
            del self._rows[last], self._ranks[self._hashes.pop(last)]
        else:
            return
        self._rows[rank], self._ranks[inputs_hash], self._hashes[rank] = row, rank, inputs_hash

    def join(self, row: Labelled, inputs_hash: str) -> None:
        """Put the right answers of a row to those of the row of the same input that was added before."""
        if (rank := self._ranks.get(inputs_hash)) is not None:
            self._rows[rank] = self._rows[rank].joined(row)

    def _rank(self, row: Labelled) -> int:
        # Without ids of its own, an example is known by its inputs: correcting a reference must not move it elsewhere.
        # As they are written, and not by their identity, so that datasets keep the order that they have always had.
        name = f"{self._seed}:{row.id or row.exact_hash}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")

    def examples(self) -> tuple[Example, ...]:
        """The first `size`, or all if there are fewer."""
        placed = [
            ((place + 0.5) / self._counts[label], -negative)
            for label, first in self._first.items()
            for place, negative in enumerate(sorted(first, reverse=True))
        ]
        return tuple(self._rows[rank].example() for _, rank in sorted(placed)[: self._size])


class HashedSplits:
    """Splits by a hash: an example's group, or without one its inputs, say where it belongs, now and for ever.

    The seeded hash is a point between 0 and 1. The sizes, as proportions, cut that line into test, dev and train, and
    of each the first examples of the seeded order are taken, as many as the size says. What is beyond is not used; it
    never moves into another split. `sizes` are by default those of `dataset.split`.
    """

    def __init__(self, spec: TaskSpec, sizes: Mapping[Split, int] | None = None) -> None:
        found = spec.dataset.split
        self._seed = spec.dataset.seed
        self._sizes: dict[Split, int] = (
            {"test": found.test, "dev": found.dev, "train": found.train} if sizes is None else dict(sizes)
        )
        self._orders = {split: SeededOrder(size, spec) for split, size in self._sizes.items()}
        # Where the example of an input went: further right answers to it may come with another group.
        self._split_of: dict[str, Split] = {}

    @property
    def count(self) -> int:
        """How many were added."""
        return sum(order.count for order in self._orders.values())

    def add(self, row: Labelled, inputs_hash: str) -> None:
        """Take a row into account; its input, and its id if it has one, must be new."""
        split = self._split(inputs_hash if row.group is None else f"group:{row.group}")
        if row.joins and row.group is not None:
            self._split_of[inputs_hash] = split
        self._orders[split].add(row, inputs_hash)

    def join(self, row: Labelled, inputs_hash: str) -> None:
        """Put the right answers of a row to those of the row of the same input that was added before."""
        split = self._split_of.get(inputs_hash) or self._split(inputs_hash)
        self._orders[split].join(row, inputs_hash)

    def examples(self, split: Split) -> tuple[Example, ...]:
        """The examples of a split, at most its size."""
        return self._orders[split].examples()

    def _split(self, key: str) -> Split:
        # Not the order's own hash, or each split would be a stretch of that order.
        digest = hashlib.sha256(f"split:{self._seed}:{key}".encode()).digest()
        point = int.from_bytes(digest, "big") * sum(self._sizes.values()) >> 8 * len(digest)
        ends = zip(self._sizes, accumulate(self._sizes.values()), strict=True)
        return next(split for split, end in ends if point < end)
