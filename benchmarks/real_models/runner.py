"""Runs methods on tasks one after the other, and keeps a line of JSON for each run."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.landscapes.ours import write_spec
from benchmarks.real_models.peers import PATIENCE_S, PEERS, ScoringClient
from benchmarks.real_models.server import OPTIMIZER_TOKENS, TASK_TOKENS, Served
from benchmarks.real_models.tasks import TASKS, Example, Task, split_task
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize

Line = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One method on one task, whose splits the seed draws."""

    method: str
    task: str
    seed: int
    budget: int


async def run_all(given: argparse.Namespace) -> None:
    """Do the runs of a command that its file has no result of: seed by seed, so that any prefix is balanced."""
    kept = given.kept or given.out.with_suffix(".answers")
    lines = [json.loads(line) for line in given.out.read_text("utf-8").splitlines()] if given.out.exists() else []
    done = {Run(*(line[name] for name in Run.__annotations__)) for line in lines if "error" not in line}
    wanted = [
        Run(method, task, seed, given.budget)
        for seed in given.seeds
        for task in given.tasks
        for method in given.methods
    ]
    left = [run for run in wanted if run not in done]
    models = {"task": given.task_model, "optimizer": given.optimizer_model}
    async with Served(given.data, models, kept) as port:
        for number, run in enumerate(left, start=1):
            line = await _run(run, port, given.data, given.peers_python)
            with given.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            told = f"test {line['test']:.3f}" if "test" in line else line["error"]
            what = f"{run.method} {run.task}-{run.seed}"
            print(f"{number} of {len(left)}: {what}: {told}, {line['seconds']} s", file=sys.stderr, flush=True)


async def _run(run: Run, port: int, data: Path, peers_python: Path | None) -> Line:
    client = ScoringClient(port, f"{run.task}-{run.seed}", run.method, timeout_s=PATIENCE_S)
    line: Line = asdict(run)
    began = time.monotonic()
    try:
        if run.method in PEERS:
            found = await _search_by_peer(run, client, data, peers_python)
        elif run.method in ("start", "written"):
            await asyncio.to_thread(client.open, 0)
            found = {"prompt": getattr(TASKS[run.task], run.method)}
        else:
            await asyncio.to_thread(client.open, None)
            found = await _search(run, client, data)
        line |= found | await asyncio.to_thread(client.close, found["prompt"])
    except Exception as error:  # noqa: BLE001 - one run must not end a night's work
        line |= {"error": f"{type(error).__name__}: {error}"[:500]}
    finally:
        client.hang_up()
    return line | {"seconds": round(time.monotonic() - began)}


async def _search_by_peer(run: Run, client: ScoringClient, data: Path, peers_python: Path | None) -> Line:
    """The prompt that a method of another package finds, in its own environment."""
    if peers_python is None:
        raise ValueError("`--peers-python` is not given; `--help` says how to make its environment")
    where = [data, run.task, run.seed, run.budget, client.port, client.run]
    command = [peers_python, "-m", "benchmarks.real_models.peers", run.method, *where]
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{run.method} ended with exit code {process.returncode}")
    return dict(json.loads(out.decode().splitlines()[-1]))


async def _search(run: Run, client: ScoringClient, data: Path) -> Line:
    """The best prompt of a preset of ours, all that were scored, and how many proposals were rejected for what."""
    world = World(TASKS[run.task], split_task(data, run.task, run.seed))
    tokens = {"task": TASK_TOKENS, "optimizer": OPTIMIZER_TOKENS}
    sections = {
        "optimizer": {"preset": run.method},
        "prompt": {"description": world.task.description},
        "max_unparsed_rate": 1.0,
        "models": {
            role: {
                "model": f"openai:{role}",
                "base_url": client.base_url(role),
                "timeout_s": PATIENCE_S,
                "max_concurrency": 4,
                "parameters": {"max_tokens": most} | ({"temperature": 0} if role == "task" else {}),
            }
            for role, most in tokens.items()
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        spec = write_spec(Path(folder), world, client, seed=run.seed, budget=run.budget, options=sections)
        outcome = await optimize(load_job(spec, home=Path(folder) / "state"))
    scored = [item for step in outcome.history for item in step.scored]
    return {
        "prompt": outcome.best.candidate.instruction,
        "dev": [outcome.start.score.mean, outcome.best.score.mean],
        "proposed": outcome.proposed,
        "rejected": dict(outcome.rejected),
        "scored": [[item.candidate.instruction, item.score.mean] for item in scored],
        "steps": outcome.steps,
        "stopped": outcome.stopped,
    }


class World:
    """A task and its splits in the form in which the simulated study writes a spec."""

    def __init__(self, task: Task, splits: Any) -> None:
        self.task, self._splits = task, splits
        self.start, self.labels = task.start, task.labels

    def part(self, name: str) -> Sequence[Example]:
        """The examples of a split."""
        return tuple(self._splits[name])
