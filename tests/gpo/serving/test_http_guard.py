"""Which requests a server of this machine answers."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.serving.http_guard import guard, local_hosts


def asked(headers: list[tuple[str, str]], kind: str = "http") -> list[Any]:
    """What comes back for a request with these headers to a server at port 4200."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send("answered")

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing of a refused request is read")

    scope = {"type": kind, "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers]}
    asyncio.run(guard(app, local_hosts(4200))(scope, receive, send))
    return sent


@pytest.mark.parametrize(
    "headers",
    [
        [("host", "127.0.0.1:4200")],
        [("host", "LOCALHOST:4200")],
        [("host", "localhost:4200"), ("origin", "http://127.0.0.1:4200")],
        [("host", "[::1]:4200"), ("origin", "http://localhost:4200")],
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_its_own_names_and_pages_are_answered(headers: list[tuple[str, str]], kind: str) -> None:
    assert asked(headers, kind) == ["answered"]


REFUSED = {
    "a foreign host": ([("host", "evil.example:4200")], 421),
    "a foreign host that begins like its own": ([("host", "127.0.0.1.evil.example:4200")], 421),
    "another port": ([("host", "127.0.0.1:4201")], 421),
    "no host": ([], 421),
    "two hosts": ([("host", "127.0.0.1:4200"), ("host", "evil.example")], 421),
    "a foreign page": ([("host", "127.0.0.1:4200"), ("origin", "http://evil.example")], 403),
    "a page of another port": ([("host", "127.0.0.1:4200"), ("origin", "http://localhost:8000")], 403),
    "a page from a file": ([("host", "127.0.0.1:4200"), ("origin", "null")], 403),
    "a page with its own name as user": (
        [("host", "127.0.0.1:4200"), ("origin", "http://127.0.0.1:4200@evil.example")],
        403,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_others_are_refused_and_their_words_not_repeated(case: str) -> None:
    headers, status = REFUSED[case]
    start, body = asked(headers)
    assert start["status"] == status
    assert not any(name.startswith(b"access-control") for name, _ in start["headers"])
    assert b"evil" not in body["body"]


def test_a_socket_of_a_foreign_page_is_closed() -> None:
    (closed,) = asked([("host", "127.0.0.1:4200"), ("origin", "http://evil.example")], "websocket")
    assert closed["type"] == "websocket.close"


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\x00"), max_size=40))
def test_whatever_the_host_is_it_is_answered_or_refused(host: str) -> None:
    answered = asked([("host", host)]) == ["answered"]
    assert answered == (host.lower() in local_hosts(4200))
