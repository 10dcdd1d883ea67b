"""How long many calls take at 64 slots, beside what the slots and the server's latency make ideal.

    python -m benchmarks.throughput --latency 50 --rounds 5 --peers-python PATH/bin/python
    python -m benchmarks.throughput --form optimize --latency 50 --rounds 5 --peers-python PATH/bin/python

In each round every way runs once, in a process of its own, on a server of this program: a bare HTTP client, LangChain's
`abatch`, DSPy, GEPA, promptolution, and this library with a ledger on disk. `evaluation` is 1,728 calls; `optimize` is
18 steps x 8 proposals x 48 examples, as near as each comes to it. The server counts the calls. Imports and the first
call are not counted. The peers' packages are those of `benchmarks.landscapes`, whose `--help` says how to install them.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.tables import markdown_table
from benchmarks.throughput.server import serve, serving
from benchmarks.throughput.work import FORMS, SLOTS, Form

PEERS = ("DSPy", "GEPA", "promptolution")
WAYS = ("HTTP client alone", "LangChain abatch", *PEERS, "this library")


class Run(NamedTuple):
    """What one way took: seconds, seconds of CPU of its process, and calls that the server counted."""

    wall: float
    cpu: float
    calls: int


def measure(way: str, form: Form, url: str) -> Run:
    """Do the work once, in this process."""
    if way in PEERS:
        from benchmarks.throughput import peers  # noqa: PLC0415 - our environment lacks their packages

        return _timed(url, peers.PEERS[form][way](url))
    from benchmarks.throughput.ours import OURS  # noqa: PLC0415 - the peers' environment lacks the library
    from flows.cli.entry import collect_seldom  # noqa: PLC0415

    collect_seldom()  # as the command does
    with asyncio.Runner() as runner:
        prepared = runner.run(OURS[way](url, form))

        async def run() -> None:
            await prepared()

        return _timed(url, lambda: runner.run(run()))


def _timed(url: str, work: Callable[[], object]) -> Run:
    before, began, cpu = _count(url), time.perf_counter(), time.process_time()
    work()
    return Run(time.perf_counter() - began, time.process_time() - cpu, _count(url) - before)


def _count(url: str) -> int:
    with urllib.request.urlopen(f"{url}/count") as reply:
        return int(reply.read())


def compare(form: Form, latency_s: float, rounds: int, ways: list[str], peers: Path | None) -> None:
    """Run all ways in turn, and print the table."""
    # LiteLLM, which GEPA and DSPy ask by, would first fetch a list of prices from the internet, and hangs without one.
    os.environ |= {"NO_PROXY": "127.0.0.1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    found: dict[str, list[Run]] = {way: [] for way in ways}
    with serving(latency_s) as url:
        for _ in range(rounds):
            for way in ways:
                python = str(peers) if way in PEERS else sys.executable
                command = [python, "-m", "benchmarks.throughput", "--measure", url, "--only", way, "--form", form]
                done = subprocess.run(command, check=False, capture_output=True, text=True)
                if done.returncode:
                    sys.exit(f"{way} failed:\n{done.stderr[-4000:]}")
                found[way].append(Run(*json.loads(done.stdout.splitlines()[-1])))
                print(way, *found[way][-1], file=sys.stderr, flush=True)
    print(f"{form}, {SLOTS} at once, {latency_s * 1000:g} ms each; medians of {rounds}\n")
    heads = ["way", "calls", "seconds", "x ideal", "best x ideal", "calls/s", "CPU ms a call"]
    print(markdown_table(heads, [_row(way, runs, latency_s) for way, runs in found.items()]))


def _row(way: str, runs: list[Run], latency_s: float) -> list[str]:
    """Its own number of calls decides what is ideal."""
    wall, cpu, calls = (statistics.median(values) for values in zip(*runs, strict=True))
    ideal = [run.calls / SLOTS * latency_s for run in runs]
    times = [run.wall / each for run, each in zip(runs, ideal, strict=True)]
    share = [f"{wall:.2f}", f"{statistics.median(times):.2f}", f"{min(times):.2f}"]
    return [way, f"{calls:.0f}", *share, f"{calls / wall:.0f}", f"{1000 * cpu / calls:.2f}"]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--form", choices=FORMS, default="evaluation")
    parser.add_argument("--latency", type=float, default=50, help="milliseconds that the server takes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=WAYS, action="append")
    parser.add_argument("--peers-python", type=Path, help="the Python of the environment with the peers' packages")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.latency / 1000))
        return
    if given.measure:
        print(json.dumps(measure(given.only[0], given.form, given.measure)), flush=True)
        # Threads of some clients would hold the process up.
        os._exit(0)
    ways = [way for way in given.only or WAYS if way not in PEERS or given.peers_python is not None]
    if given.peers_python is None:
        print("without --peers-python: DSPy, GEPA and promptolution are left out", file=sys.stderr)
    compare(given.form, given.latency / 1000, given.rounds, ways, given.peers_python)


if __name__ == "__main__":
    main()
