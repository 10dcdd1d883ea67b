"""The ledger as the cache of any LangChain model: `set_llm_cache(LedgerCache(ledger, engine))`."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.messages import AIMessage, message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, Generation
from sqlalchemy import Engine, delete, select

from gpo.database.engine import read_transaction, write_transaction
from gpo.database.tables import calls
from gpo.models.ledger import Answer, Ledger
from gpo.records import content_hash

LANGCHAIN = "langchain"


class LedgerCache(BaseCache):
    """What LangChain's models answered, kept beside the library's own calls."""

    def __init__(self, ledger: Ledger, engine: Engine) -> None:
        """Keep answers through `ledger`, and find them in its `engine`."""
        self._ledger = ledger
        self._engine = engine

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """The kept generations of a call, with usage, or None."""
        query = select(calls.c.generations).where(calls.c.digest == _digest(prompt, llm_string))
        with read_transaction(self._engine) as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else read_generations(found)

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Keep the generations of a call; returns when they are committed."""
        self._ledger.write(_row(prompt, llm_string, return_val)).result()

    async def alookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """`lookup` without blocking the event loop."""
        return await asyncio.to_thread(self.lookup, prompt, llm_string)

    async def aupdate(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """`update` without blocking the event loop."""
        await asyncio.shield(asyncio.wrap_future(self._ledger.write(_row(prompt, llm_string, return_val))))

    def clear(self, **kwargs: Any) -> None:  # noqa: ARG002 - LangChain's signature
        """Remove what this cache kept. Answers kept by key stay: they were paid for, and runs rest on them."""
        with write_transaction(self._engine) as connection:
            connection.execute(delete(calls).where(calls.c.generations.is_not(None)))


def _digest(prompt: str, llm_string: str) -> str:
    return content_hash([LANGCHAIN, prompt, llm_string], length=64)


def read_generations(text: str) -> list[Generation]:
    """What `write_generations` wrote."""
    return [_generation(fields) for fields in json.loads(text)]


def write_generations(generations: Sequence[Generation]) -> str:
    """Generations as JSON. Providers put objects of their own into the metadata: these are kept as text."""
    return json.dumps([_fields(each) for each in generations], default=str)


def answer_of(generations: Sequence[Generation]) -> Answer:
    """The text of generations, with what they took and the model's name."""
    messages = [each.message for each in generations if isinstance(each, ChatGeneration)]
    replies = [message for message in messages if isinstance(message, AIMessage)]
    usages = [reply.usage_metadata for reply in replies if reply.usage_metadata]
    names = [str(reply.response_metadata.get("model_name") or "") for reply in replies]
    return Answer(
        text=generations[0].text if generations else "",
        input_tokens=sum(usage["input_tokens"] for usage in usages),
        output_tokens=sum(usage["output_tokens"] for usage in usages),
        model=names[0] if names else "",
    )


def _row(prompt: str, llm_string: str, generations: Sequence[Generation]) -> dict[str, Any]:
    return {
        "digest": _digest(prompt, llm_string),
        "role": LANGCHAIN,
        "repeat": 0,
        "messages": json.dumps(prompt),
        "generations": write_generations(generations),
        **answer_of(generations).model_dump(),
    }


def _fields(generation: Generation) -> dict[str, Any]:
    message = message_to_dict(generation.message) if isinstance(generation, ChatGeneration) else None
    return {"text": generation.text, "info": generation.generation_info, "message": message}


def _generation(fields: Mapping[str, Any]) -> Generation:
    if fields["message"] is None:
        return Generation(text=fields["text"], generation_info=fields["info"])
    (message,) = messages_from_dict([fields["message"]])
    return ChatGeneration(message=message, generation_info=fields["info"])
