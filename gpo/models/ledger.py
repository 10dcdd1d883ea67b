"""Every model answer that was paid for, kept: an answer is bought once, whatever dies in between.

Two kinds of entries share one table. The library's own calls are kept under a `CallKey`; calls of any LangChain model
are kept when the ledger is its cache (`set_llm_cache(Ledger(engine))`). Errors are never kept. Neither the parameters
nor the endpoint of a call are stored, only their hash: no key can leak from here.
"""

import asyncio
import json
import re
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.messages import AIMessage, message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, Generation
from pydantic import ConfigDict, Field, JsonValue, field_validator
from sqlalchemy import Engine, bindparam, delete, select

from gpo.database.engine import read_transaction, upsert, utc_now, write_transaction
from gpo.database.tables import calls
from gpo.errors import ModelConfigError
from gpo.messages.message import Message
from gpo.records import Record, canonical_json, content_hash
from gpo.redaction import find_secret

LANGCHAIN = "langchain"

_KEYS_PER_QUERY = 500
_STALE_BEFORE = "stale_before"
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

    @property
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


class Ledger(BaseCache):
    """The kept answers of one database; may be used from several event loops and threads at once.

    Writes are grouped: answers that arrive while a transaction is under way go into the next one together. They are
    written by a thread of the ledger's own, so that a cancelled caller loses nothing that it paid for.
    """

    def __init__(self, engine: Engine) -> None:
        """Keep answers in `engine`, which the caller opens and disposes of."""
        self._engine = engine
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gpo-ledger")
        self._lock = threading.Lock()
        self._rows: list[dict[str, Any]] = []
        self._next: Future[None] | None = None

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
        await self._committed({**_row(key, answer, role), _STALE_BEFORE: stale_before})

    async def aclose(self) -> None:
        """Wait until everything is written, and end the writing thread."""
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Wait until everything is written, and end the writing thread."""
        self._writer.shutdown(wait=True)

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """LangChain's cache: the kept generations of a call, with usage, or None."""
        query = select(calls.c.generations).where(calls.c.digest == _langchain_digest(prompt, llm_string))
        with read_transaction(self._engine) as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else [_generation(fields) for fields in json.loads(found)]

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """LangChain's cache: keep the generations of a call; returns when they are committed."""
        self._enqueue(_langchain_row(prompt, llm_string, return_val)).result()

    async def alookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """`lookup` without blocking the event loop."""
        return await asyncio.to_thread(self.lookup, prompt, llm_string)

    async def aupdate(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """`update` without blocking the event loop."""
        await self._committed(_langchain_row(prompt, llm_string, return_val))

    def clear(self, **kwargs: Any) -> None:  # noqa: ARG002 - LangChain's signature
        """Remove what LangChain's cache kept. Answers kept by key stay: they were paid for, and runs rest on them."""
        with write_transaction(self._engine) as connection:
            connection.execute(delete(calls).where(calls.c.generations.is_not(None)))

    def _find(self, digests: Sequence[str]) -> dict[str, Answer]:
        fields = [calls.c[name] for name in Answer.model_fields]
        found: dict[str, Answer] = {}
        with read_transaction(self._engine) as connection:
            for start in range(0, len(digests), _KEYS_PER_QUERY):
                chunk = digests[start : start + _KEYS_PER_QUERY]
                rows = connection.execute(select(calls.c.digest, *fields).where(calls.c.digest.in_(chunk))).mappings()
                found |= {row["digest"]: Answer(**{name: row[name] for name in Answer.model_fields}) for row in rows}
        return found

    async def _committed(self, row: dict[str, Any]) -> None:
        # All rows of a transaction share one future, which the cancellation of one caller must not reach.
        await asyncio.shield(asyncio.wrap_future(self._enqueue(row)))

    def _enqueue(self, row: dict[str, Any]) -> Future[None]:
        """Add a row to the next transaction; the future ends with that transaction."""
        with self._lock:
            if self._next is None:
                self._next = self._writer.submit(self._write)
            self._rows.append(row)
            return self._next

    def _write(self) -> None:
        with self._lock:
            rows, self._rows, self._next = self._rows, [], None
        # One order for all processes, so that two transactions with the same keys cannot wait for each other.
        rows.sort(key=lambda row: str(row["digest"]))
        with write_transaction(self._engine) as connection:
            new = upsert(connection, calls)
            values = {column.name: new.excluded[column.name] for column in calls.c if not column.primary_key}
            is_stale = calls.c.created_at < bindparam(_STALE_BEFORE)
            connection.execute(new.on_conflict_do_update(index_elements=["digest"], set_=values, where=is_stale), rows)


def _row(key: CallKey, answer: Answer, role: str) -> dict[str, Any]:
    messages = canonical_json([message.model_dump(exclude_defaults=True) for message in key.messages])
    return {
        "digest": key.digest,
        "role": role,
        "repeat": key.repeat,
        "messages": _escaped(messages),
        "generations": None,
        **answer.model_dump(),
    }


def _escaped(text: str) -> str:
    r"""JSON text with lone surrogates as `\ud800`, which is what JSON calls them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _langchain_digest(prompt: str, llm_string: str) -> str:
    return content_hash([LANGCHAIN, prompt, llm_string], length=64)


def _langchain_row(prompt: str, llm_string: str, generations: Sequence[Generation]) -> dict[str, Any]:
    messages = [each.message for each in generations if isinstance(each, ChatGeneration)]
    replies = [message for message in messages if isinstance(message, AIMessage)]
    usages = [reply.usage_metadata for reply in replies if reply.usage_metadata]
    names = [str(reply.response_metadata.get("model_name") or "") for reply in replies]
    answer = Answer(
        text=generations[0].text if generations else "",
        input_tokens=sum(usage["input_tokens"] for usage in usages),
        output_tokens=sum(usage["output_tokens"] for usage in usages),
        model=names[0] if names else "",
    )
    return {
        "digest": _langchain_digest(prompt, llm_string),
        "role": LANGCHAIN,
        "repeat": 0,
        "messages": json.dumps(prompt),
        # Providers put objects of their own into the metadata: these are kept as text.
        "generations": json.dumps([_fields(each) for each in generations], default=str),
        _STALE_BEFORE: "",
        **answer.model_dump(),
    }


def _fields(generation: Generation) -> dict[str, Any]:
    message = message_to_dict(generation.message) if isinstance(generation, ChatGeneration) else None
    return {"text": generation.text, "info": generation.generation_info, "message": message}


def _generation(fields: Mapping[str, Any]) -> Generation:
    if fields["message"] is None:
        return Generation(text=fields["text"], generation_info=fields["info"])
    (message,) = messages_from_dict([fields["message"]])
    return ChatGeneration(message=message, generation_info=fields["info"])
