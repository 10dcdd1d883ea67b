"""The task `check`, before the first step: finds what is wrong while nothing has been written."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import deployment

from gpo.progress import Event, Note, listen
from gpo.records import Splits
from gpo.runs.job import Checked, Job
from gpo.runs.preflight import preflight
from tasks.policy import RETRIED, opaque


async def check(job: Job, splits: Splits | None) -> Checked:
    """Read the dataset, unless that was done, reach the models, read their answers; raises what is wrong."""
    return await _check(job, opaque(splits))


@task(name="check", task_run_name="check {job.spec.name}", cache_policy=NO_CACHE, **RETRIED)
async def _check(job: Job, splits: Splits | None) -> Checked:
    log = get_run_logger()

    def tell(event: Event) -> None:
        # What a command's own check has told is handed on with it; where there was none, the log is the one place.
        if isinstance(event, Note):
            log.info(event.text)

    with listen(tell):
        # Where nobody waits for it, a run must not learn in the middle that a key or a server is gone.
        return await preflight(job, splits, live=deployment.id is not None)
