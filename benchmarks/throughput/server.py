"""A server that plays the models. What it answers is in the path; of most requests it reads no more than the length.

POST /plain/v1/chat/completions      `positive`
POST /task/v1/chat/completions       a label by the request's bytes, seven times in ten the one that scores
POST /optimizer/v1/chat/completions  an instruction that was not there before, in the form that the request asks for
POST /dspy/v1/chat/completions       as `task`, in the form of DSPy
GET  /count                          how many requests of these there were
"""

import asyncio
import itertools
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.landscapes.asking import read_form, write_reply
from benchmarks.throughput.work import INSTRUCTION

_numbers = itertools.count(1)


def _completion(*texts: str) -> bytes:
    message = [{"index": at, "message": {"role": "assistant", "content": text}} for at, text in enumerate(texts)]
    body = json.dumps({
        "id": "c", "object": "chat.completion", "created": 1, "model": "mock",
        "choices": [{**each, "finish_reason": "stop"} for each in message],
        "usage": {"prompt_tokens": 260, "completion_tokens": 1, "total_tokens": 261},
    }).encode()  # fmt: skip
    return _reply(body)


def _reply(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


_PLAIN = [_completion("positive"), _completion("negative")]
_DSPY = [_completion(f"[[ ## label ## ]]\n{text}\n\n[[ ## completed ## ]]") for text in ("positive", "negative")]


def _answer(path: bytes, body: bytes) -> bytes:
    if b"/optimizer/" in path:
        return _propose(json.loads(body))
    is_other = b"/plain/" not in path and zlib.crc32(body) % 10 >= 7
    return (_DSPY if b"/dspy/" in path else _PLAIN)[is_other]


def _propose(request: dict[str, Any]) -> bytes:
    form = read_form("\n\n".join(str(message["content"]) for message in request["messages"]))
    return _completion(
        *(
            write_reply(form, f"{INSTRUCTION} Mind rule {next(_numbers)}.", "No remark.")
            for _ in range(request.get("n") or 1)
        )
    )


class Server(asyncio.Protocol):
    """Answers each request after the latency."""

    latency_s = 0.05
    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.got = transport, b""

    def data_received(self, data: bytes) -> None:
        self.got += data
        while (end := self.got.find(b"\r\n\r\n")) >= 0:
            head = self.got[:end]
            field = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            size = end + 4 + int(field or 0)
            if len(self.got) < size:
                return
            path, body = head.split(b" ", 2)[1], self.got[end + 4 : size]
            self.got = self.got[size:]
            if path == b"/count":
                self.send(_reply(json.dumps(Server.count).encode()))
                continue
            Server.count += 1
            asyncio.get_running_loop().call_later(self.latency_s, self.send, _answer(path, body))

    def send(self, reply: bytes) -> None:
        if isinstance(self.transport, asyncio.WriteTransport) and not self.transport.is_closing():
            self.transport.write(reply)


async def serve(latency_s: float) -> None:
    """Answer until the process ends; the port is printed first."""
    Server.latency_s = latency_s
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving(latency_s: float) -> Iterator[str]:
    """The server in a process of its own, so that it takes nothing from what is measured."""
    command = [sys.executable, "-m", "benchmarks.throughput", "--serve", "--latency", str(latency_s * 1000)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()
