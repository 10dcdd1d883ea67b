"""How many prompts a second the endpoint serves, beside a plain page of the same framework on the same server.

`python -m benchmarks.endpoint --rounds 5`: servers, each a process with the same settings and limits of connections:
the prompt endpoint of a database with ten prompts, as `gpo serve-prompts` starts it, and one Starlette
route that returns five letters as JSON. Each is asked by 64 connections of another process, in turn; every connection
asks again as soon as it has its answer. Asked are prompts of about 2,000 characters by name.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.tables import markdown_table
from gpo.database.engine import open_database
from gpo.messages.message import Message
from gpo.prompts.registry import Registry
from gpo.prompts.version import PromptContent

CONNECTIONS = 64
SECONDS = 5.0
PROMPTS = 10
PLAIN = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from gpo.serving.connections import TimedProtocol
app = Starlette(routes=[Route("/", lambda request: JSONResponse("hello"))])
if sys.argv[2] == "async":
    async def hello(request):
        return JSONResponse("hello")
    app = Starlette(routes=[Route("/", hello)])
config = uvicorn.Config(app, port=int(sys.argv[1]), log_level="warning", access_log=False, http=TimedProtocol)
config.load()
uvicorn.Server(config).run()
"""


class Load(NamedTuple):
    """Requests a second, and milliseconds until an answer is there."""

    rate: float
    p50: float
    p99: float


def fill(folder: Path) -> None:
    engine = open_database(f"sqlite:///{folder / 'gpo.db'}")
    registry = Registry(engine)
    for number in range(PROMPTS):
        template = (Message(role="system", text="{{instruction}}"), Message(role="user", text="{{text}}"))
        instruction = f"Prompt {number}. " + "Read the review and answer with one word. " * 45
        registry.register(f"prompt-{number}", PromptContent(template=template, instruction=instruction))
        registry.promote(f"prompt-{number}", 1, who="benchmark", why="")
    engine.dispose()


@contextmanager
def server(command: list[str], port: int) -> Iterator[int]:
    """The number of a server's process, once it answers."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield process.pid
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            asyncio.run(ask(port, "/", 0.0, 1))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


async def ask(port: int, path: str, seconds: float, connections: int) -> list[float]:
    """Milliseconds of each answer: every connection asks again when it has one, at least once."""
    until = time.monotonic() + seconds
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()

    async def one() -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        spent = []
        try:
            while True:
                begun = time.perf_counter()
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                spent.append((time.perf_counter() - begun) * 1e3)
                if time.monotonic() >= until:
                    return spent
        finally:
            writer.close()

    found = await asyncio.gather(*(one() for _ in range(connections)))
    return [each for spent in found for each in spent]


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, path: str) -> Load:
    """Of a process of its own, so that it takes no time of this one."""
    command = [sys.executable, "-m", "benchmarks.endpoint", "--ask", str(port), path]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Load(**json.loads(done.stdout))


def asked(port: int, path: str) -> dict[str, Any]:
    begun = time.perf_counter()
    spent = asyncio.run(ask(port, path, SECONDS, CONNECTIONS))
    seconds = time.perf_counter() - begun
    found = np.percentile(spent, [50, 99])
    return {"rate": len(spent) / seconds, "p50": float(found[0]), "p99": float(found[1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=4820)
    parser.add_argument("--ask", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(asked(int(options.ask[0]), options.ask[1])))
        return
    first = options.port
    own = [sys.executable, "-m", "flows.cli.entry", "serve-prompts", "--port", str(first), "--home"]
    plain = [sys.executable, "-c", PLAIN]
    found: dict[str, list[tuple[Load, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        with (
            server([*own, folder], first) as prompts,
            server([*plain, str(first + 1), "async"], first + 1) as quick,
            server([*plain, str(first + 2), "threads"], first + 2) as slow,
        ):
            ways = {
                "prompt endpoint": (first, prompts, "/v1/prompts/prompt-3"),
                "plain page": (first + 1, quick, "/"),
                "plain page, as a function in threads": (first + 2, slow, "/"),
            }
            for _ in range(options.rounds):
                for name, (port, pid, path) in ways.items():
                    before = cpu_of(pid)
                    loaded = load(port, path)
                    used = (cpu_of(pid) - before) / (loaded.rate * SECONDS) * 1e6
                    found.setdefault(name, []).append((loaded, used))
                    print(f"{name}: {loaded}, {used:.0f} us of CPU", file=sys.stderr, flush=True)
    rates = {name: statistics.median(each.rate for each, _ in loads) for name, loads in found.items()}
    rows = []
    for name, loads in found.items():
        shown = [f"{rates[name]:,.0f}", f"{rates[name] / rates['plain page']:.2f}"]
        shown += [f"{statistics.median(getattr(each, what) for each, _ in loads):.1f}" for what in ("p50", "p99")]
        rows.append([name, *shown, f"{statistics.median(used for _, used in loads):.0f}"])
    print(markdown_table(["server", "requests/s", "of the plain page", "ms p50", "p99", "CPU us a request"], rows))


if __name__ == "__main__":
    main()
