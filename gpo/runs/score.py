"""Scores one instruction on one split of a spec, without a search."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from pydantic import Field

from gpo.database.engine import open_database
from gpo.errors import InputError
from gpo.evaluation.calls import calls_an_example
from gpo.evaluation.evaluate import KEPT_SAMPLES, evaluate
from gpo.evaluation.few_shot import candidate_of, without_demonstrations
from gpo.models.ledger import Ledger
from gpo.models.models import open_models, with_target
from gpo.models.sharing import ask_anew, share_tallies
from gpo.progress import Began, emit
from gpo.records import Example, Record, Score, Split, Splits
from gpo.runs.job import Job, load_job
from gpo.runs.preflight import preflight
from gpo.runs.probe import CUT_ADVICE
from gpo.runs.results.result import ExampleResult, results_of, with_few_samples
from gpo.template import variables_in

MANY_CUT = 0.1
"""Share of answers that the token limit ended beyond which a score is warned of."""


class InstructionScore(Record):
    """The score of one instruction on one split, and what it cost.

    `paid` are the calls that were paid for now, those of the check before among them; `cached` is how many of the
    answers behind the score were in the ledger already. `cost` is that of all of them; None: no model has a price.
    `results` has each example behind the score; `labels` are those that answers choose among, None where they are no
    choice.
    """

    task: str
    split: str
    instruction: str
    score: Score
    paid: int
    cached: int
    cost: float | None = None
    results: tuple[ExampleResult, ...] = Field(default=(), repr=False)
    labels: tuple[str, ...] | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What keeps the score from saying what it seems to say, a sentence each."""
        score = self.score
        if score.cut <= MANY_CUT * score.n:
            return ()
        return (f"{score.cut} of {score.n} answers were {CUT_ADVICE}",)


async def score_instruction(
    spec: Path, instruction: str | None, split: str, *, fresh: bool = False
) -> InstructionScore:
    """Score an instruction, by default the spec's own, on `train`, `dev` or `test`.

    Every answer goes to the ledger of the state folder: what was asked before, here or in a run, is not paid again,
    unless it is to be `fresh`.

    Raises:
        InputError: what is wrong with the spec, the data, the models, the instruction or the split.
        TooManyUnread: more of the answers than `max_unparsed_rate` cannot be read.
        TooManyFailures: more than `max_failure_rate` of the examples could not be asked.
    """
    return await score_job(load_job(spec), instruction, split, fresh=fresh)


async def score_job(
    job: Job, instruction: str | None, split: str, *, splits: Splits | None = None, fresh: bool = False
) -> InstructionScore:
    """The same for a job, whose data is `splits` where it has been read already."""
    _check_split(split)
    if instruction is not None:
        job = with_instruction(job, instruction)
    with share_tallies(), ask_anew(fresh):
        checked = await preflight(job, splits, searches=False)
        shown = checked.demonstrations
        examples = _examples(checked.splits, split, shown)
        if not examples:
            raise InputError(f"the split {split} of {job.spec.dataset.source} is empty; see dataset.split.{split}")
        return await _score(job, split, examples, shown)


async def _score(job: Job, split: str, examples: Sequence[Example], shown: Sequence[Example]) -> InstructionScore:
    spec = job.spec
    engine = open_database(job.settings.database_for(job.home))
    ledger = Ledger(engine)
    try:
        async with open_models(spec.models, job.settings, ledger) as opened, with_target(opened, spec) as models:
            checked = models.task.tally.paid + models.judge.tally.paid
            emit(Began(split, len(examples) * calls_an_example(spec)))
            instruction, judge = spec.start_text, models.judge
            score = await evaluate(
                models.task,
                spec,
                instruction,
                examples,
                demonstrations=shown,
                judge=judge,
                target=models.target,
                stops_unread=True,
                kept=len(examples),
            )
            paid = models.task.tally.paid + models.judge.tally.paid
            # The check asks the first dev examples: on dev, what it paid for belongs to the score.
            fresh = paid if split == "dev" else paid - checked
            return InstructionScore(
                task=spec.name,
                split=split,
                instruction=instruction,
                score=with_few_samples(score, KEPT_SAMPLES),
                paid=paid + models.optimizer.tally.paid,
                cached=max(0, sum(usage.calls for usage in score.usage.values()) - fresh),
                cost=spec.models.cost(score.usage),
                results=tuple(results_of(score, examples, split, candidate_of(spec, instruction, shown))),
                labels=spec.answer.choices,
            )
    finally:
        await ledger.aclose()
        engine.dispose()


def _check_split(split: str) -> None:
    if split not in get_args(Split):
        raise InputError(f"unknown split '{split}'; allowed: {', '.join(get_args(Split))}")


def with_instruction(job: Job, instruction: str) -> Job:
    """The job with another instruction to start from.

    Raises:
        InputError: it is blank, holds variables, or is none of this program.
    """
    text = instruction.strip()
    if not text:
        raise InputError("the instruction is blank; leave --instruction out to score the one of the spec")
    if found := variables_in(text):
        raise InputError(
            f"the instruction holds {{{{{found[0]}}}}}: variables belong to `prompt.messages` of the spec, around it"
        )
    try:
        return replace(job, spec=job.spec.with_text(text))
    except ValueError as error:
        raise InputError(f"the instruction is none of this program: {error}") from None


def _examples(splits: Splits, split: str, shown: Sequence[Example]) -> Sequence[Example]:
    return {"train": without_demonstrations(splits.train, shown), "dev": splits.dev, "test": splits.test}[split]
