"""What do the trajectory and the enforced word budget do, where the true quality of every prompt is known?

    python -m benchmarks.control_study --seeds 50 --jobs 2 --write docs/results/control.md

Runs the loop as it is shipped on the synthetic task (`gpo/models/synthetic/task.py`), under several methods and many
seeds, and writes what came of it as Markdown. A seed decides the split of the questions, the noise of the task model,
the proposals of the optimizer model and the search; the arms of a seed share all but the method, so they are compared
in pairs. The loop takes its steps as plain functions: Prefect would only add time.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any
from unittest.mock import patch

import numpy as np
import yaml

from benchmarks.tables import RESAMPLES, interval, markdown_table
from gpo.models.synthetic.task import best_instruction, quality
from gpo.records import Scored
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize
from gpo.runs.outcome import Outcome
from gpo.words import word_distance

EXAMPLE = Path(__file__).parents[1] / "examples" / "synthetic" / "spec.yaml"
GPO = "relevance + cosine (gpo)"
CONTROL: Mapping[str, Mapping[str, str]] = {
    GPO: {"preset": "gpo"},
    "relevance + no limit": {"preset": "gpo", "decay": "none"},
    "no trajectory + cosine": {"preset": "gpo", "trajectory": "none"},
    "no trajectory + no limit": {"preset": "gpo", "trajectory": "none", "decay": "none"},
}
PRESETS = {name: {"preset": name} for name in ("ape", "apo", "opro", "pe2", "sgdm")}
ARMS = {**CONTROL, **PRESETS}


@dataclass(frozen=True)
class Sizes:
    """How large each search is."""

    steps: int = 10
    candidates: int = 4
    dev: int = 24
    budget_start: int = 20
    budget_end: int = 5
    drift: float = 0.1
    heed: float = 0.7


@dataclass(frozen=True)
class Tried:
    """One scored prompt. `calls`: task-model calls of the search up to and with it."""

    quality: float
    dev: float
    calls: int


@dataclass(frozen=True)
class Change:
    """How far a proposal is from the current prompt in words; `kept` is None for one that was rejected."""

    step: int
    budget: int | None
    proposed: int
    kept: int | None


@dataclass(frozen=True)
class Search:
    """What one search tried, in order, the start first."""

    tried: tuple[Tried, ...]
    changes: tuple[Change, ...]

    @property
    def calls(self) -> int:
        return self.tried[-1].calls

    def best(self, calls: int) -> Tried:
        """The first of the best by dev score that so many task-model calls had found."""
        return max((each for each in self.tried if each.calls <= calls), key=lambda each: each.dev)


def run_loop(spec: Path, seed: int | None = None) -> Outcome:
    """One search on a spec file in this process; state lies in `.gpo` next to the spec or in GPO_HOME."""
    return asyncio.run(optimize(load_job(spec, seed)))


def write_spec(folder: Path, method: Mapping[str, str], sizes: Sizes, seed: int) -> Path:
    """The example's spec with a method, sizes and a seed of our own."""
    content: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    content["seed"] = seed
    content["dataset"] |= {
        "path": str(EXAMPLE.parent / content["dataset"]["path"]),
        "seed": seed,
        "split": {"train": 48, "dev": sizes.dev, "test": 8},
    }
    content["models"]["task"]["parameters"] |= {"seed": seed}
    content["models"]["optimizer"]["parameters"] |= {"seed": seed, "drift": sizes.drift, "heed": sizes.heed}
    content["optimizer"] = {
        **method,
        "max_steps": sizes.steps,
        "patience": sizes.steps,
        "candidates": sizes.candidates,
        "budget_start": sizes.budget_start,
        "budget_end": sizes.budget_end,
    }
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def search_of(outcome: Outcome) -> Search:
    """What the study needs of a run."""
    calls = outcome.start.score.n
    tried = [_tried(outcome.start, calls)]
    changes = []
    for step in outcome.history:
        # What a step asks the task model beside its candidates, as for a reflection, it asks before them.
        calls += step.usage["task"].calls if "task" in step.usage else 0
        for item in step.scored:
            calls += item.score.n
            tried.append(_tried(item, calls))
            distances = (item.candidate.proposed_distance, item.candidate.distance)
            changes.append(Change(step.number, step.budget, *distances))
        changes += [
            Change(step.number, step.budget, word_distance(step.current, each.text), None)
            for each in step.rejected
            if each.reason not in ("empty", "failed")
        ]
    return Search(tuple(tried), tuple(changes))


