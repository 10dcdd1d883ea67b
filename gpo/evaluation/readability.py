"""Whether a model's answers can be read at all, and how surely they were read."""

from collections.abc import Sequence

from gpo.errors import TooManyUnread
from gpo.formatting import count
from gpo.gate.reasons import MANY_WEAK
from gpo.models.chat import ChatModel
from gpo.records import Sample, Score
from gpo.spec.task import TaskSpec

FEWEST_READ = 16
"""Answers that are enough to say that a prompt's answers cannot be read."""

MANY_UNREAD = 0.1
"""Share of answers that cannot be read above which a person should look at how they are read."""

_SHOWN_TEXTS, _SHOWN_LETTERS = 3, 120


def is_unreadable(score: Score, spec: TaskSpec) -> bool:
    """Whether more of enough answers cannot be read than the spec allows."""
    return score.n >= FEWEST_READ and score.unparsed / score.n > spec.max_unparsed_rate


def too_many_unread(model: ChatModel, spec: TaskSpec, score: Score, samples: Sequence[Sample]) -> TooManyUnread:
    """The error that says how many answers cannot be read, with the first of them."""
    unread = [repr(sample.text[:_SHOWN_LETTERS]) for sample in samples if sample.answer is None]
    who = spec.target.call if spec.target else model.spec.model
    return TooManyUnread(
        f"{who}: {score.unparsed} of {score.n} answers cannot be read as `{spec.answer.kind}`, more than "
        f"`max_unparsed_rate` allows ({spec.max_unparsed_rate:g}); answers that came are kept. The first: "
        f"{', '.join(unread[:_SHOWN_TEXTS])}. {how_to_be_read(spec)}"
    )


def how_to_be_read(spec: TaskSpec) -> str:
    """What to do where answers cannot be read."""
    if spec.answer.where is not None:
        what = "Only the place that `answer.where` names is read: ask for it in `prompt.messages`, or take `where` out"
    else:
        what = "Say in `prompt.messages` what form the answer must have, or where it is in `answer.where`"
    return f"{what}, or correct `answer`; `gpo read SPEC --text ...` shows how a text is read"


def describe_reading(score: Score) -> str | None:
    """What a person should know of how the answers of a score were read; None where all is well.

    >>> describe_reading(Score(values={"a": 0.0, "b": 1.0}, planned=2, weak=1))
    'of 2 answers, 1 read by what is mentioned, with no answer stated: ask for a form, and see `gpo read`'
    """
    if not score.n:
        return None
    parts = []
    if score.unparsed / score.n > MANY_UNREAD:
        parts.append(f"{score.unparsed} cannot be read")
    if score.weak / score.n > MANY_WEAK:
        parts.append(f"{score.weak} read by what is mentioned, with no answer stated")
    return (
        f"of {count(score.n, 'answer')}, {' and '.join(parts)}: ask for a form, and see `gpo read`" if parts else None
    )
