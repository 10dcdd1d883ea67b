"""Step 3: ask the optimizer model for new instructions."""

from prefect import task

from gpo.runs import steps
from gpo.runs.run import Run
from gpo.search.inform import Informed
from gpo.search.retrieve import Recalled
from gpo.search.state import Search
from gpo.search.step import Proposals
from tasks.policy import PAID, opaque


async def refine(run: Run, step: int, search: Search, informed: Informed, recalled: Recalled) -> Proposals:
    """Show the optimizer model the current prompt, the trajectory and training examples; read its proposals."""
    return await _refine(run, step, opaque(search), opaque(informed), recalled)


@task(name="refine", task_run_name="refine step {step}", **PAID)
async def _refine(run: Run, step: int, search: Search, informed: Informed, recalled: Recalled) -> Proposals:
    return await steps.refine(run, step, search, informed, recalled)
