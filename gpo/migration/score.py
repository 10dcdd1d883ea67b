"""Scores one pair of model and prompt on one split; a task of Prefect's, or a plain call, does it for a migration."""

from contextlib import aclosing

from gpo.database.engine import open_state
from gpo.evaluation.calls import calls_an_example
from gpo.evaluation.evaluate import evaluate
from gpo.migration.plan import MigrationPlan
from gpo.models.clients.call_notes import calls_about
from gpo.models.ledger import Ledger
from gpo.models.models import open_models
from gpo.models.sharing import Tally, count_apart
from gpo.production.contender import Contender
from gpo.progress import Began, emit
from gpo.records import Example, Record, Score, Split, Usage, UsageByRole
from gpo.runs.preflight import preflight


class PairScore(Record):
    """The score of a pair with all answers behind it, and what was paid for now, by role."""

    score: Score
    paid: UsageByRole


async def check_model(plan: MigrationPlan, place: int, *, searches: bool) -> UsageByRole:
    """Check that a model can be asked, and its answers read; what that was paid for is in the ledger.

    Raises:
        InputError: what is wrong with it, and what to do.
    """
    job = plan.job_of(plan.contender(place).spec, searches=searches)
    with count_apart() as counts:
        await preflight(job, plan.splits, searches=searches)
        return paid_usage(counts["task"], counts["judge"], counts["optimizer"])


async def score_pair(plan: MigrationPlan, name: str, contender: Contender, split: Split) -> PairScore:
    """Score a pair on all examples of a split.

    Raises:
        TooManyFailures: more than `max_failure_rate` of the examples could not be asked.
    """
    job, examples = plan.job_of(contender.spec), examples_of(plan, split)
    spec = job.spec
    emit(Began(f"{name} on {split}", len(examples) * calls_an_example(spec)))
    with open_state(job.settings, job.home) as engine, count_apart() as counts, calls_about(run=plan.id):
        async with aclosing(Ledger(engine)) as ledger, open_models(spec.models, job.settings, ledger) as models:
            score = await evaluate(
                models.task,
                spec,
                spec.start_text,
                examples,
                demonstrations=contender.demonstrations,
                judge=models.judge,
                kept=len(examples),
            )
        return PairScore(score=score, paid=paid_usage(counts["task"], counts["judge"]))


def examples_of(plan: MigrationPlan, split: Split) -> tuple[Example, ...]:
    """The examples of a split."""
    return {"train": plan.splits.train, "dev": plan.splits.dev, "test": plan.splits.test}[split]


def paid_usage(task: Tally, judge: Tally, optimizer: Tally | None = None) -> UsageByRole:
    """What tallies have counted as paid for, by role."""
    counted = {"task": task, "judge": judge, "optimizer": optimizer}
    return {
        role: Usage(calls=tally.paid, input_tokens=tally.input_tokens, output_tokens=tally.output_tokens)
        for role, tally in counted.items()
        if tally is not None and tally.paid
    }
