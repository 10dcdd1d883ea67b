"""Before the start: everything that can be wrong is found while nothing has been written."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import deployment

from gpo.progress import listening
from gpo.runs.preflight import preflight
from gpo.runs.run import Job
from tasks.policy import RETRIED


@task(name="check", task_run_name="check {job.spec.name}", cache_policy=NO_CACHE, **RETRIED)
async def check(job: Job) -> None:
    """Read the dataset, reach the models, read their answers; raises what is wrong before the search."""
    with listening(lambda _: None):  # the command line has shown these calls already
        # Where nobody waits for it, a run must not learn in the middle that a key or a server is gone.
        await preflight(job, live=deployment.id is not None)
