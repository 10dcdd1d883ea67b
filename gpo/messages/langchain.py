"""Our messages as those of LangChain, with the bytes of files in them."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages

from gpo.messages.inline import inlined
from gpo.messages.message import Message

_REASONS = ("finish_reason", "stop_reason", "stopReason", "done_reason")
"""Where providers say why an answer ended."""


def finish_reason(reply: BaseMessage) -> str | None:
    """Why a model's message ended, in its provider's words."""
    about = reply.response_metadata
    return next((str(about[name]) for name in _REASONS if about.get(name)), None)


def langchain_messages(messages: Sequence[Message]) -> list[BaseMessage]:
    """Messages as a chat model of LangChain takes them, without those that only bring tools: see `tools_of`.

    Raises:
        DatasetError: a file of a message is gone, or is another one by now.
    """
    return convert_to_messages([_as_mapping(inlined(message)) for message in messages if "tools" not in message.more])


def _as_mapping(message: Message) -> dict[str, Any]:
    content: Any = [dict(block) for block in message.blocks] if message.blocks else message.text
    return {"role": message.role, "content": content, **message.more}
