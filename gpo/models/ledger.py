"""Every model answer that was paid for, kept: an answer is bought once, whatever dies in between.

Two kinds of entries share one table. The library's own calls are kept under a `CallKey`; calls of any LangChain model
by `gpo.models.langchain_cache`. Errors are never kept. Neither the parameters nor the endpoint of a call are stored,
only their hash: no key can leak from here.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ConfigDict, Field, JsonValue, field_validator
from sqlalchemy import Connection, Engine

from gpo.concurrency import Waiting
from gpo.database.engine import read_transaction, utc_now, write_transaction
from gpo.database.statements import execute_plain, insert_or_update, select_in
from gpo.database.tables import calls
from gpo.errors import ModelConfigError, StateError
from gpo.messages.message import Message
from gpo.models.claims import calls as claims
from gpo.models.claims.minutes import MinuteBook
from gpo.models.claims.slots import ShareOfSlots
from gpo.models.clients.rate import MinuteLimits
from gpo.records import Record, canonical_json, content_hash
from gpo.redaction import find_secret

_COLUMNS = tuple(column.name for column in calls.c)
_INSERT = insert_or_update(calls, "calls.created_at < ?")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class CallKey(Record):
    """What decides an answer: the model with its parameters, the rendered messages, and the number of the repeat.

    Time-outs, retries and API keys do not decide it and do not belong into `identity`.

    Raises:
        ModelConfigError: `identity` holds something that is named like a secret.
    """

    # A message about a wrong value must not repeat it: it may be a key.
    model_config = ConfigDict(hide_input_in_errors=True)

    identity: Mapping[str, JsonValue]
    messages: tuple[Message, ...]
    repeat: int = Field(default=0, ge=0)

    @field_validator("identity")
    @classmethod
    def _no_secrets(cls, value: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        if name := find_secret(value):
            raise ModelConfigError(f"model parameter `{name}` looks like a secret; name its variable in `api_key_env`")
        return value

    def about(self, messages: Sequence[Message], repeat: int) -> "CallKey":
        """The key of another call of the same model; what names it has been looked at."""
        return CallKey.model_construct(identity=self.identity, messages=tuple(messages), repeat=repeat)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, 64 hex digits; the order of mappings does not matter."""
        messages = [message.identity() for message in self.messages]
        return content_hash({"identity": self.identity, "messages": messages, "repeat": self.repeat}, length=64)


class Answer(Record):
    """What a model wrote, and what it cost in tokens, replies before it that were no answer included.

    `model` is the name that the provider reported. `seconds` is how long it took, the client's own retries among them;
    None for answers of a time when that was not recorded, and of LangChain's cache. Characters that no database takes
    (NUL, lone surrogates) are replaced by U+FFFD.
    """

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    model: str = ""
    finish_reason: str | None = None
    created_at: str = Field(default_factory=utc_now)
    seconds: float | None = Field(default=None, ge=0)

    # Before pydantic looks at it: of a subclass of `str`, as LangChain's texts are, it takes no surrogate.
    @field_validator("text", "model", "finish_reason", mode="before")
    @classmethod
    def _storable(cls, value: object) -> object:
        return _UNSTORABLE.sub("\ufffd", str(value)) if isinstance(value, str) else value


