"""The seeded order of a dataset's examples, of which only the beginning is held; and the splits by a hash."""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import NamedTuple, Protocol

from gpo.data.rows import Labelled
from gpo.records import Example, Split
from gpo.scoring.kinds import KINDS, AnswerKind
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


class _Known(NamedTuple):
    """What is known of a row that is held: by what input, with which labels, in how many heaps."""

    inputs_hash: str
    labels: tuple[str, ...]
    places: int


def _no_labels(_row: Labelled) -> tuple[str, ...]:
    return ("",)


def _own_label(row: Labelled) -> tuple[str, ...]:
    return (row.references[0],)


def _set_of_labels(row: Labelled) -> tuple[str, ...]:
    return tuple(json.loads(row.references[0])) or ("",)


_LABELS: Mapping[AnswerKind, Callable[[Labelled], tuple[str, ...]]] = {
    **{kind: _own_label for kind, rules in KINDS.items() if rules.has_labels},
    "labels": _set_of_labels,
}


class SeededOrder:
    """The first `size` examples of the order of all that are added.

    An example's rank depends on the seed and on itself alone, so that other rows do not move it far. With labels, the
    order interleaves them: the i-th of the m examples with one label stands at the fraction (i + 1/2) / m of the
    whole, so that every stretch holds that label's share of it, but for rounding. So of no label more than its own
    first `size` can be among the first `size` of all, and no others are held. Of a set of labels, the rarest counts:
    of it there is the least to spread.
    """

    def __init__(self, size: int, spec: TaskSpec) -> None:
        self.count = 0
        self._size = size
        self._seed = spec.dataset.seed
        self._labels_of = _LABELS.get(spec.answer.kind, _no_labels)
        # Of a label that is the rarest of some of its sets only, more than `size` must be held.
        self._held = 2 * size if spec.answer.has_sets else size
        self._sets: Counter[tuple[str, ...]] = Counter()
        # Heaps of negative ranks, with the last in rank on top: the one that has to go.
        self._first: dict[str, list[int]] = {}
        self._rows: dict[int, Labelled] = {}
        # Ranks by the identity of the inputs, and back: rows that ask the same may be written differently.
        self._ranks: dict[str, int] = {}
        self._known: dict[int, _Known] = {}

    def add(self, row: Labelled, inputs_hash: str) -> None:
        """Take a row into account; its input, and its id if it has one, must be new."""
        rank, labels = self._rank(row), self._labels_of(row)
        self.count += 1
        self._sets[labels] += 1
        places = sum([self._keep(rank, label) for label in labels])
        if places:
            self._rows[rank], self._ranks[inputs_hash] = row, rank
            self._known[rank] = _Known(inputs_hash, labels, places)

    def _keep(self, rank: int, label: str) -> bool:
        """Whether a rank is among the first of a label, where it is put then."""
        first = self._first.setdefault(label, [])
        if len(first) < self._held:
            heapq.heappush(first, -rank)
            return True
        if not first or -rank <= first[0]:
            return False
        last = -heapq.heapreplace(first, -rank)
        known = self._known[last]
        self._known[last] = known._replace(places=known.places - 1)
        if known.places == 1:
            del self._rows[last], self._ranks[known.inputs_hash], self._known[last]
        return True

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
        counts: Counter[str] = Counter()
        for labels, number in self._sets.items():
            counts.update(dict.fromkeys(labels, number))
        rarest = {labels: min(labels, key=lambda label: (counts[label], label)) for labels in self._sets}
        sizes: Counter[str] = Counter()
        for labels, number in self._sets.items():
            sizes[rarest[labels]] += number
        placed: list[tuple[float, int]] = []
        for label, first in self._first.items():
            own = [rank for rank in sorted(-each for each in first) if rarest[self._known[rank].labels] == label]
            placed += [((place + 0.5) / sizes[label], rank) for place, rank in enumerate(own)]
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
