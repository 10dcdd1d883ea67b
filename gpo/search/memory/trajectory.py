"""The search index of scored prompts in Chroma: which are the most similar (Tang et al., section 3.2).

The database keeps the scores; the index can be rebuilt from it at any time, so losing it loses nothing. Scores of
different scopes (task, dataset version, metric, task model) cannot be compared, and a run is shown its own prompts
alone: each run of a scope has a collection of its own, or one for each prompt of a program. A filter over one that all
share would be looked at for every entry. The collection of the scope itself is empty, and tells its embedding.
"""

import asyncio
import math
import re
from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gpo.errors import PermanentCallError, StateError
from gpo.models.local.embedder import Embed
from gpo.records import Candidate, Record, Scored, content_hash
from gpo.search.memory.chroma import Index, embedded_index, server_index
from gpo.search.memory.neighbours import (
    Entry,
    Neighbour,
    candidate_of,
    entry_id,
    entry_of,
)
from gpo.search.memory.query import Query
from gpo.search.parts import split_parts
from gpo.settings import Settings

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection


_BATCH = 5000
_PAGE = 500
_REMEMBERED = 4096
"""Vectors of the latest entries that stay in memory, some megabytes: the prompt asked about is mostly one of them."""
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
        readable = re.sub(r"[^a-zA-Z0-9]+", "-", self.task)[:28].strip("-")
        return f"{readable or 'task'}-{self.id}"

    def collection_of(self, run_key: str, part: str) -> str:
        """Name of the collection of a run, or of one part of its program."""
        return f"{self.collection}-{content_hash([run_key, part], length=16)}"


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
        index = server_index(settings.chroma_url, settings.chroma_token)
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
        self._open: dict[str, Collection] = {}
        self._latest: dict[tuple[str, str, str], list[float]] = {}

    async def check(self) -> None:
        """Raise StateError unless the index can be read and was made with this scope's embedding."""
        await self._call(lambda collection: collection.count(), None)

    async def add(self, run_key: str, scored: Sequence[Scored]) -> None:
        """Add scored prompts of a run; those that are new are embedded in one batch.

        Adding the same again changes nothing, a later score replaces the earlier one.
        """
        for part in self._each_part:
            for start in range(0, len(scored), _BATCH):
                found = [entry_of(each, self._parts, part) for each in scored[start : start + _BATCH]]
                await self._add_batch(run_key, part, {entry.id: entry for entry in found})

    async def nearest(
        self, run_key: str, current: Candidate, k: int, before_step: int, part: str = ""
    ) -> list[Neighbour]:
        """The `k` scored prompts of a run that are most similar to `current`, the most similar last.

        Only prompts of steps before `before_step` count, the current one among them if it is one of these; equal texts
        appear once. Of a program, they are texts of one `part`, with the scores of the whole. Ties of similarity go by:
        the current prompt, score, step, number - the higher is nearer.
        """
        text = split_parts(current.instruction, self._parts)[part]

        def near_own(collection: "Collection") -> list[Neighbour] | None:
            if (vector := self._latest.get((run_key, part, own))) is None:
                found: Any = collection.get(ids=[own], include=["embeddings"])["embeddings"]
                if found is None or not len(found):
                    return None
                vector = list(map(float, found[0]))
            return Query(vector, text, before_step, own).nearest(collection, k)

        own = entry_id(current)
        if (near := await self._call(near_own, run_key, part)) is not None:
            return near
        (vector,) = await self._vectors([text])
        query = Query(vector, text, before_step)
        return await self._call(lambda collection: query.nearest(collection, k), run_key, part)

    async def count(self, run_key: str) -> int:
        """How many scored prompts of a run are in the index."""
        return await self._call(lambda collection: collection.count(), run_key, self._each_part[0])

    async def vectors(self, run_key: str) -> dict[str, list[float]]:
        """The embeddings of a run's prompts by candidate id; of a program none, since its candidates have several."""
        if self._parts:
            return {}
        found = await self._call(lambda collection: collection.get(include=["embeddings"]), run_key)
        rows = zip(found["ids"], [] if found["embeddings"] is None else found["embeddings"], strict=True)
        return {candidate_of(name): list(map(float, vector)) for name, vector in rows}

    async def rebuild(self, rows: Mapping[str, Sequence[Scored]]) -> None:
        """Make the index of the scope anew from the scored prompts of all its runs, by run key.

        What `History.scored_in(scope.id)` returns. Interrupted, it leaves a part: do it again.
        """
        self._latest.clear()
        await asyncio.to_thread(self._index.call, self._delete_collections)
        await self.check()
        for run_key, scored in rows.items():
            await self.add(run_key, scored)

    async def _add_batch(self, run_key: str, part: str, entries: Mapping[str, Entry]) -> None:
        found = await self._call(lambda held: held.get(ids=list(entries), include=[]), run_key, part)
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

        await self._call(write, run_key, part)
        for name, vector in zip(new, vectors, strict=True):
            # In the precision of the index: whoever goes on with the run reads them from there, and must find the same.
            self._latest[run_key, part, name] = array("f", vector).tolist()
        for old in list(self._latest)[:-_REMEMBERED]:
            del self._latest[old]

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

    @property
    def _each_part(self) -> tuple[str, ...]:
        return self._parts or ("",)

    async def _call(self, work: Callable[["Collection"], _T], run_key: str | None, part: str = "") -> _T:
        """Run `work` on the collection of a run's part, or on the empty one of the scope (None), in a thread.

        Where another process has rebuilt it since it was looked up, it is looked up again.
        """
        name = self._scope.collection if run_key is None else self._scope.collection_of(run_key, part)

        def run(client: "ClientAPI") -> _T:
            from chromadb.errors import NotFoundError  # noqa: PLC0415 - two seconds of import

            try:
                return work(self._open.get(name) or self._collection(client, name))
            except NotFoundError:
                return work(self._collection(client, name))

        return await asyncio.to_thread(self._index.call, run)

    def _collection(self, client: "ClientAPI", name: str) -> "Collection":
        collection = client.get_or_create_collection(
            name,
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
        self._open[name] = collection
        return collection

    def _delete_collections(self, client: "ClientAPI") -> None:
        ours = self._scope.collection
        names: list[str] = []
        while page := client.list_collections(limit=_PAGE, offset=len(names)):
            names += [collection.name for collection in page]
        for name in names:
            if name == ours or name.startswith(f"{ours}-"):
                client.delete_collection(name)
