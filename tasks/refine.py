"""Step 3: ask the optimizer model for new instructions."""

from prefect import task

from gpo.records import Proposals
from gpo.runs import steps
from gpo.runs.run import Run
from gpo.search.inform import Informed
from gpo.search.retrieve import Recalled
from tasks.policy import PAID


@task(name="refine", task_run_name="refine step {step}", **PAID)
async def refine(run: Run, step: int, candidates: int, informed: Informed, recalled: Recalled) -> Proposals:
    """Show the optimizer model the current prompt, the trajectory and task examples; read its proposals."""
    return await steps.refine(run, step, candidates, informed, recalled)