@dataclass
class _Batch:
    """What the next transaction does; `done` ends with it, and tells what became of the claims."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    released: set[str] = field(default_factory=set)
    claimed: dict[str, str] = field(default_factory=dict)
    done: Future[Mapping[str, Answer | bool]] = field(default_factory=Future)
    waiting: Waiting[Mapping[str, Answer | bool]] = field(default_factory=Waiting)


class Ledger:
    """The kept answers of one database; may be used from several event loops and threads at once.

    Writes are grouped: answers that arrive while a transaction is under way go into the next one together. They are
    written by a thread of the ledger's own, so that a cancelled caller loses nothing that it paid for. Calls that this
    ledger has claimed stay its own until they are kept or released, or the process dies.
    """

    def __init__(self, engine: Engine) -> None:
        """Keep answers in `engine`, which the caller opens and disposes of."""
        self._engine = engine
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gpo-ledger")
        self._lock = threading.Lock()
        self._batch: _Batch | None = None
        self._owner = claims.new_owner()
        self._held: set[str] = set()
        self._shares: list[ShareOfSlots | MinuteBook] = []
        self._closed = threading.Event()
        self._renewing: threading.Thread | None = None

    async def find(self, keys: Sequence[CallKey]) -> dict[str, Answer]:
        """The answers that are there, by digest of their key.

        Raises:
            StateError: the database cannot be used.
        """
        return await asyncio.to_thread(self._find, [key.digest for key in keys])

    async def keep(self, key: CallKey, answer: Answer, role: str = "", stale_before: str = "") -> None:
        """Write one answer; returns when it is committed. The first answer of a key stays.

        `role` says for reports which model of a run was paid (task, optimizer, ...). An answer that is older than
        `stale_before`, a time as `utc_now` writes it, is replaced. A cancelled `keep` still writes.

        Raises:
            StateError: the database cannot be used; the answer was not kept.
        """
        row = {**_row(key, answer, role), "stale_before": stale_before}
        await self._committed(lambda batch: batch.rows.append(row))

    async def claim(self, key: CallKey, since: str = "") -> Answer | bool:
        """The call's answer, where it is there by now and not older than `since`; else whether the caller is to pay.

        True holds until the answer is kept or the call is released; False means that somebody else pays for it.

        Raises:
            StateError: the database cannot be used.
        """
        with self._lock:
            if key.digest in self._held:
                return False
        try:
            found = await self._committed(lambda batch: batch.claimed.setdefault(key.digest, since))
        except asyncio.CancelledError:
            self.release(key)
            raise
        return found[key.digest]

    def release(self, key: CallKey) -> None:
        """Give a claimed call up; whoever waits for its answer may pay."""
        with self._lock:
            self._held.discard(key.digest)
            batch = self._next_batch()
            batch.claimed.pop(key.digest, None)
            batch.released.add(key.digest)

    def share(self, name: str, slots: int) -> ShareOfSlots:
        """A part of `slots` slots, which all who use this database share under a name; given up with the ledger."""
        self._shares.append(share := ShareOfSlots(self._engine, name, slots))
        return share

    def book(self, name: str, limits: MinuteLimits) -> MinuteBook:
        """What all who use this database send to the server of a name within a minute."""
        self._shares.append(book := MinuteBook(self._engine, name, limits))
        return book

    async def aclose(self) -> None:
        """Wait until everything is written, and end the ledger's threads."""
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Wait until everything is written, and end the ledger's threads."""
        self._closed.set()
        for share in self._shares:
            share.close()
        self._writer.shutdown(wait=True)
        if self._renewing is not None:
            self._renewing.join()

    def write(self, row: Mapping[str, Any]) -> Future[Mapping[str, Answer | bool]]:
        """Add a row of the table `calls` to the next transaction; what is given back ends with it."""
        with self._lock:
            batch = self._next_batch()
            batch.rows.append({"stale_before": "", **row})
        return batch.done

    def _find(self, digests: Sequence[str]) -> dict[str, Answer]:
        with read_transaction(self._engine) as connection:
            return _answers(connection, digests)

    async def _committed(self, add: Callable[[_Batch], object]) -> Mapping[str, Answer | bool]:
        """Add something to the next transaction, and wait for its end."""
        with self._lock:
            batch = self._next_batch()
            add(batch)
            end = batch.waiting.join()
        return await end

    def _next_batch(self) -> _Batch:
        """What the next transaction does, to be added to under the lock."""
        if self._batch is None:
            self._batch = _Batch()
            self._batch.done = self._writer.submit(self._write)
            self._batch.done.add_done_callback(self._batch.waiting.tell)
        return self._batch

    def _write(self) -> Mapping[str, Answer | bool]:
        with self._lock:
            batch, self._batch = self._batch or _Batch(), None
            kept = {str(row["digest"]) for row in batch.rows} & self._held
        given_up = kept | batch.released
        ours: set[str] = set()
        there: dict[str, Answer] = {}

        def settle(connection: Connection) -> None:
            _insert(connection, batch.rows)
            claims.drop(connection, self._owner, sorted(given_up))

        def claim(connection: Connection) -> None:
            ours.update(claims.claim(connection, self._owner, list(batch.claimed)))
            # After the claim: whoever held it before has kept the answer by now.
            found = _answers(connection, list(batch.claimed))
            there.update({each: answer for each, answer in found.items() if answer.created_at >= batch.claimed[each]})
            claims.drop(connection, self._owner, sorted(ours & there.keys()))

        works = [*([settle] if batch.rows or given_up else []), *([claim] if batch.claimed else [])]
        # Where rows have locks, a claim may wait for those of others, and must hold none that they wait for.
        for together in [works] if self._engine.dialect.name == "sqlite" else [[work] for work in works]:
            if together:
                with write_transaction(self._engine) as connection:
                    for work in together:
                        work(connection)
        with self._lock:
            # A call may be given up while the transaction that claims it is under way, which then holds it.
            self._held = (self._held - given_up) | (ours - there.keys())
            if self._held and self._renewing is None:
                self._renewing = threading.Thread(target=self._renew, name="gpo-claims", daemon=True)
                self._renewing.start()
        return {digest: there.get(digest, digest in ours) for digest in batch.claimed}

    def _renew(self) -> None:
        while not self._closed.wait(claims.RENEW_S):
            if self._held:
                with suppress(StateError), write_transaction(self._engine) as connection:
                    claims.renew(connection, self._owner)


_FIELDS = tuple(Answer.model_fields)
_FIND = f"SELECT digest, {', '.join(_FIELDS)} FROM calls WHERE digest IN"  # noqa: S608 - names of our own


def _answers(connection: Connection, digests: Sequence[str]) -> dict[str, Answer]:
    rows = select_in(connection, _FIND, digests)
    return {digest: Answer(**dict(zip(_FIELDS, fields, strict=True))) for digest, *fields in rows}


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        # One order for all processes, so that two transactions with the same keys cannot wait for each other.
        ordered = sorted(rows, key=lambda row: str(row["digest"]))
        given = [(*(row[name] for name in _COLUMNS), row["stale_before"]) for row in ordered]
        execute_plain(connection, _INSERT, given)


def _row(key: CallKey, answer: Answer, role: str) -> dict[str, Any]:
    plain = all(message.is_plain for message in key.messages)
    messages = [
        {"role": message.role, "text": message.text} if plain else message.model_dump(exclude_defaults=True)
        for message in key.messages
    ]
    return {
        "digest": key.digest,
        "role": role,
        "repeat": key.repeat,
        "messages": _escaped(canonical_json(messages)),
        "generations": None,
        **dict(answer),
    }


def _escaped(text: str) -> str:
    r"""JSON text with lone surrogates as `\ud800`, which is what JSON calls them."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
