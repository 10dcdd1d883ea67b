"""Several processes at one spec: is each answer bought once, is the limit kept, is the result the same, is it faster?

`python -m benchmarks.shared_work`: the start prompt scored by one, two and four processes at once on one state folder;
the same search by one process and with three Dask workers; and three searches, one after another and by three Prefect
workers of a local stack. With `--database URL` the state is on a PostgreSQL server, in a new database for each way, and
not in a folder. The models are a server of this program, which counts what it is asked and how much at once;
the metric is a function that takes `--scorer` milliseconds for an answer and works through a process's answers one by
one, as a compiler or a test suite would. With `--computes` it computes for as long instead of waiting.
"""

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml

from benchmarks.databases import database_on
from benchmarks.tables import markdown_table

DATABASE = "database-url"
"""The file of a task that names its database, where that is not in its folder."""
SLOTS = 8
SCORER = """
import time

def score(answer: str, reference: str) -> float:
    {work}
    return float(answer == reference)
"""
WAITS = "time.sleep({seconds})"
COMPUTES = "end = time.thread_time() + {seconds}\n    while time.thread_time() < end:\n        sum(range(1000))"
DEPLOYMENT = {
    "name": "bench",
    "pull": [{"prefect.deployments.steps.set_working_directory": {"directory": "."}}],
    "deployments": [
        {
            "name": "optimize",
            "entrypoint": "flows.optimize.optimize_prompt",
            "work_pool": {"name": "gpo-process"},
            "parameters": {"spec": "spec.yaml"},
        }
    ],
}


class Server:
    """Answers after the latency, and counts: requests, those that came before, and the most that were in at once."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.forget()

    def forget(self) -> None:
        self.seen: set[bytes] = set()
        self.calls = self.again = self.inside = self.most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                if head.startswith(b"get"):
                    counts = json.dumps([self.calls, self.again, self.most]).encode()
                    self.forget()
                    self._write(writer, counts)
                    continue
                length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                self._write(writer, await self.answer(await reader.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _write(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(body) + body)

    async def answer(self, raw: bytes) -> bytes:
        request = json.loads(raw)
        text = "\n".join(str(message["content"]) for message in request["messages"])
        is_task = request["model"] == "task"
        # A proposal may be asked for more than once, as another sample.
        digest = hashlib.sha256(raw).digest()
        greeting = "Reply with the word" in text
        if is_task and not greeting:
            self.calls, self.again, self.inside = self.calls + 1, self.again + (digest in self.seen), self.inside + 1
            self.seen.add(digest)
            self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.inside -= is_task and not greeting
        content = self._label(text) if is_task else self._proposal(text)
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 50, "completion_tokens": 1, "total_tokens": 51}
        reply = {"id": "c", "object": "chat.completion", "created": 1, "model": request["model"]}
        return json.dumps({**reply, "choices": [choice], "usage": usage}).encode()

    @staticmethod
    def _label(text: str) -> str:
        """Right for a share of the reviews that depends on the instruction."""
        review, _, instruction = text.partition("\n")
        skill = 0.5 + hashlib.sha256(instruction.encode()).digest()[0] / 512
        is_right = hashlib.sha256(text.encode()).digest()[0] / 256 < skill
        return "positive" if ("good" in review) == is_right else "negative"

    @staticmethod
    def _proposal(text: str) -> str:
        words = ("carefully", "briefly", "exactly", "always", "calmly", "fairly", "firmly", "first", "now", "only")
        drawn = hashlib.sha256(text.encode()).digest()
        chosen = " ".join(words[byte % len(words)] for byte in drawn[:4])
        return f"ready <START>Say {chosen} whether this review is good.<END>"


async def serve(latency_s: float) -> None:
    listening = await asyncio.start_server(Server(latency_s).serve, "127.0.0.1", 0, backlog=512)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


@contextmanager
def serving(latency_ms: float) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.shared_work", "--serve", "--latency", str(latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def counts(url: str) -> tuple[int, int, int]:
    """Calls of the task model since this was asked last, those that came twice, and the most at once."""
    with urlopen(f"{url}/counts") as reply:  # our own server
        calls, again, most = json.load(reply)
    return calls, again, most


@dataclass(frozen=True)
class Place:
    """Where tasks are, with their state beside them, or on a database server that is named; and how large they are."""

    folder: Path
    server: str | None = None
    examples: int = 48
    steps: int = 2
    seeds: tuple[int, ...] = (1, 2, 3)
    databases: ExitStack = field(default_factory=ExitStack)
    """Those that were made on the server, until it is closed."""

    def task(self, name: str, url: str, scorer: str, execution: dict[str, Any] | None = None) -> Path:
        spec = write_task(self, name, url, scorer, execution)
        if self.server is not None:
            database = self.databases.enter_context(database_on(self.server))
            (spec.parent / DATABASE).write_text(database, encoding="utf-8")
        return spec


def write_task(place: Place, name: str, url: str, scorer: str, execution: dict[str, Any] | None) -> Path:
    folder = place.folder / name
    kinds = ("bad", "good")
    rows = [
        {"text": f"Parcel {i} came and was {kinds[i % 2]}.", "label": ("negative", "positive")[i % 2]}
        for i in range(130)
    ]
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "scorer.py").write_text(scorer, encoding="utf-8")
    (folder / "prefect.yaml").write_text(yaml.safe_dump(DEPLOYMENT), encoding="utf-8")
    model = {"base_url": f"{url}/v1", "max_concurrency": SLOTS}
    content = {
        "name": "parcels",
        "prompt": {"instruction": "Is it good?", "messages": [{"user": "{{text}}\n{{instruction}}"}]},
        "dataset": {
            "path": "rows.jsonl",
            "input": "text",
            "reference": "label",
            "split": {"train": 24, "dev": place.examples, "test": place.examples},
        },
        "answer": {"kind": "choice", "labels": ["positive", "negative"]},
        "metric": "scorer:score",
        "models": {"task": {"model": "openai:task", **model}, "optimizer": {"model": "openai:optimizer", **model}},
        "optimizer": {"preset": "minibatch", "accept": "none", "max_steps": place.steps, "candidates": 6, "batch": 3},
        **({"execution": execution} if execution else {}),
    }
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def environment(folder: Path) -> dict[str, str]:
    """For processes that work on the task in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GPO_", "PREFECT_"))}
    root = str(Path(__file__).resolve().parents[1])
    named = folder / DATABASE
    database = {"GPO_DATABASE_URL": named.read_text(encoding="utf-8")} if named.exists() else {}
    return {**kept, "PYTHONPATH": root, "OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1", **database}


