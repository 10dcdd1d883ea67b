"""After each step: keep what was scored, in the database first, then in the trajectory, and show it in the UI."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from prefect import task
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.settings import PREFECT_UI_URL

from gpo.progress import Evaluated, Note, emit
from gpo.records import Scored
from gpo.runs.history import RunRow
from gpo.runs.run import Run
from tasks.policy import RETRIED


@task(name="note start", task_run_name="note start {run.id}", cache_policy=NO_CACHE)
async def note_start(run: Run) -> UUID:
    """Note the start of the run, or of one more attempt at it; returns the id of its progress artifact."""
    row = RunRow(
        key=run.key,
        task=run.spec.name,
        scope=run.scope.id,
        spec=run.spec.fingerprint(),
        dataset=run.splits.fingerprint,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    await asyncio.to_thread(run.history.begin, row)
    if PREFECT_UI_URL.value():
        emit(Note(f"watch it: {flow_run.ui_url}"))
    return await acreate_progress_artifact(progress=0.0, key=artifact_key(run, "progress"), description=run.id)


@task(name="record", task_run_name="record step {step}", cache_policy=NO_CACHE, **RETRIED)
async def record(run: Run, step: int, scored: Sequence[Scored], progress: UUID) -> None:
    """Keep scored prompts. Running it again changes nothing, so it is never cached: what was lost is written again."""
    for item in scored:
        emit(Evaluated(item))
    if scored:
        await asyncio.to_thread(run.history.record, run.key, run.scope.id, scored)
        await run.trajectory.add(run.key, scored)
    await aupdate_progress_artifact(progress, progress=min(99.0, 100 * step / (run.spec.optimizer.max_steps + 1)))


def artifact_key(run: Run, subject: str) -> str:
    """A stable artifact key: runs of one task are versions of the same artifact."""
    return f"{run.spec.name.replace('_', '-')}-{subject}"
