"""Step 2: choose which earlier prompts, or which summary of them, the optimizer model is shown."""

from prefect import task

from gpo.runs import steps
from gpo.runs.run import Run
from gpo.search.inform import Informed
from gpo.search.retrieve import Recalled
from gpo.search.state import Search
from tasks.policy import PAID, opaque


async def retrieve(run: Run, step: int, search: Search, informed: Informed) -> Recalled:
    """Scored prompts of earlier steps by the method's strategy, in ascending order, or a summary of them."""
    return await _retrieve(run, step, opaque(search), opaque(informed))


@task(name="retrieve", task_run_name="retrieve step {step}", **PAID)
async def _retrieve(run: Run, step: int, search: Search, informed: Informed) -> Recalled:
    return await steps.retrieve(run, step, search, informed)
