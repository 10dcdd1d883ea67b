"""How a limit that adapts does on a server that answers 429 to all calls but some at once, beside a fixed limit.

`python -m benchmarks.busy_server --rounds 3`: 64 slots, 400 ms a call, servers that take 64, 16 or 4 calls at once; the
time that a server of such a kind needs for 25 rounds of calls is ideal. The fixed limit is the same client that neither
lowers its limit nor gives a slot to others while a refused call waits.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from benchmarks.tables import markdown_table
from gpo.database.engine import open_database
from gpo.errors import ModelCallError
from gpo.messages.message import Message
from gpo.models.chat import Sampling
from gpo.models.ledger import Ledger
from gpo.models.limiter import AdaptiveLimiter, Place
from gpo.models.models import open_models
from gpo.settings import Settings
from gpo.spec.models import ModelsSpec

SLOTS, ROUNDS_OF_CALLS = 64, 25
KINDS = ((64, None), (16, None), (16, 1), (4, None))
"""Calls that a server takes at once, and the seconds of its `Retry-After`."""
BODY = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "mock",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}).encode()  # fmt: skip


@dataclass
class Busy:
    """A server that takes so many calls at once."""

    takes: int
    retry_after: int | None
    latency_s: float
    inside: int = 0
    refused: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
                writer.write(await self.answer())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def answer(self) -> bytes:
        if self.inside >= self.takes:
            self.refused += 1
            wait = f"retry-after: {self.retry_after}\r\n" if self.retry_after else ""
            return f"HTTP/1.1 429 X\r\n{wait}content-length: 2\r\n\r\n{{}}".encode()
        self.inside += 1
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.inside -= 1
        return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


@asynccontextmanager
async def serving(server: Busy) -> AsyncIterator[str]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"


class FixedLimiter(AdaptiveLimiter):
    """A limit that stays as it is."""

    def too_much(self, began: float, retry_after: float = 0.0) -> None:
        """Nothing changes."""

    def went_well(self, seconds: float) -> None:
        """Nothing changes."""


async def hold(_place: Place, seconds: float) -> None:
    await asyncio.sleep(seconds)


@contextmanager
def fixed_limit() -> Iterator[None]:
    with patch("gpo.models.chat.AdaptiveLimiter", FixedLimiter), patch.object(Place, "rest", hold):
        yield


async def measure(server: Busy) -> tuple[float, int, int]:
    """Seconds, calls that were refused, and calls that failed for good."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'gpo.db'}")
        ledger = Ledger(engine)
        async with serving(server) as url:
            model = {"model": "openai:mock", "base_url": url, "max_concurrency": SLOTS}
            spec = ModelsSpec.model_validate({"task": model, "optimizer": model, "embedding": "synthetic:words"})
            async with open_models(spec, Settings(), ledger) as models:
                await models.task.reach()

                async def ask(number: int) -> None:
                    nonlocal failed
                    key = models.task.key([Message(role="user", text=str(number))], Sampling())
                    try:
                        await models.task.ask(key, Sampling())
                    except ModelCallError:
                        failed += 1

                began = time.perf_counter()
                await asyncio.gather(*map(ask, range(ROUNDS_OF_CALLS * server.takes)))
                took = time.perf_counter() - began
        await ledger.aclose()
        engine.dispose()
    return took, server.refused, failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=400, help="milliseconds that the server takes")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rows, latency_s = [], given.latency / 1000
    for takes, retry_after in KINDS:
        ways: dict[str, list[tuple[float, int, int]]] = {"fixed": [], "adaptive": []}
        for _ in range(given.rounds):
            with fixed_limit():
                ways["fixed"].append(asyncio.run(measure(Busy(takes, retry_after, latency_s))))
            ways["adaptive"].append(asyncio.run(measure(Busy(takes, retry_after, latency_s))))
        for way, runs in ways.items():
            took, refused, failed = (statistics.median(values) for values in zip(*runs, strict=True))
            ideal = ROUNDS_OF_CALLS * latency_s
            wait = f"{retry_after} s" if retry_after else "none"
            row = [f"{took:.1f}", f"{took / ideal:.2f}", f"{refused:.0f}", f"{failed:.0f}"]
            rows.append([f"{takes}, Retry-After {wait}", way, str(ROUNDS_OF_CALLS * takes), *row])
            print(rows[-1], flush=True)
    print(markdown_table(["the server takes", "limit", "calls", "seconds", "x ideal", "refused", "failed"], rows))


if __name__ == "__main__":
    main()
