"""OpenAI-compatible servers over HTTP, without the SDK and LangChain: they take more time than all the rest of a call.

What only those can do goes through them still: messages with files or tools, parameters that are not known here, models
by whose name LangChain asks in a way of its own, and whatever the environment sets up for them.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from gpo.messages.message import Message
from gpo.models.clients.client import MAX_REPLY_BYTES, METERS, Client, RawReply, read_whole, too_long
from gpo.models.replies import UnusableReplyError, Verdict, read_billed, read_body
from gpo.settings import configures_langchain, proxy_for
from gpo.spec.models import ModelSpec

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_OPENAI = "https://api.openai.com/v1"
_NAMED = re.compile(r"(?i)^(?:o\d|gpt-[5-9])|codex")
"""Models for which LangChain leaves out parameters, renames roles or asks another endpoint."""

_NUMBER = (int, float)
_PARAMETERS: Mapping[str, type | tuple[type, ...]] = {
    "temperature": _NUMBER,
    "top_p": _NUMBER,
    "presence_penalty": _NUMBER,
    "frequency_penalty": _NUMBER,
    "max_tokens": int,
    "max_completion_tokens": int,
    "seed": int,
    "stop": (str, list),
    "logit_bias": dict,
    "extra_body": dict,
    "default_headers": dict,
}
"""Parameters that are sent as they are, by the types that they must have."""

_KEPT_S = 5.0
"""How long an idle connection is kept: servers close theirs after five seconds, or later."""


def can_ask_directly(spec: ModelSpec) -> bool:
    """Whether requests to a model are plain ones of OpenAI's chat API, which need nobody's help."""
    provider, _, name = spec.model.partition(":")
    if provider != "openai" or spec.completion or _NAMED.search(name) or configures_langchain():
        return False
    proxy = proxy_for(spec.base_url or _OPENAI)
    is_known = all(_is_plain(name, value) for name, value in spec.sampling.items())
    return is_known and (proxy is None or proxy.startswith(("http://", "https://")))


def _is_plain(name: str, value: JsonValue) -> bool:
    if name == "default_headers" and isinstance(value, dict):
        return all(isinstance(each, str) for each in value.values())
    return name in _PARAMETERS and isinstance(value, _PARAMETERS[name]) and not isinstance(value, bool)


async def open_direct(
    spec: ModelSpec, key: str, stack: AsyncExitStack, open_other: Callable[[], Awaitable[Client]]
) -> "DirectClient":
    """A client of the server of a model that can be asked directly; `open_other` gives one that can do all.

    Its connections close with the stack, and live on the running event loop.
    """
    from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector  # noqa: PLC0415 - a third of a second

    url = (spec.base_url or _OPENAI).rstrip("/")
    # How many there are at once is up to the limit of the model, how long one takes to `retry.py`.
    connector = TCPConnector(limit=0, keepalive_timeout=_KEPT_S, ssl=_tls() if url.startswith("https:") else True)
    session = ClientSession(connector=connector, timeout=ClientTimeout(total=None), cookie_jar=DummyCookieJar())
    return DirectClient(
        session=await stack.enter_async_context(session),
        url=f"{url}/chat/completions",
        proxy=proxy_for(url),
        headers={
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "accept": "application/json",
            **spec.sampling.get("default_headers", {}),
        },
        model=spec.model.partition(":")[2],
        parameters={name: value for name, value in spec.sampling.items() if name != "default_headers"},
        open_other=open_other,
    )


def _tls() -> Any:
    from httpx2 import create_ssl_context  # noqa: PLC0415 - heavy, and for https alone

    # The certificates that the SDK trusts, too: those of certifi, or what SSL_CERT_FILE and SSL_CERT_DIR name.
    return create_ssl_context()


@dataclass
class DirectClient:
    """One model of an OpenAI-compatible server."""

    session: "ClientSession"
    url: str
    proxy: str | None
    headers: Mapping[str, str]
    model: str
    parameters: Mapping[str, Any]
    open_other: Callable[[], Awaitable[Client]]
    _other: Client | None = None

    async def reply(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> RawReply:
        """See `Client`."""
        if not all(message.is_plain for message in messages):
            if self._other is None:
                self._other = await self.open_other()
            return await self._other.reply(messages, parameters)
        return await self._send(self.request(messages, parameters))

    def request(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a request, by what LangChain would send."""
        given = {**self.parameters, **parameters}
        extra = given.pop("extra_body", {})
        if "max_tokens" in given:
            given["max_completion_tokens"] = given.pop("max_tokens")
        sent = [{"role": message.role, "content": message.text} for message in messages]
        return {"messages": sent, "model": self.model, **given, **extra}

    async def _send(self, request: Mapping[str, Any]) -> RawReply:
        from aiohttp import ClientError  # noqa: PLC0415 - loaded by now

        body, began = json.dumps(request).encode(), monotonic()
        try:
            async with self.session.post(self.url, data=body, headers=self.headers, proxy=self.proxy) as response:
                content = await _read(response)
        except ClientError as error:
            # By its own name it is known to nobody here; what is behind it, is.
            raise ConnectionError(str(error)) from error
        seconds = monotonic() - began
        try:
            return _raw_reply(read_body(response.status, response.headers, content), seconds)
        except UnusableReplyError as error:
            error.billed = read_billed(content)
            raise


async def _read(response: "ClientResponse") -> bytes:
    # Of a packed reply the length says nothing of what it becomes.
    if response.content_length is not None and "content-encoding" not in response.headers:
        if response.content_length > MAX_REPLY_BYTES:
            raise too_long()
        return await response.read()
    return await read_whole(response.content.iter_any())


def _raw_reply(content: Mapping[str, Any], seconds: float) -> RawReply:
    choices = content.get("choices")
    if not choices:
        raise UnusableReplyError(Verdict.FAILED_FOR_NOW, "the reply holds no choice")
    message, usage = choices[0].get("message") or choices[0], content.get("usage")
    reason, refusal = choices[0].get("finish_reason"), message.get("refusal")
    return RawReply(
        text=_text_of(message.get("content", message.get("text"))),
        usage={name: usage.get(name) for name in METERS} if isinstance(usage, dict) else {},
        model=str(content.get("model") or ""),
        finish_reason=None if reason is None else str(reason),
        refusal=None if refusal is None else str(refusal),
        seconds=seconds,
    )


def _text_of(content: object) -> str:
    """What a message says; some servers send it in parts."""
    if isinstance(content, list):
        texts = (
            part if isinstance(part, str) else part.get("text") for part in content if isinstance(part, str | dict)
        )
        return "".join(text for text in texts if isinstance(text, str))
    return "" if content is None else str(content)
