"""Who carries out a search: Prefect where there is one, else this process alone. Both run the same loop.

Prefect comes from the packages above this one by an entry point of the group `gpo.runners`: a function from a state
folder to a `Runner`, or to None where it cannot help.
"""

import asyncio
from collections.abc import Callable, Coroutine
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from gpo.records import Splits
from gpo.report.page.gather import gather_material
from gpo.report.run_html import write_report
from gpo.runs import steps
from gpo.runs.job import Job
from gpo.runs.optimize import Steps, optimize
from gpo.runs.outcome import Outcome
from gpo.runs.results.shown import query_of_proof
from gpo.runs.run import Run

GROUP = "gpo.runners"

Runner = Callable[[Job, Splits | None], Coroutine[Any, Any, Outcome]]
"""Carries out the search of a job, whose data it is given where that is in memory."""


def find_runner(home: Path) -> Runner:
    """Who carries out the searches of a state folder: the first that an installed package offers, else this process."""
    for entry in entry_points(group=GROUP):
        found: Runner | None = entry.load()(home)
        if found is not None:
            return found
    return run_here


async def run_here(job: Job, splits: Splits | None) -> Outcome:
    """Carry out a search in this process, without Prefect, and write its report."""
    return await optimize(job, _HERE, splits)


async def _finish(run: Run, outcome: Outcome) -> None:
    await steps.finish(run, outcome)
    material, query = await gather_material(run, outcome), query_of_proof(run.key, outcome)
    await asyncio.to_thread(write_report, run.home, run.spec, outcome, material, lambda: run.results.each(query))


_HERE = Steps(finish=_finish)
