"""A server on the loopback interface that sends what a test decides, byte by byte: bodies, pauses, ends of connections.

    with faulting(lambda call: good("yes") if call.number < 12 else Sent(body=b"{}")) as server:
        ...  # base_url: server.url, model: openai:anything

`tests.support.endpoint` is for answers that are right in form; this one is for those that are not.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MOST_SECONDS = 30.0
"""No reply takes longer than this: a test that hangs ends."""

USAGE = {"prompt_tokens": 60, "completion_tokens": 8, "total_tokens": 68}


@dataclass(frozen=True)
class Call:
    """One request; `number` counts from 1, `text` is all its messages together."""

    number: int
    text: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Sent:
    """What goes back: the head, `slowly` in equal pauses of `every_s`, then the body.

    With `chunked` each part is a chunk. With `closes` the connection ends after what was sent, whole or not.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    slowly: tuple[bytes, ...] = ()
    every_s: float = 0.1
    chunked: bool = False
    closes: bool = False
    silent: bool = False


Responder = Callable[[Call], Sent]


@dataclass
class FaultServer:
    """The running server; `respond` may be changed while it runs."""

    respond: Responder
    url: str = ""
    calls: int = 0
    errors: list[Exception] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client or a reply ends it."""
        try:
            async with asyncio.timeout(MOST_SECONDS):
                while not writer.is_closing():
                    await self._reply(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, ssl.SSLError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
            raise

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or "{}")
        self.calls += 1
        text = "\n".join(str(message["content"]) for message in body.get("messages", ()))
        try:
            sent = self.respond(Call(self.calls, text, body, headers))
        except Exception as error:  # noqa: BLE001 - raised again when the server ends
            self.errors.append(error)
            sent = Sent(status=500)
        await _send(sent, writer)


async def _send(sent: Sent, writer: asyncio.StreamWriter) -> None:
    if not sent.silent:
        length = len(sent.body) + sum(map(len, sent.slowly))
        size = {"transfer-encoding": "chunked"} if sent.chunked else {"content-length": str(length)}
        fields = {"content-type": sent.content_type, **size, **sent.headers}
        lines = [f"HTTP/1.1 {sent.status} X", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        for part in sent.slowly:
            writer.write(_framed(part, sent))
            await writer.drain()
            await asyncio.sleep(sent.every_s)
        writer.write(_framed(sent.body, sent))
        if sent.chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
    if sent.closes or sent.silent:
        writer.close()


def _framed(part: bytes, sent: Sent) -> bytes:
    return b"%x\r\n%s\r\n" % (len(part), part) if sent.chunked and part else part


def completion(content: object = "", *, finish_reason: str = "stop", choice: Any = None, **changes: Any) -> Sent:
    """A reply as `POST /v1/chat/completions` has it; `changes` replace parts of it, None among them."""
    message = {"role": "assistant", "content": content}
    choices = [{"index": 0, "message": message, "finish_reason": finish_reason, **(choice or {})}]
    usual = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": USAGE}
    return Sent(json.dumps(usual | changes).encode())


def error(status: int = 200, **content: Any) -> Sent:
    """A reply that holds an error and no choice."""
    return Sent(json.dumps(content).encode(), status=status)


@contextmanager
def faulting(respond: Responder, tls: ssl.SSLContext | None = None) -> Iterator[FaultServer]:
    """A server that answers every call with `respond`, until the context ends."""
    server, ready, stop = FaultServer(respond), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await server.serve(reader, writer)
        finally:
            tasks.discard(task)

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        port = listener.sockets[0].getsockname()[1]
        server.url = f"http{'s' if tls else ''}://{'localhost' if tls else '127.0.0.1'}:{port}/v1"
        ready.set()
        await stop.wait()
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close in the loop's next turns

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)
    if server.errors:
        raise server.errors[0]
