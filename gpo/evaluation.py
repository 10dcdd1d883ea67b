"""Scores one prompt on a list of examples with the task model."""

import json
from collections.abc import Sequence

from gpo.answers import parse_answer
from gpo.errors import ModelCallError, TooManyFailures, TransientCallError
from gpo.ledger import Answer, CallKey
from gpo.metrics import METRICS
from gpo.models import ChatModel, Sampling
from gpo.progress import Answered, Dropped, emit
from gpo.racing import blocks, stays
from gpo.records import Example, Sample, Score
from gpo.spec import AnswerSpec, TaskSpec
from gpo.template import render
from gpo.together import together

KEPT_SAMPLES = 3
"""Raw answers kept with a score, wrong ones first, so that a report can show what went wrong."""


def task_sampling(answer: AnswerSpec, *, follows_grammar: bool) -> Sampling:
    """How the task model is asked: held to the labels where the answer is a choice and the server can do so."""
    if answer.kind != "choice" or not follows_grammar:
        return Sampling()
    options = " | ".join(json.dumps(label, ensure_ascii=False) for label in answer.labels)
    # One token tells labels apart that differ in their first letter; what follows it would only cost time.
    first = {label[0] for label in answer.labels}
    tells = len(first) == len(answer.labels) and all(letter.isascii() for letter in first)
    longest = max(len(label.encode()) for label in answer.labels)
    return Sampling(max_tokens=1 if tells else max(8, longest), grammar=f"root ::= {options}")


def completed(text: str, answer: AnswerSpec) -> str:
    """An answer that was cut after its first token, as the only label that begins so; any other text as it is.

    >>> completed("pos", AnswerSpec(kind="choice", labels=("positive", "negative")))
    'positive'
    """
    begun = [label for label in answer.labels if text and label.startswith(text)]
    return begun[0] if len(begun) == 1 else text


async def evaluate(
    model: ChatModel,
    spec: TaskSpec,
    instruction: str,
    examples: Sequence[Example],
    incumbent: Score | None = None,
) -> Score:
    """Score an instruction on `examples`, in order, under the model's concurrency limit.

    With an incumbent and `optimizer.race_after`, the evaluation ends early once the candidate is behind.

    Raises:
        TooManyFailures: more than `max_failure_rate` of the examples could not be asked.
    """
    score = Score(values={}, planned=len(examples))
    tried = 0
    first = spec.optimizer.race_after if incumbent is not None else None
    for block in blocks(examples, first):
        if tried and incumbent is not None and not stays(score, incumbent):
            emit(Dropped(len(examples) - tried))
            break
        # Over all examples, so that the size of a block does not decide how many calls may fail.
        allowed = int(spec.max_failure_rate * len(examples)) - score.failed
        score = _joined(score, await _score_block(model, spec, instruction, block, offset=tried, allowed=allowed))
        tried += len(block)
    return score


async def _score_block(
    model: ChatModel, spec: TaskSpec, instruction: str, block: Sequence[Example], *, offset: int, allowed: int
) -> Score:
    sampling = task_sampling(spec.answer, follows_grammar=model.follows_grammar)
    template = spec.prompt.template
    keys = [model.key(render(template, instruction, example.inputs), sampling) for example in block]
    answers = await _answers(model, keys, sampling, offset, allowed)
    samples = [
        _sample(example, answers[key.digest], spec)
        for example, key in zip(block, keys, strict=True)
        if key.digest in answers
    ]
    return Score(
        values={sample.example: sample.value for sample in samples},
        planned=len(block),
        unparsed=sum(sample.answer is None for sample in samples),
        failed=len(block) - len(samples),
        samples=tuple(samples),
    )


async def _answers(
    model: ChatModel, keys: Sequence[CallKey], sampling: Sampling, offset: int, allowed: int
) -> dict[str, Answer]:
    """Answers by key digest; keys whose call failed are missing. The first failure too many cancels the rest."""
    found = dict(await model.find(keys))
    if found:
        emit(Answered(paid=False, count=len(found)))
    failures: list[ModelCallError] = []

    async def pay(key: CallKey, priority: int) -> None:
        try:
            found[key.digest] = await model.ask(key, sampling, priority)
        except ModelCallError as error:
            failures.append(error)
            if len(failures) > allowed:
                raise
            return
        emit(Answered(paid=True))

    missing = {key.digest: (key, offset + index) for index, key in enumerate(keys) if key.digest not in found}
    try:
        await together(*(pay(key, priority) for key, priority in missing.values()))
    except ModelCallError as first:
        raise TooManyFailures(
            f"{len(failures)} of {len(keys)} calls failed, more than max_failure_rate still allows ({allowed}); "
            f"answers that came are kept. First: {failures[0]}",
            transient=any(isinstance(error, TransientCallError) for error in failures),
        ) from first
    return found


def _sample(example: Example, answer: Answer, spec: TaskSpec) -> Sample:
    parsed = parse_answer(completed(answer.text, spec.answer), spec.answer)
    value = METRICS[spec.metric.name](parsed, example.reference) if parsed is not None else 0.0
    return Sample(example=example.id, text=answer.text, answer=parsed, value=value)


def _joined(one: Score, other: Score) -> Score:
    samples = sorted((*one.samples, *other.samples), key=lambda sample: sample.value)
    return Score(
        values={**one.values, **other.values},
        planned=one.planned,
        unparsed=one.unparsed + other.unparsed,
        failed=one.failed + other.failed,
        samples=tuple(samples[:KEPT_SAMPLES]),
    )
