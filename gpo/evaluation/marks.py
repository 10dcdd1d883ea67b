"""The scores of replies: by the metric, or by what a judge said of them."""

import asyncio
from collections.abc import Mapping

from gpo.concurrency import gather_or_cancel
from gpo.errors import MetricError
from gpo.evaluation.judge import Grade
from gpo.evaluation.replies import TaskReply
from gpo.models.ask import BlockOfCalls
from gpo.progress import Note, emit
from gpo.records import Example
from gpo.scoring.functions.calling import Marked, ToScore, asks_for, is_quick, mark_soon, row_of
from gpo.scoring.spec import is_judged
from gpo.spec.task import TaskSpec


async def mark_replies(
    spec: TaskSpec, replies: Mapping[str, TaskReply], verdicts: Mapping[str, Grade], inquiry: BlockOfCalls
) -> dict[str, Marked]:
    """The scores of the replies, in the examples' order; missing where a reply was lost or could not be scored.

    Raises:
        TooManyFailures: more could not be scored than the inquiry allows.
    """
    slots = asyncio.Semaphore(spec.models.task.max_concurrency)

    async def marked(example: Example, reply: TaskReply) -> tuple[str, Marked | None]:
        async with slots:
            return example.id, await _mark(spec, example, reply, verdicts, inquiry)

    came = [(example, replies[example.id]) for example in inquiry.block if example.id in replies]
    if is_quick(spec.metric):
        found = [await marked(example, reply) for example, reply in came]
    else:
        found = await gather_or_cancel(*(marked(example, reply) for example, reply in came))
    return {name: mark for name, mark in found if mark is not None}


async def _mark(
    spec: TaskSpec, example: Example, reply: TaskReply, verdicts: Mapping[str, Grade], inquiry: BlockOfCalls
) -> Marked | None:
    """The score of one reply; None where it was lost, the judge gave none or the metric failed."""
    if reply.lost:
        return None
    if reply.parsed is None:
        return Marked(0.0)
    if is_judged(spec.metric):
        grade = verdicts.get(example.id)
        return Marked(grade.value, grade.feedback) if grade and grade.value is not None else None
    try:
        row = row_of(example, spec.dataset.names) if asks_for(spec.metric, "row") else {}
        trace = reply.trace if asks_for(spec.metric, "trace") else None
        given = ToScore(reply.parsed, example.references, reply.text, row, spec.answer.kind, trace)
        return await mark_soon(spec.metric, given)
    except MetricError as error:
        if not any(isinstance(failure, MetricError) for failure in inquiry.failures):
            emit(Note(f"No score for example {example.id}: {error}."))
        inquiry.fail(error, example.id)
        return None
