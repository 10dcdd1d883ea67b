"""The tasks at the start and after each step: keep what was scored, and show the run's progress in the Prefect UI."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import httpx
from prefect import task
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.settings import PREFECT_UI_URL

from gpo.progress import Note, emit
from gpo.records import Scored
from gpo.runs import steps
from gpo.runs.run import Run
from gpo.search.plan import likely_steps
from gpo.search.run_limits import sizes_of
from tasks.policy import RETRIED, opaque
from tasks.telling.events import emit_told, run_started
from tasks.telling.log import log_scored
from tasks.telling.names import artifact_key

_PATIENCE_S = 5.0
"""How long the server may take to hear of an artifact: Prefect's client alone would try for a minute."""

T = TypeVar("T")


@task(name="note start", task_run_name="note start {run.id}", cache_policy=NO_CACHE)
async def note_start(run: Run) -> None:
    """Note the start of the run, or of one more attempt at it, and begin its progress artifact."""
    await steps.note_start(run)
    emit_told(run_started(run.id, run.spec.name))
    if PREFECT_UI_URL.value():
        emit(Note(f"watch it: {flow_run.ui_url}"))
    progress = acreate_progress_artifact(progress=0.0, key=artifact_key(run.spec.name, "progress"), description=run.id)
    run.progress = await tell(progress)


async def record(run: Run, step: int, scored: Sequence[Scored]) -> None:
    """Keep scored prompts, in the database first, then in the trajectory. Doing it again changes nothing."""
    await _record(run, step, opaque(scored))


# Never cached: what was lost is written again.
@task(name="record", task_run_name="record step {step}", cache_policy=NO_CACHE, **RETRIED)
async def _record(run: Run, step: int, scored: Sequence[Scored]) -> None:
    await steps.record(run, step, scored)
    log_scored(run, step, scored)
    await show_progress(run, min(99.0, 100 * step / (likely_steps(run.spec, sizes_of(run.splits)) + 1)))


async def show_progress(run: Run, percent: float) -> None:
    """Move the progress artifact of a run."""
    if run.progress is not None:
        await tell(aupdate_progress_artifact(run.progress, progress=percent))


async def tell(telling: Coroutine[Any, Any, T]) -> T | None:
    """Tell Prefect's server something for a person to look at; None where it is away, for which no run stops."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await telling
    except (httpx.HTTPError, TimeoutError) as error:
        emit(Note(f"the Prefect server is away ({type(error).__name__}); the run goes on without it"))
        return None