def _tried(item: Scored, calls: int) -> Tried:
    return Tried(quality(item.candidate.instruction), item.score.mean, calls)


def searches_of(seed: int, sizes: Sizes, arms: Sequence[str]) -> dict[str, Search]:
    """All arms of one seed."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("GPO_")]:
            del os.environ[name]
        for name in arms:
            found[name] = search_of(run_loop(write_spec(Path(folder), ARMS[name], sizes, seed)))
    return found


def at_equal_calls(seeds: Sequence[Mapping[str, Search]]) -> list[dict[str, Tried]]:
    """For each seed the best of every arm, found with as many calls as the arm that made fewest."""
    found = []
    for searches in seeds:
        calls = min(search.calls for search in searches.values())
        found.append({name: search.best(calls) for name, search in searches.items()})
    return found


def report(seeds: Sequence[Mapping[str, Search]], sizes: Sizes, command: str) -> str:
    """The study as Markdown."""
    arms = list(seeds[0])
    found = at_equal_calls(seeds)
    equal = [min(search.calls for search in searches.values()) for searches in seeds]
    top = quality(best_instruction())
    parts = [
        "# What the trajectory and the word budget do on a task with a known answer",
        _about(seeds, sizes, command, equal, top),
        "## True quality of what is returned, at equal calls",
        _quality_table(arms, seeds, found),
        "## Differences, paired by seed",
        _DIFFERENCES,
        _difference_table(arms, found),
        "## What the enforced budget does",
        _BUDGETS,
        _budget_table(arms, seeds),
        "## Words changed, step by step",
        _DISTANCES,
        *(_steps_table(name, seeds, sizes) for name in arms if name in CONTROL),
        _LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def _about(seeds: Sequence[Mapping[str, Search]], sizes: Sizes, command: str, equal: Sequence[int], top: float) -> str:
    start = seeds[0][GPO].tried[0].quality
    return (
        f"Command: `{command}`\n\n"
        f"{len(seeds)} seeds; {sizes.steps} steps of {sizes.candidates} candidates on {sizes.dev} dev examples; word "
        f"budget {sizes.budget_start} to {sizes.budget_end}; no early stop; drift {sizes.drift:g}, heed "
        f"{sizes.heed:g}. The start has the true quality {start:.2f}, the best instruction of the known phrases "
        f"{top:.3f}. Rejected proposals make searches differ in calls, so every search of a seed is cut where the one "
        f"with the fewest task-model calls ended (mean {_mean(equal):.0f}, from {min(equal)} to {max(equal)} calls). "
        f"Intervals are 95% percentile intervals of a bootstrap over seeds ({RESAMPLES:,} resamples). How the task "
        "model answers and the optimizer model proposes is written down in `gpo/models/synthetic/task.py` and "
        "`gpo/synthetic_optimizer.py`."
    )


_DIFFERENCES = """\
True quality of GPO's result less that of the other arm's, at equal calls. An interval that holds 0 tells no difference.
The intervals are not corrected for being several."""

_BUDGETS = """\
Proposals of the optimizer model beyond the step's budget, before they are projected onto it, and candidates beyond it
afterwards. Rejected proposals are among the proposals."""

_DISTANCES = """\
Word distance from the current prompt: median and 90th percentile over all seeds, of the proposals and of the candidates
that came of them."""

_LIMITS = """## What this does not show

