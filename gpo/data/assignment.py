"""The seeded order of a dataset's examples, of which only the beginning is held; and the splits by a hash."""

import hashlib
import heapq
from typing import Protocol

from gpo.data.kinds import KINDS
from gpo.data.rows import Labelled
from gpo.records import Example, Split
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

    def add(self, row: Labelled, inputs_hash: str) -> None:
        """Take a row into account; its input, and its id if it has one, must be new."""
        rank = self._rank(row, inputs_hash)
        label = row.references[0] if self._stratified else ""
        self.count += 1
        self._counts[label] = self._counts.get(label, 0) + 1
        first = self._first.setdefault(label, [])
        if len(first) < self._size:
            heapq.heappush(first, -rank)
        elif first and -rank > first[0]:
            del self._rows[-heapq.heapreplace(first, -rank)]
        else:
            return
        self._rows[rank] = row

    def join(self, row: Labelled, inputs_hash: str) -> None:
        """Put the right answers of a row to those of the row of the same input that was added before."""
        rank = self._rank(row, inputs_hash)
        if rank in self._rows:
            self._rows[rank] = self._rows[rank].joined(row)

    def _rank(self, row: Labelled, inputs_hash: str) -> int:
        # Without ids of its own, an example is known by its inputs: correcting a reference must not move it elsewhere.
        name = f"{self._seed}:{row.id or inputs_hash}"
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
    """The splits of a dataset that has versions: an example's inputs alone say where it belongs, now and for ever.

    The seeded hash of the inputs is a point between 0 and 1. The proportions of `dataset.split` cut that line into
    test, dev and train, and of each the first examples of the seeded order are taken, as many as the size says.
    What is beyond is not used; it never moves into another split.
    """

    def __init__(self, spec: TaskSpec) -> None:
        sizes = spec.dataset.split
        self._seed = spec.dataset.seed
        self._sizes: dict[Split, int] = {"test": sizes.test, "dev": sizes.dev, "train": sizes.train}
        self._orders = {split: SeededOrder(size, spec) for split, size in self._sizes.items()}

    @property
    def count(self) -> int:
        """How many were added."""
        return sum(order.count for order in self._orders.values())

    def add(self, row: Labelled, inputs_hash: str) -> None:
        """Take a row into account; its input, and its id if it has one, must be new."""
        self._orders[self._split(inputs_hash)].add(row, inputs_hash)

    def join(self, row: Labelled, inputs_hash: str) -> None:
        """Put the right answers of a row to those of the row of the same input that was added before."""
        self._orders[self._split(inputs_hash)].join(row, inputs_hash)

    def examples(self, split: Split) -> tuple[Example, ...]:
        """The examples of a split, at most its size."""
        return self._orders[split].examples()

    def _split(self, inputs_hash: str) -> Split:
        # Not the order's own hash, or each split would be a stretch of that order.
        digest = hashlib.sha256(f"split:{self._seed}:{inputs_hash}".encode()).digest()
        point = int.from_bytes(digest, "big") * sum(self._sizes.values()) >> 8 * len(digest)
        sizes = self._sizes
        if point < sizes["test"]:
            return "test"
        return "dev" if point < sizes["test"] + sizes["dev"] else "train"
