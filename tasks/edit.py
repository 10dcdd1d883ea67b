"""Step 3: hold every proposal to the step's word budget."""

from prefect import task

from gpo import edits
from gpo.records import Candidate, Edited, Proposals
from gpo.run import Run
from tasks.policy import RESUMABLE


@task(name="edit", task_run_name="edit step {step}", tags=["gpo"], **RESUMABLE)
async def edit(run: Run, step: int, current: Candidate, proposals: Proposals, known: frozenset[str]) -> Edited:
    """Project proposals onto the budget and reject those that are empty, known, leaking or break the contract."""
    options = run.spec.optimizer
    budget = edits.budget(options.decay, step, options.max_steps, options.budget_start, options.budget_end)
    return run.screen.admit(
        proposals, current, known, step=step, budget=budget, rng=run.rng(step, "edit"), wanted=options.candidates
    )
