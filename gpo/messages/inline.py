"""Messages with the bytes of their files in them, so that they need no folder any more."""

import base64
import hashlib
from pathlib import Path

from gpo.errors import DatasetError
from gpo.messages.message import Block, Message


def inlined(message: Message) -> Message:
    """The message with its files in it.

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