The optimizer model is a program with a stock of phrases, not a language model: it proposes good and bad phrases alike,
learns only from scores that it is shown, and forgets the word limit as often as its parameters say. The quality of an
instruction is a sum with a few interactions. So the study shows how the parts of the algorithm work together under
noise, and that the budget is kept; it does not show how much a method gains with real models on real tasks."""


def _quality_table(
    arms: Sequence[str], seeds: Sequence[Mapping[str, Search]], found: Sequence[Mapping[str, Tried]]
) -> str:
    rows = []
    for name in arms:
        true, low, high = interval([each[name].quality for each in found])
        dev = _mean([each[name].dev for each in found])
        whole = [searches[name] for searches in seeds]
        rows.append(
            [
                name,
                f"{true:.3f} ({low:.3f} to {high:.3f})",
                f"{dev:.3f}",
                f"{dev - true:+.3f}",
                f"{_mean([search.best(search.calls).quality for search in whole]):.3f}",
                f"{_mean([search.calls for search in whole]):.0f}",
            ]
        )
    heads = ["method", "true quality", "dev score", "dev less true", "true quality, uncut", "calls, uncut"]
    return markdown_table(heads, rows)


def _difference_table(arms: Sequence[str], found: Sequence[Mapping[str, Tried]]) -> str:
    rows = []
    for name in arms:
        if name == GPO:
            continue
        pairs = [each[GPO].quality - each[name].quality for each in found]
        mean, low, high = interval(pairs)
        better, worse = sum(pair > 1e-9 for pair in pairs), sum(pair < -1e-9 for pair in pairs)
        verdict = "GPO better" if low > 0 else "GPO worse" if high < 0 else "not told apart"
        rows.append(
            [
                f"GPO less {name}",
                f"{mean:+.3f} ({low:+.3f} to {high:+.3f})",
                f"{better}/{len(pairs) - better - worse}/{worse}",
                verdict,
            ]
        )
    return markdown_table(["pair", "difference", "seeds better/equal/worse", "at 95%"], rows)


def _budget_table(arms: Sequence[str], seeds: Sequence[Mapping[str, Search]]) -> str:
    rows = []
    for name in arms:
        changes = [each for searches in seeds for each in searches[name].changes]
        limited = [each for each in changes if each.budget is not None]
        if not limited:
            rows.append([name, f"{len(changes):,}", "no limit", "no limit"])
            continue
        beyond = [each for each in limited if each.budget is not None and each.proposed > each.budget]
        kept = [each for each in limited if each.kept is not None]
        over = [each for each in kept if each.budget is not None and each.kept is not None and each.kept > each.budget]
        rows.append(
            [
                name,
                f"{len(changes):,}",
                f"{len(beyond):,} ({len(beyond) / len(limited):.0%})",
                f"{len(over)} of {len(kept):,}",
            ]
        )
    return markdown_table(["method", "proposals", "beyond the budget as proposed", "candidates beyond it"], rows)


def _steps_table(name: str, seeds: Sequence[Mapping[str, Search]], sizes: Sizes) -> str:
    rows = []
    changes = [each for searches in seeds for each in searches[name].changes]
    for step in range(1, sizes.steps + 1):
        own = [each for each in changes if each.step == step]
        if own:
            budget = "none" if own[0].budget is None else str(own[0].budget)
            proposed = [each.proposed for each in own]
            rows.append([str(step), budget, _spread(proposed), _spread([e.kept for e in own if e.kept is not None])])
    return f"{name}:\n\n" + markdown_table(
        ["step", "budget", "proposals: median, 90%", "candidates: median, 90%"], rows
    )


def _spread(values: Sequence[int]) -> str:
    return f"{np.percentile(values, 50):.0f}, {np.percentile(values, 90):.0f}" if values else "none"


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.control_study", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--steps", type=int, default=Sizes.steps)
    parser.add_argument("--candidates", type=int, default=Sizes.candidates)
    parser.add_argument("--dev", type=int, default=Sizes.dev)
    parser.add_argument("--drift", type=float, default=Sizes.drift, help="share of proposals that rewrite everything")
    parser.add_argument("--heed", type=float, default=Sizes.heed, help="share of the others that keep to a word limit")
    parser.add_argument("--only-control", action="store_true", help="leave out the other published methods")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--write", type=Path, help="a Markdown file; by default the report is printed")
    given = parser.parse_args(arguments)
    sizes = Sizes(given.steps, given.candidates, given.dev, drift=given.drift, heed=given.heed)
    work = partial(searches_of, sizes=sizes, arms=list(CONTROL if given.only_control else ARMS))
    began = monotonic()
    seeds = []
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        for searches in pool.map(work, range(given.seeds)):
            seeds.append(searches)
            print(f"seed {len(seeds)} of {given.seeds}: {monotonic() - began:.0f} s", file=sys.stderr)
    command = " ".join(["python -m benchmarks.control_study", *arguments])
    text = report(seeds, sizes, command)
    if given.write is None:
        print(text)
    else:
        given.write.parent.mkdir(parents=True, exist_ok=True)
        given.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
