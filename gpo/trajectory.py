"""The trajectory: scored prompts in Chroma, retrieved by relevance (Tang et al., section 3.2).

Chroma is an index. The database has the truth, and the index is rebuilt from it at any time, so nothing is lost with
it. Each scope (task, dataset version, metric, task model) has a collection of its own, since scores of different
scopes cannot be compared; within it, entries carry the key of their run.

Embedded, the index lives in the state folder and has one owning process: several writers damage it in silence. Runs
of one process share it, other processes wait. With `GPO_CHROMA_URL` a Chroma server is used by any number of them.
"""

import asyncio
import math
import re
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from gpo.errors import InputError, PermanentCallError, StateError
from gpo.records import Candidate, Record, Scored, content_hash
from gpo.settings import Settings

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

Embed = Callable[[Sequence[str]], Awaitable[list[list[float]]]]

_BATCH = 5000
_POLL_S = 0.2
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


class Neighbour(Record):
    """A scored prompt near the current one: dev score from 0 to 100, cosine similarity rounded to 6 digits."""

    instruction: str
    percent: float
    similarity: float
    step: int
    number: int


@asynccontextmanager
async def open_trajectory(
    scope: Scope,
    settings: Settings,
    home: Path,
    embed: Embed,
    on_wait: Callable[[], None] | None = None,
    *,
    rebuilding: bool = False,
) -> AsyncIterator["Trajectory"]:
    """The trajectory of a scope, open until the context ends.

    `on_wait` is called once when another process holds the embedded index and has to be waited for. `rebuilding`
    leaves the check of the embedding out, for a caller that goes on to `rebuild`.

    Raises:
        InputError: GPO_CHROMA_URL is malformed.
        StateError: the index is held by another process for longer than `chroma_wait_s`, damaged, made with another
            embedding, or its server cannot be reached.
    """
    if settings.chroma_url is not None:
        index = _server(settings.chroma_url)
    else:
        index = await _embedded((home / "chroma").resolve(), settings.chroma_wait_s, on_wait)
    try:
        trajectory = Trajectory(index, scope, embed)
        if not rebuilding:
            await trajectory.check()
        yield trajectory
    finally:
        index.leave()


