"""The search index of scored prompts in Chroma: the most similar, the latest or the best (Tang et al., section 3.2).

The database keeps the scores; the index can be rebuilt from it at any time, so losing it loses nothing. Each scope
(task, dataset version, metric, task model) has a collection of its own, since scores of different scopes cannot be
compared; within it, entries carry the key of their run.
"""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gpo.errors import PermanentCallError, StateError
from gpo.models.local.embedder import Embed
from gpo.records import Candidate, Record, Scored, content_hash
from gpo.search.memory.chroma import Index, embedded_index, server_index
from gpo.search.memory.neighbours import (
    Entry,
    Neighbour,
    Order,
    by_similarity,
    entries_of,
    entry_id,
    last_neighbours,
    rank_neighbours,
    read_neighbour,
)
from gpo.search.parts import split_parts
from gpo.settings import Settings

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection


_BATCH = 5000
_DIGITS = 6
_INCLUDED: Any = ["embeddings", "documents", "metadatas"]
_T = TypeVar("_T")


class Scope(Record):
    """What scores must have in common to be compared, and the embedding that the index was made with.

    `dataset` is the dataset's fingerprint, `task_model` and `embedding` are model identities.
    """

    task: str
    dataset: str
    metric: str
    task_model: str
    embedding: str

    @property
    def id(self) -> str:
        """Content hash of task, dataset, metric and task model; the embedding decides no score."""
        return content_hash([self.task, self.dataset, self.metric, self.task_model], length=16)

    @property
    def collection(self) -> str:
        """Name of the Chroma collection, such as `reviews-0c9f0a6f4d3b2e11`."""
        readable = re.sub(r"[^a-zA-Z0-9]+", "-", self.task)[:40].strip("-")
        return f"{readable or 'task'}-{self.id}"


@asynccontextmanager
async def open_trajectory(
    scope: Scope,
    settings: Settings,
    home: Path,
    embed: Embed,
    on_wait: Callable[[], None] | None = None,
    *,
    parts: tuple[str, ...] = (),
    rebuilding: bool = False,
) -> AsyncIterator["Trajectory"]:
    """The trajectory of a scope, open until the context ends.

    `parts` are the prompts of a program: each has entries of its own. `on_wait` is called once when another process
    holds the embedded index and has to be waited for. `rebuilding` leaves the check of the embedding out, for a caller
    that goes on to `rebuild`.

    Raises:
        InputError: GPO_CHROMA_URL is malformed.
        StateError: the index is held by another process for longer than `chroma_wait_s`, damaged, made with another
            embedding, or its server cannot be reached.
    """
    if settings.chroma_url is not None:
        index = server_index(settings.chroma_url)
    else:
        index = await embedded_index((home / "chroma").resolve(), settings.chroma_wait_s, on_wait)
    try:
        trajectory = Trajectory(index, scope, embed, parts)
        if not rebuilding:
            await trajectory.check()
        yield trajectory
    finally:
        index.leave()


