"""Chat messages: those of a template, those that are sent, and those that a row brings along as a conversation."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

Role = Literal["system", "user", "assistant", "tool", "placeholder"]
"""Who speaks. `placeholder` is where a template puts a conversation; no message that is sent has it."""

Block = Mapping[str, JsonValue]
"""A part of a message: text, or a medium by `url`, `base64` or `path`, in the standard form of LangChain 1.

A file of this machine has `path` and `sha256`: its bytes are read when they are sent, and its content is what it is.
"""


class Message(BaseModel):
    """One chat message.

    `blocks` are its parts where it holds more than text; then `text` is what a reader sees of them. `more` has what
    messages about tools hold besides, by the names of OpenAI's API: `tool_calls`, `tool_call_id`, `name`. With `tools`
    in it, a message is none that is said: it brings the tools that the model may call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    text: str
    blocks: tuple[Block, ...] = ()
    more: Mapping[str, JsonValue] = {}

    @property
    def is_plain(self) -> bool:
        """Whether it is text alone, which every model takes."""
        return not self.blocks and not self.more and self.role != "tool"

    def identity(self) -> list[JsonValue]:
        """What decides the answer to it, as JSON: of a file the content, wherever it lies."""
        if not self.blocks and not self.more:
            return [self.role, self.text]
        blocks: list[JsonValue] = [*map(_block_identity, self.blocks)]
        return [self.role, self.text, blocks, dict(self.more)]


def tools_of(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The tools that messages bring, as OpenAI's API has them."""
    brought = (message.more["tools"] for message in messages if "tools" in message.more)
    return [tool for tools in brought if isinstance(tools, list) for tool in tools if isinstance(tool, dict)]


def _block_identity(block: Block) -> dict[str, JsonValue]:
    """A block with the digest of its bytes in their place, whether they are in the row or in a file."""
    found = {name: value for name, value in block.items() if name not in ("path", "base64")}
    if "base64" in block:
        found["sha256"] = hashlib.sha256(base64.b64decode(str(block["base64"]))).hexdigest()
    return found


Conversation = tuple[Message, ...]
InputValue = str | Conversation
"""What fills a variable: text, or the messages that stand in the place of a placeholder."""


def shown_message(message: Message) -> str:
    """A message on lines of its own, with its role and the tools that it calls.

    >>> shown_message(Message(role="user", text="Hello"))
    'user: Hello'
    """
    calls = message.more.get("tool_calls")
    called = [f"[calls {_call_text(call)}]" for call in calls] if isinstance(calls, list) else []
    return f"{message.role}: {' '.join(filter(None, [message.text, *called]))}"


def _call_text(call: JsonValue) -> str:
    function = call.get("function") if isinstance(call, dict) else None
    return f"{function.get('name')}({function.get('arguments')})" if isinstance(function, dict) else str(call)


def shown_value(value: InputValue) -> str:
    r"""A value as one text for people, and for models that are told of it.

    >>> shown_value((Message(role="user", text="Hello"), Message(role="assistant", text="Yes?")))
    'user: Hello\nassistant: Yes?'
    """
    return value if isinstance(value, str) else "\n".join(map(shown_message, value))


def shown_inputs(inputs: Mapping[str, InputValue]) -> dict[str, str]:
    """The inputs of an example as texts by their variables."""
    return {name: shown_value(value) for name, value in inputs.items()}


def holds_more_than_text(value: object) -> bool:
    """Whether a value holds messages or parts of one, which a text would write out as code.

    >>> holds_more_than_text("Hello"), holds_more_than_text([{"role": "user", "content": "Hello"}])
    (False, True)
    """
    if isinstance(value, Mapping):
        return "type" in value or "role" in value
    if isinstance(value, list | tuple):
        return any(map(holds_more_than_text, value))
    # A message of LangChain, by what it has: nothing here waits for LangChain.
    return hasattr(value, "content") and hasattr(value, "type")


def texts_of(value: InputValue) -> Iterator[str]:
    """What is said in a value, a text for each message."""
    if isinstance(value, str):
        yield value
    else:
        yield from (message.text for message in value)


def json_value(value: InputValue) -> JsonValue:
    """A value as JSON that differs where the values do: a text as itself, a conversation as a list."""
    return value if isinstance(value, str) else [message.identity() for message in value]


def json_inputs(inputs: Mapping[str, InputValue]) -> dict[str, JsonValue]:
    """The inputs of an example as JSON by their variables."""
    return {name: json_value(value) for name, value in inputs.items()}