class Trajectory:
    """Scored prompts of one scope. Every method raises StateError when the index cannot be used."""

    def __init__(self, index: "_Index", scope: Scope, embed: Embed) -> None:
        """Opened by `open_trajectory`."""
        self._index = index
        self._scope = scope
        self._embed = embed

    async def check(self) -> None:
        """Raise StateError unless the collection can be read and was made with this scope's embedding."""
        await self._call(lambda collection: collection.count())

    async def add(self, run_key: str, scored: Sequence[Scored]) -> None:
        """Add scored prompts of a run, embedded in one batch. Adding the same again changes nothing."""
        await self._add({_entry_id(run_key, each.candidate): (run_key, each) for each in scored})

    async def nearest(self, run_key: str, current: Candidate, k: int, before_step: int) -> list[Neighbour]:
        """The `k` scored prompts of a run that are most similar to `current`, the most similar last.

        Only prompts of steps before `before_step` count, the current one among them if it is one of these; equal
        texts appear once. Ties of similarity go by: the current prompt, score, step, number - the higher is nearer.
        """
        own = _entry_id(run_key, current)
        stored = await self._call(lambda collection: collection.get(ids=[own], include=["embeddings"])["embeddings"])
        vector = list(map(float, stored[0])) if stored is not None and len(stored) else None
        if vector is None:
            (vector,) = await self._vectors([current.instruction])
        search = _Search(vector, current.instruction, run_key, before_step)
        return await self._call(lambda collection: search.nearest(collection, k))

    async def count(self, run_key: str) -> int:
        """How many entries a run has."""
        found = await self._call(lambda collection: collection.get(where={"run": run_key}, include=[]))
        return len(found["ids"])

    async def rebuild(self, rows: Mapping[str, Sequence[Scored]]) -> None:
        """Make the collection anew from the scored prompts of all its runs, by run key.

        What `History.scored_in(scope.id)` returns. Interrupted, it leaves a part: do it again.
        """
        await asyncio.to_thread(self._index.call, self._delete_collection)
        await self._add(
            {_entry_id(key, each.candidate): (key, each) for key, scored in rows.items() for each in scored}
        )

    async def _add(self, entries: Mapping[str, tuple[str, Scored]]) -> None:
        names = list(entries)
        for start in range(0, len(names), _BATCH):
            await self._add_batch({name: entries[name] for name in names[start : start + _BATCH]})

    async def _add_batch(self, entries: Mapping[str, tuple[str, Scored]]) -> None:
        texts = [each.candidate.instruction for _, each in entries.values()]
        vectors: Any = await self._vectors(texts)
        metadatas: Any = [_metadata(run_key, each) for run_key, each in entries.values()]
        await self._call(
            lambda collection: collection.upsert(
                ids=list(entries), embeddings=vectors, metadatas=metadatas, documents=texts
            )
        )

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
class _Search:
    """One search for the entries of a run nearest to a vector, that of the instruction `current`."""

    vector: list[float]
    current: str
    run_key: str
    before_step: int

    def nearest(self, collection: "Collection", k: int) -> list[Neighbour]:
        """The `k` nearest, most similar last.

        Chroma's search is approximate and leaves ties in any order, so more than `k` are asked for, until every
        entry that ties with the last place is there. Few entries are compared exactly, all of them.
        """
        n = max(4 * k, 32)
        while len(hits := self._search(collection, n)) == n:
            ranked = self._ranked(hits)
            if len(ranked) >= k and min(hit.similarity for hit in hits.values()) < ranked[-k].similarity:
                return ranked[-k:]
            n *= 4
        return self._ranked(self._all(collection))[-k:]

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
            name: Neighbour(
                instruction=text,
                percent=metadata["percent"],
                similarity=similarity,
                step=metadata["step"],
                number=metadata["number"],
            )
            for name, text, metadata, similarity in zip(
                found["ids"], found["documents"], found["metadatas"], similarities, strict=True
            )
        }

    @property
    def _where(self) -> Any:
        return {"$and": [{"run": self.run_key}, {"step": {"$lt": self.before_step}}]}

    def _ranked(self, hits: Mapping[str, Neighbour]) -> list[Neighbour]:
        """Distinct texts, the nearest last."""

        def order(name: str) -> tuple[float, bool, float, int, int, str]:
            hit = hits[name]
            return hit.similarity, hit.instruction == self.current, hit.percent, hit.step, hit.number, name

        ranked: dict[str, Neighbour] = {}
        for name in sorted(hits, key=order):
            ranked.pop(hits[name].instruction, None)
            ranked[hits[name].instruction] = hits[name]
        return list(ranked.values())


def _entry_id(run_key: str, candidate: Candidate) -> str:
    return f"{run_key}:{candidate.step}:{candidate.id}"


def _metadata(run_key: str, scored: Scored) -> dict[str, str | int | float | bool]:
    """Always the same keys: Chroma keeps old ones when an entry is written again."""
    return {
        "run": run_key,
        "step": scored.candidate.step,
        "number": scored.candidate.number,
        "mean": scored.score.mean,
        "percent": scored.percent,
        "n": scored.score.n,
        "complete": scored.score.complete,
    }


