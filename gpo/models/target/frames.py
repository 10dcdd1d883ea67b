"""What a run and a process of its program say to each other: JSON behind its length."""

import asyncio
import json
from typing import Any, BinaryIO

_LENGTH = 8


def pack(content: object) -> bytes:
    """One message as bytes."""
    body = json.dumps(content, ensure_ascii=True).encode()
    return len(body).to_bytes(_LENGTH, "big") + body


def read(file: BinaryIO) -> Any:
    """The next message; None at the end of the file."""
    length = file.read(_LENGTH)
    return json.loads(file.read(int.from_bytes(length, "big"))) if len(length) == _LENGTH else None


async def receive(stream: asyncio.StreamReader) -> Any:
    """The next message.

    Raises:
        IncompleteReadError: the other side is gone.
    """
    length = await stream.readexactly(_LENGTH)
    return json.loads(await stream.readexactly(int.from_bytes(length, "big")))
