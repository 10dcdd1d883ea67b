"""Step 5: score a candidate with the task model."""

from prefect import task

from gpo.evaluation import evaluate as evaluation
from gpo.records import Candidate, Score, Scored, Split
from gpo.runs.run import Run
from tasks.policy import PAID


@task(name="evaluate", task_run_name="evaluate {candidate.label} {candidate.id}", **PAID)
async def evaluate(run: Run, candidate: Candidate, incumbent: Score | None = None) -> Scored:
    """Score a candidate on the dev split; with an incumbent, stop early when it falls behind."""
    # Answers to the start that cannot be read end the run; a candidate that causes such answers is merely a bad one.
    score = await _evaluate(run, candidate, "dev", incumbent, stops_unread=incumbent is None)
    return Scored(candidate=candidate, score=score)


@task(name="prove", task_run_name="prove {candidate.label} {candidate.id}", **PAID)
async def prove(run: Run, candidate: Candidate) -> Score:
    """Score a prompt on the locked test split."""
    return await _evaluate(run, candidate, "test")


async def _evaluate(
    run: Run, candidate: Candidate, split: Split, incumbent: Score | None = None, *, stops_unread: bool = False
) -> Score:
    return await evaluation.evaluate(
        run.models.task,
        run.spec,
        candidate.instruction,
        run.examples(split),
        incumbent,
        demonstrations=run.demonstrations,
        judge=run.models.judge,
        stops_unread=stops_unread,
    )
