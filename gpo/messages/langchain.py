"""Our messages as those of LangChain, with the bytes of files in them."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages

from gpo.errors import DatasetError
from gpo.messages.message import Block, Message

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


def inlined(message: Message) -> Message:
    """The message with its files in it, so that it needs no folder any more.

    Raises:
        DatasetError: a file is gone, or is another one by now.
    """
    if not any("path" in block for block in message.blocks):
        return message
    return message.model_copy(update={"blocks": tuple(map(_with_bytes, message.blocks))})


def _with_bytes(block: Block) -> Block:
    if "path" not in block:
        return block
    path = Path(str(block["path"]))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}; put the file back") from None
    if hashlib.sha256(content).hexdigest() != block["sha256"]:
        raise DatasetError(f"{path}: was changed while it was in use; start again")
    kept = {name: value for name, value in block.items() if name not in ("path", "sha256")}
    return {**kept, "base64": base64.b64encode(content).decode()}


def _as_mapping(message: Message) -> dict[str, Any]:
    content: Any = [dict(block) for block in message.blocks] if message.blocks else message.text
    return {"role": message.role, "content": content, **message.more}
