"""An OpenAI-compatible server on the loopback that plays both models of many worlds.

    POST /WORLD/RUN/task/v1/chat/completions         the task model; WORLD is family-seed-size
    POST /WORLD/RUN/optimizer/v1/chat/completions    the optimizer model, also several choices by `n`
    POST /WORLD/RUN/open      {"limit": 400}         a new run; calls of the task model beyond the limit are refused
    POST /WORLD/RUN/close     {"prompt": "..."}      ends it: counts, and the true quality of the prompt

It prints its port, and ends when its standard input does: so it never outlives the process that started it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from subprocess import PIPE, Popen
from typing import Any, Self

from benchmarks.landscapes.plays import EXHAUSTED, Play, RefusedError, world_of

_plays: dict[str, Play] = {}


def handle(path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and content of the reply to a request."""
    _, world, run, action, *_ = path.split("/")
    key = f"{world}/{run}"
    if action == "open":
        _plays[key] = Play(world_of(world), body.get("limit"))
        return 200, {}
    if key not in _plays:
        return 404, {"error": {"message": f"no run {key} is open"}}
    try:
        if action == "close":
            return 200, _plays.pop(key).sum_up(body.get("prompt"))
        return 200, _answer(_plays[key], action, body)
    except RefusedError as error:
        return 403 if EXHAUSTED in str(error) else 400, {"error": {"message": str(error), "code": EXHAUSTED}}
    except Exception as error:  # noqa: BLE001 - one wrong request must not end the others' runs
        return 500, {"error": {"message": f"{path}: {error!r}"}}


def _answer(play: Play, role: str, body: Mapping[str, Any]) -> dict[str, Any]:
    messages = body["messages"]
    answers = [play.answer(messages)] if role == "task" else play.propose(messages, int(body.get("n") or 1))
    return _completion(str(body.get("model")), messages, answers)


def _completion(model: str, messages: list[dict[str, Any]], answers: list[str]) -> dict[str, Any]:
    asked = sum(len(str(item["content"])) for item in messages) // 4
    said = sum(map(len, answers)) // 4 + 1
    choices = [
        {"index": number, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for number, text in enumerate(answers)
    ]
    usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": model, "choices": choices, "usage": usage}


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with `Content-Length`, and nothing else of it: the study's clients need no more, and it is fast."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            lines = self._buffer[:head].decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            end = head + 4 + int(fields.get("content-length", "0"))
            if len(self._buffer) < end:
                return
            body, self._buffer = self._buffer[head + 4 : end], self._buffer[end:]
            status, content = handle(lines[0].split(" ")[1], json.loads(body or b"{}"))
            sent = json.dumps(content).encode()
            top = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
            self._transport.write(top.encode() + sent)


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


class Served(AbstractContextManager["Served"]):
    """A server in a process of its own, as long as the context is open."""

    def __enter__(self) -> Self:
        self._process = Popen(
            [sys.executable, "-m", "benchmarks.landscapes.server"], stdin=PIPE, stdout=PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


if __name__ == "__main__":
    asyncio.run(serve())
