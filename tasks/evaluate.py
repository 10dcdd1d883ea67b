"""Step 5: score a candidate with the task model; and, after the search, score prompts on the test split."""

from prefect import task

from gpo.records import Candidate, Score, Scored
from gpo.runs import steps
from gpo.runs.run import Run
from tasks.policy import PAID, opaque


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
