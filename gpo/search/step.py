"""Frozen records of one step of a search: what was proposed, what was turned away and why, and what came of it."""

import math
import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from pydantic import Field

from gpo.records import Candidate, Record, Scored, UsageByRole

StopReason = Literal["plateau", "max_steps", "budget"]
RejectionReason = Literal[
    "empty", "truncated", "refused", "duplicate", "leak", "copy", "contract", "too_long", "budget", "label",
    "unchanged", "failed", "no_gain", "unaffordable",
]  # fmt: skip


class Proposal(Record):
    """An instruction that the optimizer model wrote; `place` among those asked for, and the `way` it was asked for.

    Of a program it is the text of one `part`; those of several parts with the same place make one candidate. `shown`
    are the ids of the examples that go with it; None: those of the current prompt.
    """

    text: str
    place: int = 0
    way: str = ""
    part: str = ""
    shown: tuple[str, ...] | None = Field(default=None, exclude_if=lambda value: value is None)


class Rejection(Record):
    """A proposal that was not scored on dev, with the reason, and what in the text it is, where that is known.

    `way` is how it was asked for.
    """

    reason: RejectionReason
    text: str
    detail: str = ""
    way: str = ""


class Proposals(Record):
    """What the optimizer model wrote in one step, already freed from markers, and what was not usable.

    `budget` is how many words of the current prompt they may change, as the request said; None: no limit.
    """

    proposals: tuple[Proposal, ...]
    budget: int | None = None
    rejected: tuple[Rejection, ...] = ()
    usage: UsageByRole = Field(default={})


class Edited(Record):
    """The candidates of a step, each within the step's word budget, and the proposals that were rejected.

    `budget` is the step's, also when no proposal became a candidate; None: no limit.
    """

    budget: int | None
    candidates: tuple[Candidate, ...]
    rejected: tuple[Rejection, ...] = ()


def mean(scores: Collection[float]) -> float:
    """The mean of scores; 0 where there are none."""
    return math.fsum(scores) / len(scores) if scores else 0.0


class Trial(Record):
    """A candidate on a batch of training cases: its scores by example id, and the mean of its parent on the same cases.

    It `passed` where it is worth a score on dev.
    """

    candidate: Candidate
    before: float
    values: Mapping[str, float]
    passed: bool

    @property
    def after(self) -> float:
        """The mean of its own scores; 0 where all calls failed."""
        return mean(self.values.values())


class Step(Record):
    """One step of the loop, as recorded: what the optimizer model was told and shown, and what came of it.

    `cases` holds the scores of the current prompt on the training examples that it was tried on, by example id, and
    `trials` are those of the candidates on their own cases: one that passed and is not among the `scored` could not be
    paid for. `parts` are those of a program that were chosen for it. `failed` counts the calls of both that failed.
    `shown` are the ids of the examples that the current prompt shows, where the search chooses them.
    `usage` is that of reflection, summary, proposals and cases; the candidates' dev scores have their own.
    """

    number: int
    budget: int | None
    current: str
    neighbours: tuple[str, ...]
    scored: tuple[Scored, ...]
    rejected: tuple[Rejection, ...]
    cases: Mapping[str, float] = {}
    trials: tuple[Trial, ...] = ()
    failed: int = 0
    reflection: str | None = None
    summary: str = ""
    grounding: str = Field(default="", exclude_if=operator.not_)
    parts: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    shown: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    usage: UsageByRole = Field(default={})

    @property
    def current_id(self) -> str:
        """The id of the current prompt."""
        return Candidate(instruction=self.current, shown=self.shown).id


def which_succeeded(steps: Sequence[Step], current: str) -> tuple[bool, ...]:
    """Of each step, whether a proposal of it was accepted on its cases or became the prompt of the step after it.

    `current` is the id of the prompt that the next step starts from.
    """
    after = [*(step.current_id for step in steps[1:]), current]
    return tuple(
        any(trial.passed for trial in step.trials) or any(item.candidate.id == name for item in step.scored)
        for step, name in zip(steps, after, strict=False)
    )
