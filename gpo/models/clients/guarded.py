"""The HTTP client that LangChain is given for OpenAI-compatible servers: it reads a reply whole and judges it first.

The SDK and LangChain take a reply with an error, or without a choice, for many things. They never see one: what is no
answer is raised here, with the words of the server, as an exception that they pass on. It is imported late: the SDK
takes a second.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from time import monotonic
from typing import Any

import httpx2
from openai import AsyncOpenAI, DefaultAioHttpClient

from gpo.models.clients.call_notes import current_exchange
from gpo.models.clients.client import read_whole
from gpo.models.replies import UnusableReplyError, read_billed, read_body, read_tokens

_NO_LONGER_TRUE = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_METERS = ("prompt_tokens", "completion_tokens", "total_tokens")


class GuardedClient(DefaultAioHttpClient):
    """An HTTP client that gives replies with an answer only, and notes how long they were under way."""

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """The reply, read whole.

        Raises:
            UnusableReplyError: it is no answer, or longer than `MAX_REPLY_BYTES`.
        """
        del stream
        began = monotonic()
        response = await super().send(request, stream=True, **options)
        try:
            body = await read_whole(response.aiter_bytes())
        finally:
            await response.aclose()
        current_exchange().seconds = monotonic() - began
        # Replies that have come by now note their time before any of them is worked on.
        await asyncio.sleep(0)
        headers = {name: value for name, value in response.headers.items() if name.lower() not in _NO_LONGER_TRUE}
        if not headers.get("content-type", "").startswith("text/event-stream") or response.status_code >= 400:
            try:
                content = read_body(response.status_code, response.headers, body)
            except UnusableReplyError as error:
                error.billed = read_billed(body)
                raise
            body = _without_odd_usage(content, body)
            headers["content-type"] = "application/json"  # it is, whatever the server calls it
        return httpx2.Response(response.status_code, headers=headers, content=body, request=response.request)


async def with_own_connections(client: Any, stack: AsyncExitStack) -> Any:
    """A chat model of LangChain that works with OpenAI's SDK, as a copy whose connections are of this run alone.

    Connections belong to an event loop, and the user's own model may be awaited in another one. Of other providers'
    models the same one is given back.
    """
    if hasattr(client, "bound"):
        return client.model_copy(update={"bound": await with_own_connections(client.bound, stack)})
    root = getattr(client, "root_async_client", None)
    if not isinstance(root, AsyncOpenAI):
        return client
    # Calls are repeated in one place, `retry.py`.
    own = root.with_options(http_client=await stack.enter_async_context(GuardedClient()), max_retries=0)
    return client.model_copy(update={"root_async_client": own, "async_client": own.chat.completions})


def _without_odd_usage(content: Mapping[str, Any], body: bytes) -> bytes:
    """The body without numbers of tokens that cannot be true, which are noted."""
    usage = content.get("usage")
    if not isinstance(usage, dict):
        return body if usage is None else json.dumps({**content, "usage": None}).encode()
    read = {name: read_tokens(usage.get(name)) for name in _METERS}
    if all(type(usage.get(name)) in (int, type(None)) and read[name] is not None for name in _METERS):
        return body
    current_exchange().odd_usage = {name: usage.get(name) for name in _METERS if read[name] is None}
    # The details follow the numbers, and nothing reads them.
    return json.dumps({**content, "usage": {name: read[name] or 0 for name in _METERS}}).encode()
