"""Step 1: gather what the optimizer model is told of the current prompt."""

from prefect import task

from gpo.records import Scored
from gpo.runs import steps
from gpo.runs.run import Run
from gpo.search.inform import Informed
from tasks.policy import PAID


@task(name="inform", task_run_name="inform step {step}", **PAID)
async def inform(run: Run, step: int, current: Scored) -> Informed:
    """The current prompt, with a reflection on its failures on training examples where the method has one."""
    return await steps.inform(run, step, current)
