"""What the task model answered for one example: the text, what is read from it, and the calls behind it."""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass

from gpo.evaluation.extraction import completed
from gpo.models.ledger import Answer
from gpo.records import Sample, Timing, TracedCall
from gpo.scoring.answers import read_answer
from gpo.scoring.functions.calling import Marked
from gpo.scoring.functions.trace import Trace
from gpo.scoring.reading import Reading
from gpo.scoring.spec import AnswerSpec


@dataclass(frozen=True)
class TaskReply:
    """What the task model answered for one example: its answers in order, and what is read from them.

    It is `lost` where the call that should extract the answer failed: all that counts of it is what it cost. `inside`
    is what happened in the program that answered, where one did; then the answers are those of its models.
    """

    answers: tuple[Answer, ...]
    text: str
    reading: Reading
    cut: bool
    lost: bool = False
    inside: Trace | None = None

    @property
    def parsed(self) -> str | None:
        """The answer that was read; None where it could not be."""
        return self.reading.answer

    @property
    def trace(self) -> Trace:
        """The calls behind it, as a metric's function may see them."""
        return self.inside or Trace(text=self.text, calls=tuple(map(_traced, self.answers)))

    @property
    def times(self) -> list[float]:
        """How long it took: each of its calls of which it is known, or the program as a whole."""
        if self.inside is not None and self.inside.wall_s is not None:
            return [self.inside.wall_s]
        return [answer.seconds for answer in self.answers if answer.seconds is not None]

    def sample(self, example: str, mark: Marked) -> Sample:
        """It as it is kept, with its score."""
        times = self.times
        return Sample(
            example=example,
            text=self.text,
            answer=self.parsed,
            value=mark.value,
            rule=self.reading.rule,
            feedback=mark.feedback,
            seconds=math.fsum(times) if times else None,
            input_tokens=sum(answer.input_tokens for answer in self.answers),
            output_tokens=sum(answer.output_tokens for answer in self.answers),
            calls=self.inside.calls if self.inside else (),
        )


def _traced(answer: Answer) -> TracedCall:
    return TracedCall(
        text=answer.text,
        model=answer.model,
        seconds=answer.seconds,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        finish_reason=answer.finish_reason,
    )


def timing_of(replies: Iterable[TaskReply]) -> Timing:
    """How long the answers took, as far as it is known."""
    known = [seconds for reply in replies for seconds in reply.times]
    return Timing(calls=len(known), seconds=math.fsum(known))


async def read_reply(text: str, answer: AnswerSpec, question: str, *, is_held: bool, cut: bool = False) -> Reading:
    """The reading of a text; one that the label grammar held has no other place than itself."""
    if is_held:
        return read_answer(completed(text, answer), answer.model_copy(update={"where": None}), question)
    if answer.where is not None and answer.where.pattern is not None:
        # A pattern of the user's may search long, and calls that are under way must not wait for it.
        return await asyncio.to_thread(read_answer, text, answer, question, cut=cut)
    return read_answer(text, answer, question, cut=cut)
