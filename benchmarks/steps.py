"""Does a step of a search take the same time at the end of a long run as at its beginning?

    python -m benchmarks.steps --steps 60

Runs `gpo optimize` on the synthetic task with a cap of so many steps and no patience, as plain functions and as tasks
of a Prefect flow, and prints the seconds of a step at the beginning, in the middle and at the end, with the ratio of
the last quarter to the first. A step that grows with the run makes the whole quadratic in its steps.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from time import monotonic
from unittest.mock import patch

from benchmarks.control_study import CONTROL, GPO, Sizes, write_spec
from flows.stack.environment import prepare_prefect
from gpo.progress import Began, Event, listen
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize


def seconds_of_steps(spec: Path, *, with_prefect: bool) -> list[float]:
    """The seconds that each step of a search took, in order."""
    began: list[float] = []

    def hear(event: Event) -> None:
        if isinstance(event, Began) and event.phase.startswith(("step", "test")):
            began.append(monotonic())

    with listen(hear):
        if with_prefect:
            prepare_prefect(spec.parent)
            # Prefect reads its environment as it is imported.
            from flows.optimize import optimize_prompt  # noqa: PLC0415

            asyncio.run(optimize_prompt(spec))
        else:
            asyncio.run(optimize(load_job(spec)))
    return [after - before for before, after in pairwise(began)]


def row(name: str, seconds: Sequence[float]) -> str:
    """A line of the table: medians of the first and the last quarter, and their ratio."""
    quarter = max(1, len(seconds) // 4)
    first, last = statistics.median(seconds[:quarter]), statistics.median(seconds[-quarter:])
    return f"| {name} | {len(seconds)} | {first:.3f} | {last:.3f} | {last / first:.2f} |"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps", description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--dev", type=int, default=48)
    given = parser.parse_args(arguments)
    sizes = Sizes(given.steps, given.candidates, given.dev)
    print("| steps as | steps | first quarter, s a step | last quarter, s a step | ratio |\n|---|---:|---:|---:|---:|")
    for name, with_prefect in (("plain functions", False), ("Prefect tasks", True)):
        with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ):
            for variable in [each for each in os.environ if each.startswith("GPO_")]:
                del os.environ[variable]
            spec = write_spec(Path(folder), CONTROL[GPO], sizes, seed=0)
            print(row(name, seconds_of_steps(spec, with_prefect=with_prefect)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
