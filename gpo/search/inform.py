"""The step `inform`: what the optimizer model is told of the current prompt (Tang et al., section 3.1).

It is told the instruction, and its score or a reflection on its failures where `optimizer.information` asks for them.
For a reflection the prompt is run on a batch of training examples, and the optimizer model writes why the wrong answers
are wrong. Where proposals have cases of their own, the prompt is run on training examples that it was not tried on yet,
and each proposal gets a batch of what is known (`cases.py`).
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence

from pydantic import Field

from gpo.errors import SpecError
from gpo.evaluation.evaluate import evaluate
from gpo.evaluation.few_shot import without_demonstrations
from gpo.formatting import count
from gpo.models.ask import ask_remark, repeat_of
from gpo.models.models import Models
from gpo.records import START_STEP, Example, Record, Sample, Score, Scored, Splits, UsageByRole, total_usage
from gpo.search.cases import Batch, TrainingCase, choose_fresh, deal_batches, lacks_failures
from gpo.search.requests.formatting import PLACEHOLDER, describe_case
from gpo.search.requests.grounding import ground
from gpo.search.requests.marks import draw_marks
from gpo.spec.task import TaskSpec

BATCH_FAILURE_RATE = 0.5
"""Share of the batch that may fail, where `max_failure_rate` is less: of eight examples that would allow none, and one
that the provider always refuses would end the run. A reflection is no score: it only needs some failures to learn from.
"""


Keep = Callable[[Score, Sequence[Example]], Awaitable[None]]
"""Takes the score of a batch, with all of its samples."""


class Informed(Record):
    """The current prompt and what is told of it.

    `reflection` is the text that the meta-prompt shows; None where none is asked for or none could be written.
    `batches` are the cases of each proposal in turn, none where proposals have none of their own. `cases` holds the
    scores on all training examples that the prompt was run on now, by example id, and `failed` counts the others.
    `parts` are those of a program that the step is to change, where its failures decide that. `grounding` is the
    optimizer model's summary of the task, which the first step pays for.
    """

    current: Scored
    reflection: str | None = None
    batches: tuple[Batch, ...] = ()
    cases: Mapping[str, float] = {}
    failed: int = 0
    parts: tuple[str, ...] = ()
    grounding: str = ""
    usage: UsageByRole = Field(default={})

    def batch_of(self, place: int) -> Batch:
        """The cases of the proposal at a place, from 0."""
        return self.batches[place % len(self.batches)] if self.batches else ()


def check_training(spec: TaskSpec, splits: Splits, shown: Sequence[Example]) -> None:
    """Raise SpecError when the method learns from training examples and there are none but the demonstrations shown."""
    options = spec.optimizer
    if options.searches_demonstrations and not splits.train:
        raise SpecError(
            "`optimizer.demonstrations` is searched: they are training examples, and there are none; raise "
            "dataset.split.train"
        )
    if not (options.reflects or options.draws_cases or options.grounding) or without_demonstrations(
        splits.train, shown
    ):
        return
    if options.grounding and not (options.reflects or options.draws_cases):
        raise SpecError(
            "`optimizer.grounding` is true: its summary is written from training examples, and none are there besides "
            "those that `few_shot` shows; raise dataset.split.train, or leave `grounding` out"
        )
    needs = "a reflection is" if options.reflects else "the cases of a proposal are"
    asked = (
        f"`optimizer.information` is {options.information}"
        if not options.draws_cases
        else (f"the method `{options.preset}` tries proposals on training examples")
    )
    raise SpecError(
        f"{asked}: {needs} drawn from the training examples, and none are there besides those that `few_shot` shows; "
        "raise dataset.split.train, or choose `optimizer: gpo`, which needs none"
    )


async def inform(
    models: Models,
    spec: TaskSpec,
    current: Scored,
    train: Sequence[Example],
    *,
    step: int,
    proposals: int,
    known: Mapping[str, float],
    rng: random.Random,
    shown: Sequence[Example] = (),
    keep: Keep | None = None,
) -> Informed:
    """What is told of the current prompt in one step; `rng` draws the batches from the training examples.

    Examples `shown` as demonstrations are left out of them. Without a failure in the batch of a reflection the
    optimizer model is not asked. `known` are the scores of the prompt on training examples of earlier steps. `keep`
    takes the score on those that it is tried on now.

    Raises:
        ModelCallError: the reflection could not be had after the client's retries.
        TooManyFailures: more than `BATCH_FAILURE_RATE` of the batch could not be asked.
    """
    pool = without_demonstrations(train, shown)
    if spec.optimizer.draws_cases:
        informed = await _with_cases(
            models, spec, current, pool, proposals=proposals, known=known, rng=rng, shown=shown, keep=keep
        )
    elif spec.optimizer.reflects:
        informed = await _with_reflection(models, spec, current, pool, step=step, rng=rng, shown=shown, keep=keep)
    else:
        informed = Informed(current=current)
    if not spec.optimizer.grounding:
        return informed
    # The same at every step, also where the demonstrations are not.
    remark = await ground(models.optimizer, spec, train if spec.optimizer.searches_demonstrations else pool)
    usage = total_usage([informed.usage, remark.usage]) if step == START_STEP + 1 else informed.usage
    return informed.model_copy(update={"grounding": remark.text, "usage": usage})


async def _with_reflection(
    models: Models,
    spec: TaskSpec,
    current: Scored,
    pool: Sequence[Example],
    *,
    step: int,
    rng: random.Random,
    shown: Sequence[Example],
    keep: Keep | None,
) -> Informed:
    """The current prompt with a reflection on its failures in a batch."""
    instruction = current.candidate.instruction
    batch = rng.sample(pool, min(spec.optimizer.batch, len(pool)))
    score = await try_on_cases(models, spec, instruction, batch, shown)
    if keep is not None:
        await keep(score, batch)
    failures = _failures(batch, score)
    if not failures:
        none_failed = f"It was tried on {count(score.n, 'training example')}, and none of them failed."
        said = none_failed if score.n else None
        return Informed(current=current, reflection=said, failed=score.failed, usage=score.usage)
    asked = reflection_prompt(spec, instruction, failures)
    remark = await ask_remark(models.optimizer, asked, repeat_of(spec.seed, step, "reflection"))
    usage = total_usage([score.usage, remark.usage])
    return Informed(current=current, reflection=remark.text or None, failed=score.failed, usage=usage)


async def _with_cases(
    models: Models,
    spec: TaskSpec,
    current: Scored,
    pool: Sequence[Example],
    *,
    proposals: int,
    known: Mapping[str, float],
    rng: random.Random,
    shown: Sequence[Example],
    keep: Keep | None,
) -> Informed:
    """A batch of cases for each proposal. What is known already is in the ledger, and not paid for again."""
    size, instruction = spec.optimizer.batch, current.candidate.instruction
    own = random.Random(f"{spec.seed}/{current.candidate.id}/cases")  # noqa: S311 - sampling, not secrets
    fresh = choose_fresh(pool, known, proposals * size, own) if lacks_failures(known, proposals, size) else []
    before = [example for example in pool if example.id in known]
    old = await try_on_cases(models, spec, instruction, before, shown)
    # Where others are known, no example of these is needed: one that is always refused must not end the run.
    new = await try_on_cases(models, spec, instruction, fresh, shown, may_fail=1.0 if before else BATCH_FAILURE_RATE)
    if keep is not None and fresh:
        await keep(new, fresh)
    samples = {sample.example: sample for sample in (*old.samples, *new.samples)}
    cases = [TrainingCase(example=each, sample=samples[each.id]) for each in (*before, *fresh) if each.id in samples]
    return Informed(
        current=current,
        batches=deal_batches(cases, proposals, size, rng),
        cases=new.values,
        failed=new.failed,
        usage=new.usage,
    )


async def try_on_cases(
    models: Models,
    spec: TaskSpec,
    instruction: str,
    examples: Sequence[Example],
    shown: Sequence[Example],
    *,
    may_fail: float = BATCH_FAILURE_RATE,
) -> Score:
    """The score of an instruction on training examples, of which half may fail: a batch is no proof."""
    lenient = spec.model_copy(update={"max_failure_rate": max(spec.max_failure_rate, may_fail)})
    return await evaluate(
        models.task,
        lenient,
        instruction,
        examples,
        demonstrations=shown,
        judge=models.judge,
        target=models.target,
        elsewhere=models.elsewhere,
        kept=len(examples),
    )


def _failures(batch: Sequence[Example], score: Score) -> list[tuple[Example, Sample]]:
    """Examples of the batch with less than the full score, in its order. A call that failed is no failure."""
    wrong = {sample.example: sample for sample in score.samples if sample.value < 1.0}
    return [(example, wrong[example.id]) for example in batch if example.id in wrong]


def reflection_prompt(spec: TaskSpec, instruction: str, failures: Sequence[tuple[Example, Sample]]) -> str:
    """What the optimizer model is asked for a reflection: the instruction, and each failure with its right answer.

    What the metric or the judge said about an answer is told as well.
    """
    cases = "\n\n".join(
        describe_case(spec, f"Case {number}:", *failure) for number, failure in enumerate(failures, start=1)
    )
    marks = draw_marks(spec.seed, [instruction, cases])
    where = f"where the instruction stood in the place of {PLACEHOLDER}"
    if spec.target is not None:
        where = "of a program that asks the model with the instruction"
    return (
        f"A language model was given this instruction:\n\n{instruction}\n\n"
        f"In the cases below, {where}, its answer was wrong.\n\n"
        f"{marks.fence(cases)}\n\n"
        "Why did the instruction fail in these cases? Say what it leaves open or says wrongly, in at most 120 words. "
        f"{marks.rule} Do not write a new instruction, and do not repeat the cases."
    )
