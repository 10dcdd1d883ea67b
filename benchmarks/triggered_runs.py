"""Several workers, several prompts, several versions of each one's data, all at once: is anything lost or doubled?

    python -m benchmarks.triggered_runs --prompts 5 --versions 4 --workers 2

Starts a whole local stack in a temporary folder, deploys the prompts, pushes the versions of all datasets, waits for
the runs that the pushes trigger, and checks: one run for each push, with its version; the runs of one prompt never at
the same time; every version decided on, or given way to a newer one; the registry's history without gaps. The models
are synthetic. Exit code 1 if anything is wrong.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from flows.stack.record import read_stack
from gpo.models.synthetic.task import dataset
from gpo.production.decision_log import open_production
from gpo.settings import Settings

GPO = [sys.executable, "-m", "flows.cli.app"]
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--prompts", type=int, default=5)
    asked.add_argument("--versions", type=int, default=4)
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--port", type=int, default=4900)
    asked.add_argument("--minutes", type=float, default=20, help="After so long it is given up.")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="gpo-triggered-") as name:
        folder = Path(name)
        gpo(folder, "up", "--workers", str(options.workers), "--port", str(options.port))
        try:
            stack = read_stack(folder / ".gpo")
            assert stack is not None
            names = [f"sums{number}" for number in range(1, options.prompts + 1)]
            for each in names:
                gpo(folder, "deploy", str(write_spec(folder, each)))
            began = time.monotonic()
            with ThreadPoolExecutor(2) as threads:
                list(threads.map(lambda each: push_all(folder, each, options.versions), names))
            print(f"{len(names) * options.versions} versions pushed in {time.monotonic() - began:.0f} s", flush=True)
            runs = finished_runs(stack.api_url, len(names) * options.versions, began + 60 * options.minutes)
            print(f"all runs ended after {time.monotonic() - began:.0f} s", flush=True)
            problems = [*of_runs(runs, names, options.versions), *of_registry(folder, names, options.versions)]
        finally:
            gpo(folder, "down")
    print(dict(Counter(run["state"]["name"] for run in runs)))
    print("\n".join(problems) or "nothing lost, nothing doubled, every prompt's runs one after another")
    sys.exit(bool(problems))


def gpo(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GPO_", "PREFECT_"))}
    done = subprocess.run(
        [*GPO, *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"gpo {' '.join(arguments)}: {done.stderr or done.stdout}")
    return done.stdout


def write_spec(folder: Path, name: str) -> Path:
    content = {
        "name": name,
        "prompt": {"instruction": "Solve the problem.", "messages": [{"user": "{{question}}\n{{instruction}}"}]},
        "dataset": {
            "name": name,
            "input": "question",
            "reference": "answer",
            "split": {"train": 8, "dev": 24, "test": 60},
        },
        "answer": {"kind": "number"},
        "models": {
            "task": {"model": "synthetic:task", "max_concurrency": 64},
            "optimizer": {"model": "synthetic:optimizer"},
            "embedding": "local:wordllama",
        },
        "optimizer": {"max_steps": 2, "candidates": 4, "patience": 2, "budget_start": 20, "budget_end": 10},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def push_all(folder: Path, name: str, versions: int) -> None:
    for version in range(1, versions + 1):
        data = folder / f"{name}-{version}.jsonl"
        data.write_text(dataset(150 + 20 * version), encoding="utf-8")
        gpo(folder, "dataset", "push", name, str(data))


def finished_runs(api: str, expected: int, deadline: float) -> list[dict[str, Any]]:
    """The triggered runs, once there are as many as expected and all have ended."""
    ended: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        runs = triggered(api)
        ended = [run for run in runs if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")]
        if len(runs) >= expected and len(ended) == len(runs):
            time.sleep(15)  # one too many would show itself by now
            return triggered(api)
        time.sleep(5)
    raise SystemExit(f"{len(ended)} of {expected} runs ended in time")


def triggered(api: str) -> list[dict[str, Any]]:
    """The runs that an event has started; none where the server is too busy to tell."""
    try:
        found = httpx.post(f"{api}/flow_runs/filter", json={"sort": "START_TIME_ASC"}, timeout=60)
        found.raise_for_status()
    except httpx.HTTPError:
        return []
    return [run for run in found.json() if run["parameters"].get("dataset_version")]


def of_runs(runs: list[dict[str, Any]], names: list[str], versions: int) -> list[str]:
    problems = [f"run {run['name']} ended {run['state']['name']}" for run in runs if run["state_type"] != "COMPLETED"]
    for name in names:
        mine = [run for run in runs if run["parameters"]["dataset"] == name]
        got = sorted(run["parameters"]["dataset_version"] for run in mine)
        if got != list(range(1, versions + 1)):
            problems.append(f"{name}: runs for versions {got}")
        spans = sorted((moment(run["start_time"]), moment(run["end_time"])) for run in mine)
        for (_, end), (start, _) in itertools.pairwise(spans):
            if start < end:
                problems.append(f"{name}: a run began at {start}, before the one before it ended at {end}")
    return problems


def of_registry(folder: Path, names: list[str], versions: int) -> list[str]:
    problems = []
    with open_production(Settings(), folder / ".gpo") as production:
        for name in names:
            decisions = production.decisions.list_decisions(name)
            decided = [each.dataset.version for each in decisions]
            if decided.count(str(versions)) != 1 or len(set(decided)) != len(decided):
                problems.append(f"{name}: decisions about versions {decided}")
            moves = production.registry.history(name, "production")
            promoted = 1 + sum(each.status == "promoted" for each in decisions)
            if len(moves) != promoted or [move.from_version for move in moves[1:]] != [
                move.to_version for move in moves[:-1]
            ]:
                problems.append(f"{name}: {len(moves)} moves of the alias for {promoted} promotions")
            runs = [run for run in production.history.runs() if run.task == name]
            if len(runs) != len(decisions):
                problems.append(f"{name}: {len(runs)} searches for {len(decisions)} decisions")
    return problems


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    main()