class Trajectory:
    """Scored prompts of one scope. Every method raises StateError when the index cannot be used."""

    def __init__(self, index: Index, scope: Scope, embed: Embed, parts: tuple[str, ...] = ()) -> None:
        """Opened by `open_trajectory`."""
        self._parts = parts
        self._index = index
        self._scope = scope
        self._embed = embed

    async def check(self) -> None:
        """Raise StateError unless the collection can be read and was made with this scope's embedding."""
        await self._call(lambda collection: collection.count())

    async def add(self, run_key: str, scored: Sequence[Scored]) -> None:
        """Add scored prompts of a run; those that are new are embedded in one batch.

        Adding the same again changes nothing, a later score replaces the earlier one.
        """
        await self._add({entry.id: entry for each in scored for entry in entries_of(run_key, each, self._parts)})

    async def nearest(
        self, run_key: str, current: Candidate, k: int, before_step: int, part: str = ""
    ) -> list[Neighbour]:
        """The `k` scored prompts of a run that are most similar to `current`, the most similar last.

        Only prompts of steps before `before_step` count, the current one among them if it is one of these; equal texts
        appear once. Of a program, they are texts of one `part`, with the scores of the whole. Ties of similarity go by:
        the current prompt, score, step, number - the higher is nearer.
        """
        search = await self._search(run_key, current, before_step, part)
        return await self._call(lambda collection: search.nearest(collection, k))

    async def last(
        self, run_key: str, current: Candidate, k: int, before_step: int, order: Order, *, part: str = ""
    ) -> list[Neighbour]:
        """The last `k` scored prompts of a run in an order of `neighbours.py`: with `by_score` the best, the best last.

        As with `nearest`, the current prompt is among them if it was scored, and equal texts appear once.
        """
        search = await self._search(run_key, current, before_step, part)
        return await self._call(lambda collection: search.last(collection, k, order))

    async def _search(self, run_key: str, current: Candidate, before_step: int, part: str) -> "_Query":
        own = entry_id(run_key, current, part)
        text = split_parts(current.instruction, self._parts)[part]
        stored = await self._call(lambda collection: collection.get(ids=[own], include=["embeddings"])["embeddings"])
        vector = list(map(float, stored[0])) if stored is not None and len(stored) else None
        if vector is None:
            (vector,) = await self._vectors([text])
        return _Query(vector, text, run_key, before_step, part)

    async def count(self, run_key: str) -> int:
        """How many scored prompts a run has."""
        found = await self._call(lambda collection: collection.get(where={"run": run_key}, include=[]))
        return len(found["ids"]) // max(1, len(self._parts))

    async def vectors(self, run_key: str) -> dict[str, list[float]]:
        """The embeddings of a run's prompts by candidate id."""
        found = await self._call(lambda collection: collection.get(where={"run": run_key}, include=["embeddings"]))
        rows = zip(found["ids"], [] if found["embeddings"] is None else found["embeddings"], strict=True)
        return {name.rpartition(":")[2]: list(map(float, vector)) for name, vector in rows}

    async def rebuild(self, rows: Mapping[str, Sequence[Scored]]) -> None:
        """Make the collection anew from the scored prompts of all its runs, by run key.

        What `History.scored_in(scope.id)` returns. Interrupted, it leaves a part: do it again.
        """
        await asyncio.to_thread(self._index.call, self._delete_collection)
        listed = ((key, each) for key, scored in rows.items() for each in scored)
        await self._add({entry.id: entry for key, each in listed for entry in entries_of(key, each, self._parts)})

    async def _add(self, entries: Mapping[str, Entry]) -> None:
        names = list(entries)
        for start in range(0, len(names), _BATCH):
            await self._add_batch({name: entries[name] for name in names[start : start + _BATCH]})

    async def _add_batch(self, entries: Mapping[str, Entry]) -> None:
        found = await self._call(lambda collection: collection.get(ids=list(entries), include=[]))
        known = set(found["ids"])
        new = [name for name in entries if name not in known]
        texts = [entries[name].text for name in new]
        vectors: Any = await self._vectors(texts) if new else []
        metadatas: Any = {name: each.metadata for name, each in entries.items()}

        def write(collection: "Collection") -> None:
            if known:
                collection.update(ids=list(known), metadatas=[metadatas[name] for name in known])
            if new:
                collection.upsert(
                    ids=new, embeddings=vectors, metadatas=[metadatas[name] for name in new], documents=texts
                )

        await self._call(write)

    async def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text; equal texts are embedded once."""
        distinct = list(dict.fromkeys(texts))
        vectors = await self._embed(distinct)
        if len(vectors) != len(distinct) or not all(map(math.isfinite, (x for vector in vectors for x in vector))):
            raise PermanentCallError(
                f"embedding model {self._scope.embedding}: expected {len(distinct)} vectors of finite numbers, "
                f"received {len(vectors)} vectors"
            )
        by_text = dict(zip(distinct, vectors, strict=True))
        return [by_text[text] for text in texts]

    async def _call(self, work: Callable[["Collection"], _T]) -> _T:
        """Run `work` on the collection in a thread. It is looked up each time: another process may have rebuilt it."""
        return await asyncio.to_thread(self._index.call, lambda client: work(self._collection(client)))

    def _collection(self, client: "ClientAPI") -> "Collection":
        collection = client.get_or_create_collection(
            self._scope.collection,
            configuration={"hnsw": {"space": "cosine"}},
            metadata=self._scope.model_dump(),
            # Vectors are always ours; with a function of its own Chroma would download a model.
            embedding_function=None,
        )
        made_with = (collection.metadata or {}).get("embedding")
        if made_with != self._scope.embedding:
            raise StateError(
                f"index of task {self._scope.task} was made with embedding model '{made_with}', the task now names "
                f"'{self._scope.embedding}': go back to that one, or run `gpo trajectory rebuild`"
            )
        return collection

    def _delete_collection(self, client: "ClientAPI") -> None:
        if self._scope.collection in {collection.name for collection in client.list_collections()}:
            client.delete_collection(self._scope.collection)


@dataclass(frozen=True)
class _Query:
    """One search among the entries of a run, by their nearness to a vector, that of the instruction `current`."""

    vector: list[float]
    current: str
    run_key: str
    before_step: int
    part: str = ""

    def nearest(self, collection: "Collection", k: int) -> list[Neighbour]:
        """The `k` nearest, most similar last.

        Chroma's search is approximate and leaves ties in any order, so more than `k` are asked for, until every
        entry that ties with the last place is there. Few entries are compared exactly, all of them.
        """
        n = max(4 * k, 32)
        while len(hits := self._search(collection, n)) == n:
            near = self._ranked(hits)
            if len(near) >= k and min(hit.similarity for hit in hits.values()) < near[-k].similarity:
                return near[-k:]
            n *= 4
        return self._ranked(self._all(collection))[-k:]

    def last(self, collection: "Collection", k: int, order: Order) -> list[Neighbour]:
        """The last `k` in an order, the current one always among them."""
        return last_neighbours(rank_neighbours(self._all(collection), order), k, self.current)

    def _search(self, collection: "Collection", n: int) -> dict[str, Neighbour]:
        query: Any = [self.vector]
        found: Any = collection.query(query_embeddings=query, n_results=n, where=self._where, include=_INCLUDED)
        return self._neighbours({name: rows[0] for name, rows in found.items() if name in ("ids", *_INCLUDED)})

    def _all(self, collection: "Collection") -> dict[str, Neighbour]:
        found: Any = collection.get(where=self._where, include=_INCLUDED)
        return self._neighbours(found)

    def _neighbours(self, found: Mapping[str, Any]) -> dict[str, Neighbour]:
        """By entry id. Similarities are computed anew: Chroma's have too few digits to tell ties from near ties."""
        if not found["ids"]:
            return {}
        import numpy as np  # noqa: PLC0415 - comes with chromadb, late like it

        vectors, query = np.asarray(found["embeddings"], dtype=float), np.asarray(self.vector)
        # A vector of zeros (no word was known) is similar to nothing.
        lengths = np.maximum(np.linalg.norm(vectors, axis=1) * np.linalg.norm(query), np.finfo(float).tiny)
        similarities = np.round(vectors @ query / lengths, _DIGITS).tolist()
        return {
            name: read_neighbour(text, metadata, similarity)
            for name, text, metadata, similarity in zip(
                found["ids"], found["documents"], found["metadatas"], similarities, strict=True
            )
        }

    @property
    def _where(self) -> Any:
        of_part = [{"part": self.part}] if self.part else []
        return {"$and": [{"run": self.run_key}, {"step": {"$lt": self.before_step}}, *of_part]}

    def _ranked(self, hits: Mapping[str, Neighbour]) -> list[Neighbour]:
        return rank_neighbours(hits, by_similarity(self.current))
