"""Step 1: the scored prompts most relevant to the current one, from the trajectory in Chroma."""

from prefect import task

from gpo.records import Candidate
from gpo.run import Run
from gpo.trajectory import Neighbour
from tasks.policy import PAID


@task(name="retrieve", task_run_name="retrieve step {step}", tags=["gpo", "chroma"], **PAID)
async def retrieve(run: Run, step: int, current: Candidate) -> list[Neighbour]:
    """The k most relevant scored prompts of earlier steps, in ascending order of similarity."""
    return await run.trajectory.nearest(run.key, current, run.spec.optimizer.k, before_step=step)
