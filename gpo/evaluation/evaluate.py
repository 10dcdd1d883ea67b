"""Scores one prompt on a list of examples with the task model, and with the judge where the metric is one."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpo.evaluation.calls import calls_an_example
from gpo.evaluation.extraction import extraction_messages, extraction_sampling, task_sampling
from gpo.evaluation.few_shot import candidate_of
from gpo.evaluation.judge import Grade, judge_answers, question_of
from gpo.evaluation.marks import mark_replies
from gpo.evaluation.racing import blocks, stays
from gpo.evaluation.readability import is_unreadable, too_many_unread
from gpo.evaluation.replies import TaskReply, read_reply, timing_of
from gpo.evaluation.scores import collect_labels, join_scores
from gpo.messages.message import Message
from gpo.models.ask import BlockOfCalls, usage_of
from gpo.models.chat import ChatModel
from gpo.models.clients.call_notes import calls_about
from gpo.models.ledger import Answer
from gpo.models.replies import is_cut
from gpo.progress import Dropped, emit
from gpo.records import Example, Score, UsageByRole, total_usage
from gpo.scoring.reading import Reading
from gpo.scoring.spec import ExtractSpec, is_judged
from gpo.spec.task import TaskSpec
from gpo.template import begins_with_instruction, next_question, render

if TYPE_CHECKING:
    from gpo.models.models import Elsewhere, Models
    from gpo.models.target.target import Target

KEPT_SAMPLES = 3
"""Raw answers kept with a score, wrong ones first, so that a report can show what went wrong."""

READ_FIRST = 64
"""Examples after which the answers to a spec's own prompt are looked at: whether they can be read."""


@dataclass(frozen=True)
class _Prompt:
    """One instruction with all that stands around it, and the models that answer and judge."""

    model: ChatModel
    judge: ChatModel | None
    spec: TaskSpec
    instruction: str
    demonstrations: Sequence[Example]
    target: "Target | None"
    elsewhere: "Elsewhere | None" = None

    def messages(self, example: Example) -> tuple[Message, ...]:
        return render(self.spec.prompt.template, self.instruction, example.inputs, self.demonstrations)


async def evaluate(
    model: ChatModel,
    spec: TaskSpec,
    instruction: str,
    examples: Sequence[Example],
    incumbent: Score | None = None,
    *,
    demonstrations: Sequence[Example] = (),
    judge: ChatModel | None = None,
    target: "Target | None" = None,
    elsewhere: "Elsewhere | None" = None,
    kept: int = KEPT_SAMPLES,
    stops_unread: bool = False,
) -> Score:
    """Score an instruction on `examples`, in order, under the model's concurrency limit.

    With an incumbent and `optimizer.race_after`, the evaluation ends early once the candidate is behind. It also ends
    where more of its answers than `max_unparsed_rate` cannot be read: such a candidate is bad, the run is not.

    Args:
        model: the task model.
        spec: the task.
        instruction: what is scored.
        examples: what it is scored on.
        incumbent: the score that a candidate has to keep up with.
        demonstrations: as many as the spec's `few_shot` asks for, or any where the search chooses them.
        judge: the model that scores, where the metric is a judge.
        target: the program that answers in the place of the task model, where the spec names one.
        elsewhere: what scores the examples in other processes, where this one is not to do it.
        kept: how many raw answers stay with the score.
        stops_unread: whether answers that cannot be read are an error, as they are for the prompt of a spec.

    Raises:
        TooManyUnread: with `stops_unread`, more of the answers than `max_unparsed_rate` cannot be read.
        TooManyFailures: more than `max_failure_rate` of the examples could not be asked.
    """
    if len(demonstrations) != spec.few_shot and not spec.optimizer.searches_demonstrations:
        raise ValueError(f"{len(demonstrations)} demonstrations for a spec whose `few_shot` is {spec.few_shot}")
    prompt = _Prompt(model, judge, spec, instruction, demonstrations, target, elsewhere)
    score = Score(values={}, planned=len(examples))
    tried = 0
    as_block = begins_with_instruction(spec.prompt.template)
    # A race decides again and again. Else the rest goes in one piece: at the end of a block calls wait for its last.
    first, growth = (spec.optimizer.race_after, 2) if incumbent is not None else (READ_FIRST, math.inf)
    for block in blocks(examples, first, growth):
        if tried and incumbent is not None and not stays(score, incumbent):
            emit(Dropped((len(examples) - tried) * calls_an_example(spec)))
            break
        # Over all examples, so that the size of a block does not decide how many calls may fail.
        allowed = int(spec.max_failure_rate * len(examples)) - score.failed
        inquiry = BlockOfCalls(block, offset=tried, allowed=allowed, as_block=as_block)
        with calls_about(candidate=candidate_of(spec, instruction, demonstrations).id):
            scored = await _score_block(prompt, inquiry)
        score = join_scores(score, scored, kept)
        tried += len(block)
        if is_unreadable(score, spec):
            if stops_unread:
                raise too_many_unread(model, spec, score, scored.samples)
            if incumbent is not None:
                spare = len(examples) - tried + len(block)
                emit(Dropped(spare * calls_an_example(spec) - inquiry.asked))
                break
        if spare := len(block) * calls_an_example(spec) - inquiry.asked:
            emit(Dropped(spare))
    return score


async def score_block(
    models: "Models", spec: TaskSpec, instruction: str, demonstrations: Sequence[Example], inquiry: BlockOfCalls
) -> Score:
    """Score an instruction on one block of examples, in this process, with all samples in their order.

    Raises:
        TooManyFailures: more failed than the inquiry allows.
    """
    prompt = _Prompt(models.task, models.judge, spec, instruction, demonstrations, models.target)
    with calls_about(candidate=candidate_of(spec, instruction, demonstrations).id):
        return await _score_block(prompt, inquiry)


