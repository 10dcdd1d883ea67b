"""The seeded order of a dataset's examples, of which only the beginning is held."""

import hashlib
import heapq

from gpo.records import Example
from gpo.rows import STRATIFIED, Labelled
from gpo.spec import TaskSpec


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
        self._stratified = spec.answer.kind in STRATIFIED
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
