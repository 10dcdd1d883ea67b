"""What a server of this machine accepts: its own host names, and no page of somebody else.

A page in a browser may send requests to every port of the machine; its browser tells where the page is from. A name of
somebody else that was made to point to this machine gives itself away by the request's `Host`.
"""

import hmac
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOCAL = ("127.0.0.1", "localhost", "[::1]")


def local_hosts(port: int) -> frozenset[str]:
    """The names under which a server of this machine may be asked.

    >>> sorted(local_hosts(80))
    ['127.0.0.1:80', '[::1]:80', 'localhost:80']
    """
    return frozenset(f"{name}:{port}" for name in _LOCAL)


def guard(app: Asgi, hosts: Collection[str]) -> Asgi:
    """An ASGI application that hands on to `app` what was sent to one of `hosts`, and by no page from elsewhere.

    Hosts are written with their port. A host without one stands for every port.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and (refusal := _refusal(scope["headers"], hosts)):
            await _refuse(scope["type"], refusal, send)
            return
        await app(scope, receive, send)

    return guarded


def require_key(app: Asgi, key: str, free: Collection[str] = ()) -> Asgi:
    """An ASGI application that hands on to `app` what carries the key as `Authorization: Bearer KEY`.

    What `free` names is answered without it, and what lies below it.
    """
    below = tuple(f"{path}/" for path in free)
    wanted = f"Bearer {key}".encode()

    async def shut(scope: Scope, receive: Receive, send: Send) -> None:
        is_shut = scope["type"] in {"http", "websocket"} and not (
            scope["path"] in free or scope["path"].startswith(below)
        )
        if is_shut:
            given = [value for name, value in scope["headers"] if name == b"authorization"]
            if len(given) != 1 or not hmac.compare_digest(given[0], wanted):
                await _refuse(scope["type"], (401, "the key of this server is needed"), send)
                return
        await app(scope, receive, send)

    return shut


def _refusal(headers: Iterable[tuple[bytes, bytes]], hosts: Collection[str]) -> tuple[int, str] | None:
    """Why a request is not answered; its own words are not repeated."""
    asked = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
    if len(asked) != 1 or not _is_among(asked[0], hosts):
        return 421, "this server does not answer under that host name"
    origins = [value.decode("latin-1").lower() for name, value in headers if name == b"origin"]
    if any(not _is_among(urlsplit(origin).netloc, hosts) for origin in origins):
        return 403, "pages from elsewhere are not answered"
    return None


def _is_among(host: str, hosts: Collection[str]) -> bool:
    return host in hosts or host.rpartition(":")[0] in hosts or host in {each.removesuffix(":80") for each in hosts}


async def _refuse(kind: str, refusal: tuple[int, str], send: Send) -> None:
    if kind == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        return
    status, text = refusal
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
