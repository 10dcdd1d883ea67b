"""Step 1: what the optimizer model is told of the current prompt."""

from prefect import task

from gpo import reflection
from gpo.records import Scored
from gpo.reflection import Informed
from gpo.run import Run
from tasks.policy import PAID


@task(name="inform", task_run_name="inform step {step}", **PAID)
async def inform(run: Run, step: int, current: Scored) -> Informed:
    """The current prompt, with a reflection on its failures on training examples where the method has one."""
    return await reflection.inform(
        run.models,
        run.spec,
        current,
        run.examples("train"),
        step=step,
        rng=run.rng(step, "inform"),
        shown=run.demonstrations,
    )
