"""The step `inform`: what the optimizer model is told of the current prompt (Tang et al., section 3.1).

It is told the instruction, and its score or a reflection on its failures where `optimizer.information` asks for them.
For a reflection the prompt is run on a batch of training examples, and the optimizer model writes why the wrong answers
are wrong.
"""

import random
from collections.abc import Sequence

from pydantic import Field

from gpo.errors import SpecError
from gpo.evaluation.evaluate import evaluate
from gpo.evaluation.few_shot import without_demonstrations
from gpo.formatting import count
from gpo.models.ask import ask_remark, repeat_of
from gpo.models.models import Models
from gpo.records import Example, Record, Sample, Score, Scored, Splits, UsageByRole, total_usage
from gpo.search.formatting import PLACEHOLDER, cut_middle, format_feedback, format_question
from gpo.spec.task import TaskSpec

MAX_FAILURE_CHARS = 1200
"""Characters of a question or an answer that the optimizer model is shown."""

BATCH_FAILURE_RATE = 0.5
"""Share of the batch that may fail, where `max_failure_rate` is less: of eight examples that would allow none, and one
that the provider always refuses would end the run. A reflection is no score: it only needs some failures to learn from.
"""


class Informed(Record):
    """The current prompt and what is told of it.

    `reflection` is the text that the meta-prompt shows; None where none is asked for or none could be written.
    """

    current: Scored
    reflection: str | None = None
    usage: UsageByRole = Field(default={})


def check_reflection(spec: TaskSpec, splits: Splits, shown: Sequence[Example]) -> None:
    """Raise SpecError when a reflection is asked for and only the demonstrations `shown` are there to reflect on."""
    if spec.optimizer.reflects and not without_demonstrations(splits.train, shown):
        raise SpecError(
            f"`optimizer.information` is {spec.optimizer.information}: a reflection is written from training examples, "
            "and none are there besides those that `few_shot` shows; raise dataset.split.train, or choose `prompt` or "
            "`prompt+score`"
        )


async def inform(
    models: Models,
    spec: TaskSpec,
    current: Scored,
    train: Sequence[Example],
    *,
    step: int,
    rng: random.Random,
    shown: Sequence[Example] = (),
) -> Informed:
    """What is told of the current prompt in one step; `rng` draws the batch from the training examples.

    Examples `shown` as demonstrations are left out of the batch. Without a failure in it the optimizer model
    is not asked.

    Raises:
        ModelCallError: the reflection could not be had after the client's retries.
        TooManyFailures: more than `BATCH_FAILURE_RATE` of the batch could not be asked.
    """
    if not spec.optimizer.reflects:
        return Informed(current=current)
    instruction = current.candidate.instruction
    pool = without_demonstrations(train, shown)
    batch = rng.sample(pool, min(spec.optimizer.batch, len(pool)))
    lenient = spec.model_copy(update={"max_failure_rate": max(spec.max_failure_rate, BATCH_FAILURE_RATE)})
    score = await evaluate(
        models.task, lenient, instruction, batch, demonstrations=shown, judge=models.judge, kept=len(batch)
    )
    failures = _failures(batch, score)
    if not failures:
        none_failed = f"It was tried on {count(score.n, 'training example')}, and none of them failed."
        return Informed(current=current, reflection=none_failed if score.n else None, usage=score.usage)
    asked = reflection_prompt(spec, instruction, failures)
    remark = await ask_remark(models.optimizer, asked, repeat_of(spec.seed, step, "reflection"))
    return Informed(current=current, reflection=remark.text or None, usage=total_usage([score.usage, remark.usage]))


def _failures(batch: Sequence[Example], score: Score) -> list[tuple[Example, Sample]]:
    """Examples of the batch with less than the full score, in its order. A call that failed is no failure."""
    wrong = {sample.example: sample for sample in score.samples if sample.value < 1.0}
    return [(example, wrong[example.id]) for example in batch if example.id in wrong]


def reflection_prompt(spec: TaskSpec, instruction: str, failures: Sequence[tuple[Example, Sample]]) -> str:
    """What the optimizer model is asked for a reflection: the instruction, and each failure with its right answer.

    What the metric or the judge said about an answer is told as well.
    """
    cases = "\n\n".join(_failure_text(spec, number, *failure) for number, failure in enumerate(failures, start=1))
    return (
        f"A language model was given this instruction:\n\n{instruction}\n\n"
        f"In the cases below, where the instruction stood in the place of {PLACEHOLDER}, its answer was wrong.\n\n"
        f"{cases}\n\n"
        "Why did the instruction fail in these cases? Say what it leaves open or says wrongly, in at most 120 words. "
        "Do not write a new instruction, and do not repeat the cases."
    )


def _failure_text(spec: TaskSpec, number: int, example: Example, sample: Sample) -> str:
    judged = f"\nWhat was said about the answer: {cut_middle(sample.feedback, MAX_FAILURE_CHARS)}"
    feedback = f"{judged if sample.feedback else ''}{format_feedback(example)}"
    return (
        f"Case {number}:\n{cut_middle(format_question(spec, example), MAX_FAILURE_CHARS)}\n"
        f"The model's answer: {cut_middle(sample.text.strip(), MAX_FAILURE_CHARS)}\n"
        f"The right answer: {cut_middle(' or '.join(example.references), MAX_FAILURE_CHARS)}{feedback}"
    )