def start(spec: Path, *arguments: str, command: str = "optimize") -> "subprocess.Popen[str]":
    called = [sys.executable, "-m", "flows.cli.entry", command, str(spec), "--json", *arguments]
    folder = spec.parent
    with (folder / "log.txt").open("a") as log:
        return subprocess.Popen(
            called, cwd=folder, env=environment(folder), text=True, stdout=subprocess.PIPE, stderr=log
        )


Result = dict[str, Any]


def end(process: "subprocess.Popen[str]") -> tuple[float, Result]:
    """Seconds from the start of the search to its end, and what came of it."""
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a run ended with {process.returncode}: {process.args}")
    summary = json.loads(out)
    return summary["wall_s"], result_of(summary)


def result_of(summary: Result) -> Result:
    """What must not depend on who has done the work."""
    kept = {
        name: value for name, value in summary.items() if name not in ("calls", "wall_s", "report", "usage", "cost")
    }
    if kept.get("verdict"):
        kept["verdict"] = {
            name: value for name, value in kept["verdict"].items() if name not in ("measures", "earlier_uses")
        }
    return kept


@dataclass(frozen=True)
class Way:
    """One way of doing the work: what it came to, and what the server saw."""

    name: str
    seconds: float
    run_seconds: float
    results: list[Result]
    calls: int
    again: int
    most: int


def measure(name: str, url: str, work: Callable[[], tuple[float, list[Result]]]) -> Way:
    counts(url)
    began = time.perf_counter()
    run_seconds, results = work()
    seconds = time.perf_counter() - began
    way = Way(name, seconds, run_seconds, results, *counts(url))
    print(
        f"{name}: {seconds:.0f} s, search {run_seconds:.0f} s, {way.calls} calls, {way.again} twice, {way.most} out",
        file=sys.stderr,
        flush=True,
    )
    return way


def at_once(spec: Path, processes: int) -> tuple[float, list[Result]]:
    """Seconds of the longest search, and what came of each."""
    ended = [end(each) for each in [start(spec) for _ in range(processes)]]
    return max(seconds for seconds, _ in ended), [result for _, result in ended]


def scored(spec: Path, processes: int, split: str) -> tuple[float, list[Result]]:
    """Seconds until the start prompt is scored by all, at once, and its scores."""
    began, results = time.perf_counter(), []
    for process in [start(spec, "--split", split, command="evaluate") for _ in range(processes)]:
        out, _ = process.communicate()
        found = json.loads(out)
        results.append({name: found[name] for name in ("task", "split", "score", "ci95", "n")})
    return time.perf_counter() - began, results


def one_after_another(spec: Path, seeds: Sequence[int]) -> tuple[float, list[Result]]:
    """A search with each seed: seconds of all commands, start of processes included, and what came of each."""
    began = time.perf_counter()
    results = [end(start(spec, "--seed", str(seed)))[1] for seed in seeds]
    return time.perf_counter() - began, results


def by_prefect_workers(place: Place, url: str, scorer: str) -> Way:
    """The same as flow runs at once, by as many workers of a local stack."""
    spec = place.task("prefect", url, scorer)
    gpo(spec.parent, "up", "--workers", str(len(place.seeds)), "--port", "4900")
    try:
        return measure(f"{len(place.seeds)} Prefect workers", url, partial(by_flow_runs, spec, place.seeds))
    finally:
        gpo(spec.parent, "down")