class _Index:
    """A Chroma client, opened at its first call and shared by `users` runs; one call at a time.

    The embedded one holds the lock of its folder until its last user has left.
    """

    def __init__(
        self, connect: Callable[[], "ClientAPI"], name: str, advice: str, lock: FileLock | None = None
    ) -> None:
        self.users = 1
        self._connect = connect
        self._name = name
        self._advice = advice
        self._lock = lock
        self._client: Any = None
        self._one_at_a_time = threading.Lock()

    def call(self, work: Callable[["ClientAPI"], _T]) -> _T:
        with self._one_at_a_time, self._errors():
            if self.users == 0:
                raise StateError(f"{self._name} was closed before this call")
            if self._client is None:
                self._client = self._open()
            return work(self._client)

    def leave(self) -> None:
        """Close after the last user, once the call under way, whose caller may have been cancelled, has ended."""
        with _indexes_lock:
            self.users -= 1
            if self.users > 0:
                return
            with self._one_at_a_time:
                try:
                    self._close()
                finally:
                    if self._lock is not None:
                        del _indexes[self._lock.lock_file]
                        self._lock.release()

    def _close(self) -> None:
        if self._client is None:
            return
        self._client.close()
        # Chroma leaves the connections to its server open: its own and those of its inner client.
        for part in (self._client, self._client._admin_client):  # noqa: SLF001
            if (session := getattr(part._server, "_session", None)) is not None:  # noqa: SLF001
                session.close()

    def _open(self) -> "ClientAPI":
        try:
            return self._connect()
        except ValueError as error:
            # Chroma's way to say that nothing, or something else, answers there; it may quote a whole page.
            raise ConnectionError(str(error).partition("\n")[0]) from None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from chromadb.errors import ChromaError  # noqa: PLC0415 - two seconds of import
        from httpx import HTTPError  # noqa: PLC0415 - chromadb's HTTP client

        try:
            yield
        except (ChromaError, HTTPError, OSError) as error:
            raise StateError(f"{self._name} cannot be used ({error}): {self._advice}") from None


_indexes: dict[str, _Index] = {}
_indexes_lock = threading.Lock()


async def _embedded(path: Path, wait_s: float, on_wait: Callable[[], None] | None) -> _Index:
    deadline = time.monotonic() + wait_s
    while (index := _join(path)) is None:
        if on_wait is not None:
            on_wait()
            on_wait = None
        if time.monotonic() >= deadline:
            raise StateError(
                f"index {path} is in use by another process, and was for {wait_s:g} s: wait for its end, or let both "
                f"share a server: start `chroma run --path FOLDER` and set GPO_CHROMA_URL=http://localhost:8000"
            )
        await asyncio.sleep(_POLL_S)
    return index


def _join(path: Path) -> _Index | None:
    """Join this process's use of a folder, or become its owner; None while another process is."""
    lock = FileLock(path.with_name("chroma.lock"), thread_local=False)
    with _indexes_lock:
        if (index := _indexes.get(lock.lock_file)) is not None:
            index.users += 1
            return index
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=False)
        except Timeout:
            return None
        except (OSError, NotImplementedError) as error:
            raise StateError(f"index {path} cannot be locked: {error}") from None

        advice = f"remove {path}; it is only an index and is rebuilt from the database, nothing is lost"
        index = _indexes[lock.lock_file] = _Index(lambda: _open_folder(str(path)), f"index {path}", advice, lock)
        return index


def _open_folder(path: str) -> "ClientAPI":
    import chromadb  # noqa: PLC0415 - two seconds of import
    from chromadb.api.shared_system_client import SharedSystemClient  # noqa: PLC0415

    try:
        return chromadb.PersistentClient(path=path, settings=_chroma_settings())
    except Exception:
        # Chroma would hand out its half-opened system at the next try, after the folder was repaired.
        SharedSystemClient._identifier_to_system.pop(path, None)  # noqa: SLF001
        raise


def _server(url: str) -> _Index:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host or parts.path not in ("", "/"):
        # The text may hold a password, so it is not repeated.
        raise InputError("GPO_CHROMA_URL is not a server's address; allowed: http://HOST:PORT, https://HOST:PORT")
    secure = parts.scheme == "https"
    port = port or (443 if secure else 8000)

    def connect() -> "ClientAPI":
        import chromadb  # noqa: PLC0415 - two seconds of import

        return chromadb.HttpClient(host=host, port=port, ssl=secure, settings=_chroma_settings())

    advice = "check GPO_CHROMA_URL and that `chroma run` is up there; `gpo trajectory rebuild` repairs its data"
    return _Index(connect, f"Chroma server {parts.scheme}://{host}:{port}", advice)


def _chroma_settings() -> Any:
    from chromadb.config import Settings as ChromaSettings  # noqa: PLC0415 - two seconds of import

    # Without `_env_file` Chroma would read a `.env` of the user's that is not meant for it.
    return ChromaSettings(_env_file=None, anonymized_telemetry=False)
