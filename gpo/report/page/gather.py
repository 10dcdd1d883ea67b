"""Gathers from an open run what its page shows beyond the outcome."""

import asyncio

from gpo.report.page.material import RunMaterial, path_in_commands
from gpo.runs.job import code_version
from gpo.runs.outcome import Outcome
from gpo.runs.results.shown import read_proved
from gpo.runs.run import Run


async def gather_material(run: Run, outcome: Outcome) -> RunMaterial:
    """What the page of a run that has ended is made of.

    Raises:
        StateError: the database or the index cannot be used.
    """
    job = run.job
    is_elsewhere = job.path is not None and job.settings.home_for(job.path) != job.home
    return RunMaterial(
        examples=await asyncio.to_thread(read_proved, run.results, run.key, outcome, run.spec.answer.choices),
        vectors=await run.trajectory.vectors(run.key),
        dataset=run.splits.fingerprint,
        code=code_version(),
        spec=path_in_commands(job.path),
        home=str(job.home) if is_elsewhere else "",
    )
