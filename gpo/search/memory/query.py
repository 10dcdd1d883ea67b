"""One search in a collection of Chroma: exact among what is found, and no more is read than it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpo.search.memory.neighbours import Neighbour, by_similarity, rank_neighbours, read_neighbour, step_of

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

_DIGITS = 6
_FEWEST = 16
"""Entries that a search asks for at the least."""


@dataclass(frozen=True)
class Query:
    """A search for the nearest to a vector, that of the text `current`, among prompts of earlier steps."""

    vector: list[float]
    current: str
    before_step: int
    own: str | None = None
    """The entry of `current`, if there is one: it is among the nearest, whether or not the search meets it."""

    def nearest(self, collection: "Collection", k: int) -> list[Neighbour]:
        """The `k` nearest, most similar last.

        Chroma's search is approximate and leaves ties in any order, so more than `k` are asked for, until every
        entry that ties with the last place is there. Few entries are compared exactly, all of them. Texts and scores
        are read of those alone that may be among the `k`: reading them takes longer than the search.
        """
        n = max(2 * k, _FEWEST)
        while True:
            found: Any = collection.query(query_embeddings=[self.vector], n_results=n, include=["embeddings"])  # type: ignore[arg-type]
            names, vectors = found["ids"][0], found["embeddings"][0]
            is_all = len(names) < n
            if is_all and (whole := self._whole(collection, n)) is not None:
                names, vectors = whole
            near = {
                name: similarity
                for name, similarity in zip(names, self._similarities(vectors), strict=True)
                if step_of(name) < self.before_step
            }
            if self.own is not None and step_of(self.own) < self.before_step:
                (near[self.own],) = self._similarities([self.vector])
            levels = sorted(set(near.values()), reverse=True)
            if is_all or len(levels) > k:
                least = levels[min(k, len(levels)) - 1] if levels else 0.0
                return self._read(collection, {name: each for name, each in near.items() if each >= least})[-k:]
            n *= 4

    def _whole(self, collection: "Collection", n: int) -> tuple[list[str], Any] | None:
        """All ids and vectors where there are less than `n`: the search may have missed some."""
        if collection.count() >= n:
            return None
        found: Any = collection.get(include=["embeddings"])
        return found["ids"], found["embeddings"]

    def _similarities(self, vectors: Any) -> list[float]:
        """Cosines to the query, computed anew: Chroma's have too few digits to tell ties from near ties."""
        if not len(vectors):
            return []
        import numpy as np  # noqa: PLC0415 - comes with chromadb, late like it

        given, query = np.asarray(vectors, dtype=float), np.asarray(self.vector)
        # A vector of zeros (no word was known) is similar to nothing.
        lengths = np.maximum(np.linalg.norm(given, axis=1) * np.linalg.norm(query), np.finfo(float).tiny)
        similarities: list[float] = np.round(given @ query / lengths, _DIGITS).tolist()
        return similarities

    def _read(self, collection: "Collection", near: Mapping[str, float]) -> list[Neighbour]:
        """The entries with these similarities, the most similar last; equal texts once."""
        if not near:
            return []
        found: Any = collection.get(ids=list(near), include=["documents", "metadatas"])
        rows = zip(found["ids"], found["documents"], found["metadatas"], strict=True)
        hits = {name: read_neighbour(text, metadata, near[name]) for name, text, metadata in rows}
        return rank_neighbours(hits, by_similarity(self.current))
