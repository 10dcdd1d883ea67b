"""How long 1,728 calls take at 64 slots, beside what the slots and the server's latency make ideal.

`python -m benchmarks.throughput --latency 50 --rounds 5`: in each round every way runs once, in a process of its own,
on a server of this program: a bare HTTP client, LangChain's `abatch`, and `evaluate` with a ledger on disk. Imports and
the first call are not counted. Run it with a raised priority where others use the machine.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.tables import markdown_table
from flows.cli.entry import collect_seldom

CALLS = 1728
SLOTS = 64
_READ = "Classify the sentiment of the review as positive or negative. Answer with one word, in small letters.\n\n"
_PADDING = "The room was clean, the breakfast was cold, and nobody at the desk could say when the bus leaves. "


class Server(asyncio.Protocol):
    """Answers each request after the latency; it reads no more of a request than its length."""

    latency_s = 0.05
    body = json.dumps({
        "id": "c", "object": "chat.completion", "created": 1, "model": "mock",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "positive"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 260, "completion_tokens": 1, "total_tokens": 261},
    }).encode()  # fmt: skip
    reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.got = transport, b""

    def data_received(self, data: bytes) -> None:
        self.got += data
        while (end := self.got.find(b"\r\n\r\n")) >= 0:
            head = self.got[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(self.got) < end + 4 + length:
                return
            self.got = self.got[end + 4 + length :]
            asyncio.get_running_loop().call_later(self.latency_s, self.send)

    def send(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport) and not self.transport.is_closing():
            self.transport.write(self.reply)


async def serve(latency_s: float) -> None:
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
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


def review(number: int) -> str:
    return f"Review {number}: {_PADDING * 10}"


async def bare(url: str) -> Callable[[], Awaitable[object]]:
    """The HTTP client alone, without reading an answer: what Python and the machine allow."""
    import aiohttp  # noqa: PLC0415 - not counted, and not needed by the others

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    slots = asyncio.Semaphore(SLOTS)

    async def call(number: int) -> None:
        body = {"model": "mock", "messages": [{"role": "user", "content": _READ + review(number)}], "temperature": 0.0}
        async with slots, session.post(f"{url}/chat/completions", data=json.dumps(body)) as response:
            await response.read()

    await call(0)

    async def run() -> None:
        await asyncio.gather(*map(call, range(CALLS)))
        await session.close()

    return run


async def langchain(url: str) -> Callable[[], Awaitable[object]]:
    """`abatch` of LangChain's class for OpenAI-compatible servers; it keeps no answer."""
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - not counted, and not needed by the others

    model = ChatOpenAI(model="mock", base_url=url, api_key="none", temperature=0.0, max_retries=0)  # type: ignore[arg-type]
    await model.ainvoke("first")
    requests = [_READ + review(number) for number in range(CALLS)]
    return lambda: model.abatch(requests, {"max_concurrency": SLOTS})  # type: ignore[arg-type]


async def ours(url: str) -> Callable[[], Awaitable[object]]:
    """`evaluate`: messages, keys, look-up, calls, ledger on disk, reading and scores."""
    from gpo.database.engine import open_database  # noqa: PLC0415 - not counted, and not needed by the others
    from gpo.evaluation.evaluate import evaluate  # noqa: PLC0415
    from gpo.models.ledger import Ledger  # noqa: PLC0415
    from gpo.models.models import open_models  # noqa: PLC0415
    from gpo.records import Example  # noqa: PLC0415
    from gpo.settings import Settings  # noqa: PLC0415
    from gpo.spec.task import TaskSpec  # noqa: PLC0415

    model = {"model": "openai:mock", "base_url": url, "max_concurrency": SLOTS}
    spec = TaskSpec.model_validate(
        {
            "name": "throughput",
            "prompt": {"instruction": _READ.strip(), "messages": [{"user": "{{instruction}}\n\n{{text}}"}]},
            "dataset": {"path": "none.jsonl", "input": "text", "reference": "label"},
            "answer": {"kind": "choice", "labels": ["positive", "negative"]},
            "models": {"task": model, "optimizer": model, "embedding": "local:wordllama"},
        }
    )
    examples = [Example(id=str(each), inputs={"text": review(each)}, reference="positive") for each in range(CALLS)]
    folder = tempfile.TemporaryDirectory()
    engine = open_database(f"sqlite:///{Path(folder.name) / 'gpo.db'}")
    ledger = Ledger(engine)
    models = open_models(spec.models, Settings(), ledger)
    opened = await models.__aenter__()
    await opened.task.reach()

    async def run() -> None:
        score = await evaluate(opened.task, spec, spec.prompt.instruction, examples)
        assert (score.n, score.mean, opened.task.tally.paid) == (CALLS, 1.0, CALLS + 1)
        await models.__aexit__(None, None, None)
        await ledger.aclose()
        engine.dispose()
        folder.cleanup()

    return run


WAYS: dict[str, Callable[[str], Awaitable[Callable[[], Awaitable[object]]]]] = {
    "HTTP client alone": bare,
    "LangChain abatch": langchain,
    "evaluate, with ledger": ours,
}


async def measure(way: str, url: str) -> None:
    collect_seldom()  # as the command does
    run = await WAYS[way](url)
    began, cpu = time.perf_counter(), time.process_time()
    await run()
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=50, help="milliseconds that the server takes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=WAYS, action="append")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.latency / 1000))
    elif given.measure:
        asyncio.run(measure(given.only[0], given.measure))
    else:
        compare(given.latency / 1000, given.rounds, given.only or list(WAYS))


def compare(latency_s: float, rounds: int, ways: list[str]) -> None:
    os.environ |= {"NO_PROXY": "127.0.0.1"}
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    with serving(latency_s) as url:
        for _ in range(rounds):
            for way in ways:
                command = [sys.executable, "-m", "benchmarks.throughput", "--measure", url, "--only", way]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found[way].append(tuple(json.loads(done.stdout)))
                print(way, found[way][-1], file=sys.stderr, flush=True)
    ideal = CALLS / SLOTS * latency_s
    rows = []
    for way, runs in found.items():
        wall, cpu = (statistics.median(values) for values in zip(*runs, strict=True))
        share = [f"{wall:.2f}", f"{wall / ideal:.2f}", f"{min(run[0] for run in runs) / ideal:.2f}"]
        rows.append([way, *share, f"{CALLS / wall:.0f}", f"{1000 * cpu / CALLS:.2f}"])
    print(f"{CALLS} calls, {SLOTS} at once, {latency_s * 1000:g} ms each; ideal {ideal:.2f} s; medians of {rounds}\n")
    print(markdown_table(["way", "seconds", "x ideal", "best x ideal", "calls/s", "CPU ms a call"], rows))


if __name__ == "__main__":
    main()
