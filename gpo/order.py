"""The seeded order of a dataset's examples, of which only the beginning is held."""

import hashlib
import heapq
from operator import itemgetter

from gpo.records import Example
from gpo.rows import Labelled
from gpo.spec import TaskSpec

_STRATIFIED = ("choice", "boolean")


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
        self._stratified = spec.answer.kind in _STRATIFIED
        self._counts: dict[str, int] = {}
        # Heaps with the last in rank on top: the one that has to go.
        self._first: dict[str, list[tuple[int, int, Labelled]]] = {}

    def add(self, row: Labelled, inputs_hash: str) -> None:
        """Take a row into account; its input, and its id if it has one, must be new."""
        # Without ids of its own, an example is known by its inputs: correcting a reference must not move it elsewhere.
        name = f"{self._seed}:{row.id or inputs_hash}"
        rank = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
        label = row.references[0] if self._stratified else ""
        self.count += 1
        self._counts[label] = self._counts.get(label, 0) + 1
        first = self._first.setdefault(label, [])
        if len(first) < self._size:
            heapq.heappush(first, (-rank, self.count, row))
        elif first and -rank > first[0][0]:
            heapq.heapreplace(first, (-rank, self.count, row))

    def examples(self) -> tuple[Example, ...]:
        """The first `size`, or all if there are fewer."""
        placed = [
            ((place + 0.5) / self._counts[label], -negative, row)
            for label, first in self._first.items()
            for place, (negative, _, row) in enumerate(sorted(first, key=itemgetter(0), reverse=True))
        ]
        return tuple(row.example() for *_, row in sorted(placed, key=itemgetter(0, 1))[: self._size])