def by_flow_runs(spec: Path, seeds: Sequence[int]) -> tuple[float, list[Result]]:
    command = [sys.executable, "-m", "benchmarks.shared_work", "--flow-runs", str(spec), *map(str, seeds)]
    done = subprocess.run(command, env=environment(spec.parent), check=True, text=True, stdout=subprocess.PIPE)
    seconds, results = json.loads(done.stdout)
    return seconds, results


def gpo(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "flows.cli.app", *arguments]
    with (folder / "stack.txt").open("a") as log:
        subprocess.run(command, cwd=folder, env=environment(folder), check=True, stdout=log, stderr=log)


async def flow_runs(spec: Path, seeds: Sequence[str]) -> None:
    """Have the workers of the stack run each seed, and print what came of it."""
    from flows.stack.environment import prepare_prefect  # noqa: PLC0415 - of this way alone

    home = spec.parent / ".gpo"
    prepare_prefect(home, verbose=False)
    from prefect.deployments import run_deployment  # noqa: PLC0415 - reads the environment as it is now

    given = [{"spec": str(spec), "seed": int(seed), "home": str(home)} for seed in seeds]
    name = "optimize-prompt/optimize"
    began = time.perf_counter()
    runs = await asyncio.gather(*(run_deployment(name, parameters=each, timeout=3600) for each in given))
    if not all(run.state and run.state.is_completed() for run in runs):
        raise SystemExit(f"runs ended as {[run.state_name for run in runs]}")
    seconds = time.perf_counter() - began
    # Each has ended: the command finds what it came to, and asks nobody.
    print(json.dumps([seconds, [end(start(spec, "--seed", seed))[1] for seed in seeds]]))


def rows_of(ways: Sequence[Way]) -> list[list[str]]:
    """The rows of the table; the first way is what the others are compared with."""
    rows, first, alone = [], ways[0].run_seconds, ways[0].results
    for way in ways:
        same = all(result in alone for result in way.results)
        speed = f"{first / way.run_seconds:.2f}"
        rows.append(
            [
                way.name,
                f"{way.seconds:.0f}",
                f"{way.run_seconds:.0f}",
                speed,
                str(way.calls),
                str(way.again),
                str(way.most),
                "yes" if same else "NO",
            ]
        )
    return rows


HEADS = ["who", "whole command, s", "search, s", "speed-up", "calls", "bought twice", "most at once", "same result"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=50, help="milliseconds that the server takes")
    parser.add_argument("--scorer", type=float, default=50, help="milliseconds that the metric takes for an answer")
    parser.add_argument("--computes", action="store_true", help="the metric computes instead of waiting")
    parser.add_argument("--examples", type=int, default=48, help="examples of dev, and of test")
    parser.add_argument("--steps", type=int, default=2, help="steps of a search")
    parser.add_argument("--only", choices=["processes", "dask", "prefect"], action="append")
    parser.add_argument("--database", help="PostgreSQL server on which databases may be made, postgresql+psycopg://...")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--flow-runs", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.latency / 1000))
    elif given.flow_runs:
        spec, *seeds = given.flow_runs
        asyncio.run(flow_runs(Path(spec), seeds))
    else:
        scorer = SCORER.format(work=(COMPUTES if given.computes else WAITS).format(seconds=given.scorer / 1000))
        with tempfile.TemporaryDirectory(prefix="gpo-shared-") as folder, serving(given.latency) as url:
            place = Place(Path(folder), given.database, given.examples, given.steps)
            with place.databases:
                compare(place, url, scorer, given.only or ["processes", "dask", "prefect"])


def compare(place: Place, url: str, scorer: str, only: Sequence[str]) -> None:
    if "dask" in only:
        ways = [measure("1 process", url, partial(at_once, place.task("one", url, scorer), 1))]
        spec = place.task("dask", url, scorer, {"runner": "dask", "workers": 3})
        ways.append(measure("1 process with 3 Dask workers", url, partial(at_once, spec, 1)))
        print(markdown_table(HEADS, rows_of(ways)), "\n", flush=True)
    if "processes" in only:
        ways = []
        for processes in (1, 2, 4):
            spec = place.task(f"{processes}", url, scorer)
            scored(spec, 1, "train")  # the check is done, and there is a database
            who = f"{processes} process{'es' * (processes > 1)}, gpo evaluate"
            ways.append(measure(who, url, partial(scored, spec, processes, "dev")))
        print(markdown_table(HEADS, rows_of(ways)), "\n", flush=True)
    if "prefect" in only:
        spec = place.task("seeds", url, scorer)
        who = f"{len(place.seeds)} seeds, one after another"
        alone = measure(who, url, partial(one_after_another, spec, place.seeds))
        print(markdown_table(HEADS, rows_of([alone, by_prefect_workers(place, url, scorer)])))


if __name__ == "__main__":
    main()
