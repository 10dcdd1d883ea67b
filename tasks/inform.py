"""Step 1: gather what the optimizer model is told of the current prompt."""

from prefect import task

from gpo.runs import steps
from gpo.runs.run import Run
from gpo.search.inform import Informed
from gpo.search.state import Search
from tasks.policy import PAID, opaque


async def inform(run: Run, step: int, proposals: int, search: Search) -> Informed:
    """The current prompt, with a reflection on its failures or a batch of cases for each proposal, by the method."""
    return await _inform(run, step, proposals, opaque(search))


@task(name="inform", task_run_name="inform step {step}", **PAID)
async def _inform(run: Run, step: int, proposals: int, search: Search) -> Informed:
    return await steps.inform(run, step, proposals, search)
