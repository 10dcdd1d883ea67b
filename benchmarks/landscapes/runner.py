"""Runs methods in worlds, at equal calls of the task model, and keeps a line of JSON for each run."""

import json
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.landscapes.client import Client, LocalClient
from benchmarks.landscapes.families import FAMILIES, family_of, make_world
from benchmarks.landscapes.server import Served

STUDY = "63b39e91"
"""Names the worlds and what is answered in them: another name for a change after which results would differ."""

OVER_HTTP = ("copro", "miprov2")
"""Methods whose package asks a model in no other way."""

SMALL_BUDGET = 400
"""Up to so many calls a world has the smaller splits."""


@dataclass(frozen=True)
class Run:
    """One method in one world. `options` are those of our own search; a peer has none."""

    method: str
    family: str
    seed: int
    budget: int
    options: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def size(self) -> str:
        """Which splits its world has."""
        return "small" if self.budget <= SMALL_BUDGET else "large"

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What makes it the same run."""
        return self.method, self.family, self.seed, self.budget


def list_runs(
    methods: Mapping[str, Mapping[str, Any] | None], family: str, seeds: Iterable[int], budgets: Sequence[int]
) -> list[Run]:
    """All runs: budgets in the order given, in each the seeds, in each the methods, so that any prefix is balanced.

    `family`: `all` gives every seed the next family, `every` gives every seed all of them; else names with commas.
    """
    found = []
    for budget in budgets:
        for seed in seeds:
            names = {"all": [family_of(seed)], "every": list(FAMILIES)}.get(family, family.split(","))
            found += [Run(method, name, seed, budget, options) for name in names for method, options in methods.items()]
    return found


def run_all(runs: Sequence[Run], out: Path, jobs: int = 1, *, quick: bool = False) -> None:
    """Do the runs that `out` has no result of, and add a line to it for each."""
    done = {
        tuple(line[name] for name in ("method", "family", "seed", "budget"))
        for line in read_lines([out])
        if "error" not in line
    }
    left = [run for run in runs if run.key not in done]
    began = monotonic()
    out.parent.mkdir(parents=True, exist_ok=True)
    with Served() as served, out.open("a", encoding="utf-8") as file:
        for number, line in enumerate(_results(left, jobs, partial(run_one, port=served.port, quick=quick)), start=1):
            file.write(json.dumps(line) + "\n")
            file.flush()
            told = f"quality {line['quality']:.3f}" if "quality" in line else line["error"]
            what = f"{line['method']} {line['family']}-{line['seed']} at {line['budget']}"
            count = f"{number} of {len(left)}, {monotonic() - began:.0f} s"
            print(f"{count}: {what}: {told}, {line['seconds']} s", file=sys.stderr, flush=True)


def _results(runs: Sequence[Run], jobs: int, work: Callable[[Run], dict[str, Any]]) -> Iterable[dict[str, Any]]:
    if jobs == 1:
        yield from map(work, runs)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, runs)


def run_one(run: Run, port: int, *, quick: bool = False) -> dict[str, Any]:
    """The result of one run; an error is one too, and is tried again the next time.

    `quick` asks in this process what the server would answer, wherever that can be.
    """
    world = make_world(run.family, run.seed, run.size)
    kind = LocalClient if quick and run.method not in OVER_HTTP else Client
    client = kind(port, world.name, f"{run.method}.{run.budget}".replace("/", "_").replace(" ", "_"))
    line: dict[str, Any] = {
        "method": run.method,
        "family": run.family,
        "seed": run.seed,
        "budget": run.budget,
        "skill": world.skill,
        "study": STUDY,
    }
    began = monotonic()
    try:
        if run.options is not None:
            from benchmarks.landscapes.ours import run_ours  # noqa: PLC0415 - the peers' environment lacks the library

            client.open(run.budget)
            prompt = run_ours(world, client, seed=run.seed, budget=run.budget, options=run.options, quick=quick)
        else:
            from benchmarks.landscapes.peers import PEERS  # noqa: PLC0415 - our environment lacks their packages

            prompt = PEERS[run.method](world, client, run.seed, run.budget)
        line |= {**client.close(prompt), "prompt": prompt}
    except Exception as error:  # noqa: BLE001 - one run must not end a night's work
        traceback.print_exc()
        line |= {"error": f"{type(error).__name__}: {error}"[:300]}
    finally:
        client.hang_up()
    return line | {"seconds": round(monotonic() - began, 1)}


def read_lines(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The lines of result files; a file that is not there has none."""
    found = [path.read_text(encoding="utf-8").splitlines() for path in paths if path.exists()]
    return [json.loads(line) for lines in found for line in lines if line]
