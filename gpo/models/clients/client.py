"""What every client of a model gives: one raw reply to some messages."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gpo.messages.message import Message
from gpo.models.replies import UnusableReplyError, Verdict

METERS = ("prompt_tokens", "completion_tokens")
"""The numbers of tokens in a reply, by the names of OpenAI."""

NO_KEY = "not-needed"
"""The key for a server that the spec names no key for."""

MAX_REPLY_BYTES = 8_000_000
"""Most that is read of one reply, unpacked: a hundred times what the longest answers take."""


@dataclass(frozen=True)
class RawReply:
    """A reply by the names of OpenAI's; `usage` is as the provider reports it, be it possible or not.

    `seconds` is how long it was under way, None where the client does not know.
    """

    text: str
    usage: Mapping[str, object]
    model: str
    finish_reason: str | None
    refusal: str | None = None
    seconds: float | None = None


class Client(Protocol):
    """An open way to one model."""

    async def reply(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> RawReply:
        """The model's reply, called with these parameters besides its own.

        Raises:
            UnusableReplyError: what came is no answer.
            Exception: whatever the client's library raises.
        """


async def read_whole(parts: AsyncIterator[bytes]) -> bytes:
    """The parts of a reply as one.

    Raises:
        UnusableReplyError: they are longer than `MAX_REPLY_BYTES`.
    """
    body = bytearray()
    async for part in parts:
        body += part
        if len(body) > MAX_REPLY_BYTES:
            raise too_long()
    return bytes(body)


def too_long() -> UnusableReplyError:
    """The error for a reply of more than `MAX_REPLY_BYTES`."""
    return UnusableReplyError(
        Verdict.REFUSED, f"the reply is longer than {MAX_REPLY_BYTES:,} bytes, the most that is read", repeats=0
    )
