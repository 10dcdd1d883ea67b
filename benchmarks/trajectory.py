"""How long it takes to find the nearest, the best and the latest of many prompts.

`python -m benchmarks.trajectory`: for each size, in a process of its own, a run's prompts are added to a trajectory and
to the database, with random unit vectors of the size that the embedded model has. Then they are asked for in turn: the
8 nearest, the 8 best, the 8 latest; then, apart, the nearest by a filter over what all runs share, as it was before.
`--no-index` leaves Chroma out, which takes about a millisecond of processor time a prompt to add.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import markdown_table
from gpo.database.engine import open_database
from gpo.records import Candidate, Score, Scored
from gpo.runs.history import History, RunRow
from gpo.search.memory.ranking import Ranking, last_ranked
from gpo.search.memory.trajectory import Scope, Trajectory, open_trajectory
from gpo.settings import Settings

DIMENSIONS = 256
BATCH = 2000
K = 8
A_STEP = 8
ROUNDS = 200
SLOW_S = 60.0
"""How long a way of asking is repeated at the most; beyond that there are fewer rounds."""
SCOPE = Scope(task="scale", dataset="d", metric="exact_match", task_model="m", embedding="random")
WORDS = [
    "read",
    "the",
    "review",
    "and",
    "say",
    "whether",
    "it",
    "is",
    "good",
    "or",
    "bad",
    "in",
    "one",
    "word",
    "step",
    "by",
]


async def embed(texts: Sequence[str]) -> list[list[float]]:
    """Random unit vectors, the same for the same text."""
    found = []
    for text in texts:
        vector = np.random.default_rng(abs(hash(text))).standard_normal(DIMENSIONS)
        found.append((vector / np.linalg.norm(vector)).tolist())
    return found


def prompts(size: int) -> Iterator[list[Scored]]:
    """Distinct prompts of 20 words, 8 a step, each scored on 48 examples, a batch at a time."""
    rng = random.Random(0)
    examples = [f"e{number}" for number in range(48)]
    for start in range(0, size, BATCH):
        batch = []
        for number in range(start, min(start + BATCH, size)):
            text = " ".join([*rng.choices(WORDS, k=19), str(number)])
            values = dict.fromkeys(examples, 0.0) | dict.fromkeys(examples[: rng.randint(0, 48)], 1.0)
            candidate = Candidate(instruction=text, step=number // A_STEP, number=number % A_STEP)
            batch.append(Scored(candidate=candidate, score=Score(values=values, planned=48)))
        yield batch


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


async def timed(ways: dict[str, Callable[[Candidate], Awaitable[Any]]], asked: Sequence[Candidate]) -> dict[str, Any]:
    """Milliseconds of each way, asked in turn; and of the processor, which a busy machine does not lengthen."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for current in asked:
        for name, way in ways.items():
            if sum(wall for wall, _ in spent[name]) < SLOW_S * 1000:
                begun, used = time.perf_counter(), time.process_time()
                await way(current)
                spent[name].append(((time.perf_counter() - begun) * 1e3, (time.process_time() - used) * 1e3))
    return {
        name: {
            "p50": float(np.percentile([wall for wall, _ in each], 50)),
            "p95": float(np.percentile([wall for wall, _ in each], 95)),
            "cpu": statistics.median(used for _, used in each),
            "rounds": len(each),
        }
        for name, each in spent.items()
    }


def filtered(trajectory: Trajectory) -> Callable[[Candidate], Awaitable[Any]]:
    """The search as it was: 32 entries with texts and scores, by a filter that holds for all."""
    where: Any = {"$and": [{"step": {"$gte": 0}}, {"step": {"$lt": 1_000_000_000}}]}

    async def ask(current: Candidate) -> Any:
        query: Any = await embed([current.instruction])
        parts: Any = ["embeddings", "documents", "metadatas"]
        return await trajectory._call(  # noqa: SLF001
            lambda held: held.query(query_embeddings=query, n_results=32, where=where, include=parts), "run"
        )

    return ask


async def measure(size: int, home: Path, *, has_index: bool) -> dict[str, Any]:
    engine = open_database(f"sqlite:///{home / 'gpo.db'}")
    history = History(engine)
    history.begin(RunRow(key="run", task="scale", scope=SCOPE.id, started_at="2026-01-01T00:00:00"))
    seen: list[Candidate] = []  # of the last batch: a search asks about a prompt that it has scored lately
    rng = random.Random(1)
    indexed = {"wall": 0.0, "cpu": 0.0}
    ranked = partial(history.ranked, "run", 1_000_000_000)

    async def last(current: Candidate, by: Ranking) -> Any:
        return await asyncio.to_thread(last_ranked, ranked, by, current, K)

    async with open_trajectory(SCOPE, Settings(), home, embed) as trajectory:
        for batch in prompts(size):
            history.record("run", SCOPE.id, batch)
            begun, used = time.perf_counter(), time.process_time()
            if has_index:
                await trajectory.add("run", batch)
            indexed["wall"] += time.perf_counter() - begun
            indexed["cpu"] += time.process_time() - used
            seen = [each.candidate for each in batch]
        added = peak_mb()
        ways: dict[str, Callable[[Candidate], Awaitable[Any]]] = {
            "best": partial(last, by="score"),
            "latest": partial(last, by="time"),
        }
        asked = rng.choices(seen, k=ROUNDS)
        if has_index:
            ways["nearest"] = lambda current: trajectory.nearest("run", current, K, 1_000_000_000)
            # Apart from the others: it reads so much that whoever is asked after it finds nothing in the caches.
            old = {"filter": filtered(trajectory)}
        await timed(ways, asked[:3])
        found = await timed(ways, asked) | (await timed(old, asked) if has_index else {})
    engine.dispose()
    disk = {"index": size_mb(home / "chroma"), "database": size_mb(home) - size_mb(home / "chroma")}
    return {"size": size, "add": {each: took / size * 1e3 for each, took in indexed.items()}, "found": found,
            "peak": peak_mb(), "peak_added": added, "disk": disk}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--no-index", action="store_true", help="the best and the latest alone")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        with tempfile.TemporaryDirectory() as home:
            print(json.dumps(asyncio.run(measure(options.only, Path(home), has_index=not options.no_index))))
        return
    rows = []
    for size in options.sizes:
        command = [sys.executable, "-m", "benchmarks.trajectory", "--only", str(size)]
        command += ["--no-index"] * options.no_index
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
        found = json.loads(done.stdout)
        print(json.dumps(found), file=sys.stderr, flush=True)
        rows.append(row(found))
    head = [
        "prompts",
        "nearest p50",
        "p95",
        "CPU",
        "by a filter p50",
        "best p95",
        "latest p95",
        "to add",
        "CPU",
        "peak MB",
    ]
    print(markdown_table([*head, "index MB"], rows))


def row(found: dict[str, Any]) -> list[str]:
    """A line of the table; times in milliseconds."""
    ways = found["found"]

    def told(name: str, what: str) -> str:
        return f"{ways[name][what]:.1f}" if name in ways else ""

    times = [told("nearest", "p50"), told("nearest", "p95"), told("nearest", "cpu"), told("filter", "p50")]
    times += [told("best", "p95"), told("latest", "p95")]
    add = [f"{found['add']['wall']:.2f}", f"{found['add']['cpu']:.2f}"] if "nearest" in ways else ["", ""]
    return [f"{found['size']:,}", *times, *add, f"{found['peak']:.0f}", f"{found['disk']['index']:.0f}"]


if __name__ == "__main__":
    main()
