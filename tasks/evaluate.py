"""Step 5: try candidates on their own cases, score on dev those that pass; after the search, prove the best."""

from prefect import task

from gpo.records import Candidate, Score, Scored
from gpo.runs import steps
from gpo.runs.run import Run
from gpo.search.inform import Informed
from gpo.search.screen import Screened
from gpo.search.state import Search
from gpo.search.step import Edited, Step
from tasks.policy import PAID, opaque


async def screen(run: Run, search: Search, begun: Step, informed: Informed, edited: Edited) -> Screened:
    """Try the candidates on their own cases, where the method asks for it; the others need not be scored on dev."""
    if not run.spec.optimizer.tries_cases:
        return await steps.screen(run, search, begun, informed, edited)
    return await _screen(run, begun.number, opaque(search), opaque(begun), opaque(informed), opaque(edited))


@task(name="screen", task_run_name="screen step {step}", **PAID)
async def _screen(  # noqa: PLR0917 - each is opaque to Prefect by itself
    run: Run, step: int, search: Search, begun: Step, informed: Informed, edited: Edited
) -> Screened:
    del step
    return await steps.screen(run, search, begun, informed, edited)


async def evaluate(run: Run, candidate: Candidate, incumbent: Score | None = None) -> Scored:
    """Score a candidate on the dev split; with an incumbent, stop early when it falls behind."""
    return await _evaluate(run, candidate, opaque(incumbent))


@task(name="evaluate", task_run_name="evaluate {candidate.label} {candidate.id}", **PAID)
async def _evaluate(run: Run, candidate: Candidate, incumbent: Score | None) -> Scored:
    return await steps.evaluate(run, candidate, incumbent)


@task(name="prove", task_run_name="prove {candidate.label} {candidate.id}", **PAID)
async def prove(run: Run, candidate: Candidate, first: int | None = None) -> Score:
    """Score a prompt on the locked test split, or on its `first` examples."""
    return await steps.prove(run, candidate, first)
