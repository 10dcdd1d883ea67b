"""Step 4: hold every proposal to the edit budget of the step, or reject it."""

from prefect import task

from gpo.records import Candidate
from gpo.runs import steps
from gpo.runs.run import Run
from gpo.search.step import Edited, Proposals
from tasks.policy import RESUMABLE


@task(name="edit", task_run_name="edit step {step}", **RESUMABLE)
async def edit(run: Run, step: int, current: Candidate, proposals: Proposals, known: frozenset[str]) -> Edited:
    """Project proposals onto the budget and reject those that are empty, known, leaking or break the contract."""
    return await steps.edit(run, step, current, proposals, known)
