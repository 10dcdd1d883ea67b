"""Step 5: score a candidate with the task model."""

from prefect import task

from gpo.evaluation import evaluate as evaluation
from gpo.records import Candidate, Score, Scored, Split
from gpo.runs.run import Run
from tasks.policy import PAID


@task(name="evaluate", task_run_name="evaluate {candidate.label} {candidate.id}", **PAID)
async def evaluate(run: Run, candidate: Candidate, incumbent: Score | None = None) -> Scored:
    """Score a candidate on the dev split; with an incumbent, stop early when it falls behind."""
    score = await _evaluate(run, candidate, "dev", incumbent)
    return Scored(candidate=candidate, score=score)


@task(name="prove", task_run_name="prove {candidate.label} {candidate.id}", **PAID)
async def prove(run: Run, candidate: Candidate) -> Score:
    """Score a prompt on the locked test split."""
    return await _evaluate(run, candidate, "test")


async def _evaluate(run: Run, candidate: Candidate, split: Split, incumbent: Score | None = None) -> Score:
    return await evaluation.evaluate(
        run.models.task,
        run.spec,
        candidate.instruction,
        run.examples(split),
        incumbent,
        demonstrations=run.demonstrations,
        judge=run.models.judge,
    )