async def _score_block(prompt: _Prompt, inquiry: BlockOfCalls) -> Score:
    spec = prompt.spec
    if prompt.elsewhere is not None:
        return await prompt.elsewhere(spec, prompt.instruction, prompt.demonstrations, inquiry)
    replies = await _replies(prompt, inquiry)
    verdicts: Mapping[str, Grade] = {}
    if is_judged(spec.metric):
        readable = {name: reply.parsed for name, reply in replies.items() if reply.parsed is not None}
        verdicts = await _verdicts(prompt, readable, inquiry)
    marks = await mark_replies(spec, replies, verdicts, inquiry)
    samples = [replies[name].sample(name, mark) for name, mark in marks.items()]
    return Score(
        values={sample.example: sample.value for sample in samples},
        planned=len(inquiry.block),
        labels=collect_labels(spec, inquiry.block, samples),
        unparsed=sum(sample.answer is None for sample in samples),
        weak=sum(replies[sample.example].reading.is_weak for sample in samples),
        failed=len(inquiry.block) - len(samples),
        cut=sum(replies[sample.example].cut for sample in samples),
        samples=tuple(samples),
        failures=inquiry.reasons,
        failed_calls=inquiry.failed_calls,
        usage=total_usage([_usage(prompt, replies.values(), verdicts.values()), inquiry.lost]),
        timing=timing_of(replies.values()),
    )


async def _replies(prompt: _Prompt, inquiry: BlockOfCalls) -> dict[str, TaskReply]:
    """What the task model, or the program, answers, by example id; missing where a call failed."""
    if prompt.target is not None:
        return await _programs_replies(prompt, prompt.target, inquiry)
    model, answer = prompt.model, prompt.spec.answer
    sampling = replace(task_sampling(answer, follows_grammar=model.follows_grammar), stop=_stops(prompt))
    asked = {example.id: prompt.messages(example) for example in inquiry.block}
    keys = {name: model.key(messages, sampling) for name, messages in asked.items()}
    questions = {example.id: question_of(example) for example in inquiry.block}
    read: dict[str, TaskReply] = {}

    async def hear(name: str, reply: Answer) -> None:
        # Where we set the length ourselves, an answer that ends there is whole.
        cut = sampling.max_tokens is None and is_cut(reply.finish_reason)
        reading = await read_reply(reply.text, answer, questions[name], cut=cut, is_held=bool(sampling.grammar))
        read[name] = TaskReply(answers=(reply,), text=reply.text, reading=reading, cut=cut)

    replies = {name: read[name] for name in await inquiry.ask(model, keys, sampling, hear)}
    return replies if answer.extract is None else await _extracted(prompt, inquiry, answer.extract, asked, replies)


async def _programs_replies(prompt: _Prompt, target: "Target", inquiry: BlockOfCalls) -> dict[str, TaskReply]:
    found = await target.answer(prompt.spec, prompt.instruction, inquiry)
    questions = {example.id: question_of(example) for example in inquiry.block}
    return {
        name: TaskReply(
            answers=answer.model_answers(),
            text=answer.text,
            reading=await read_reply(answer.text, prompt.spec.answer, questions[name], is_held=False),
            cut=False,
            inside=answer.trace,
        )
        for name, answer in found.items()
    }


async def _extracted(
    prompt: _Prompt,
    inquiry: BlockOfCalls,
    extract: ExtractSpec,
    asked: Mapping[str, Sequence[Message]],
    replies: Mapping[str, TaskReply],
) -> dict[str, TaskReply]:
    """The replies with what the extraction prompt made of them, lost where its call failed."""
    model, answer = prompt.model, prompt.spec.answer
    sampling = extraction_sampling(model, answer, extract)
    keys = {
        name: model.key(
            extraction_messages(asked[name], reply.text, extract, continues=model.spec.completion), sampling
        )
        for name, reply in replies.items()
        if extract.when == "always" or reply.parsed is None
    }
    found = await inquiry.ask(model, keys, sampling)
    questions = {example.id: question_of(example) for example in inquiry.block}
    extracted = {
        name: replace(
            replies[name],
            answers=(*replies[name].answers, reply),
            text=f"{replies[name].text}\n\n{extract.prompt} {reply.text}",
            reading=await read_reply(reply.text, answer, questions[name], is_held=bool(sampling.grammar)),
        )
        for name, reply in found.items()
    }
    lost = {name: replace(replies[name], reading=Reading(), lost=True) for name in keys.keys() - found.keys()}
    return {name: extracted.get(name) or lost.get(name) or reply for name, reply in replies.items()}


async def _verdicts(prompt: _Prompt, answers: Mapping[str, str], inquiry: BlockOfCalls) -> Mapping[str, Grade]:
    if prompt.judge is None:
        raise ValueError("the metric is a judge, and no model was given to judge")
    return await judge_answers(prompt.judge, prompt.spec.metric, answers, inquiry)


def _stops(prompt: _Prompt) -> tuple[str, ...]:
    """Where a completion model that was shown demonstrations would go on to a next question of its own."""
    if not (prompt.model.spec.completion and prompt.demonstrations):
        return ()
    begins = next_question(prompt.spec.prompt.template, prompt.instruction)
    return (begins,) if begins else ()


def _usage(prompt: _Prompt, replies: Iterable[TaskReply], verdicts: Iterable[Grade]) -> UsageByRole:
    usage = usage_of(prompt.model, [answer for reply in replies for answer in reply.answers])
    judged = [answer for verdict in verdicts for answer in verdict.answers]
    return {**usage, **usage_of(prompt.judge, judged)} if prompt.judge and judged else usage
