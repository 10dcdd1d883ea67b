"""The outcome of a run as one record: best prompt, scores, gain, verdict, calls and cost."""

import operator
from collections.abc import Mapping

from pydantic import Field

from gpo.gate.verdict import GateVerdict
from gpo.records import Example, Interval, Record, Score, Scored, UsageByRole
from gpo.search.estimate import Estimate
from gpo.search.objectives.front import Standpoint
from gpo.search.step import Step, StopReason


class Calls(Record):
    """Model calls of one role: paid now, answered from the ledger, failed after retries; tokens of the paid ones.

    A call of the embedding model is a text.
    """

    paid: int = 0
    cached: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Outcome(Record):
    """What a run came to.

    `verdict` is the gate's; None where the search found nothing better than the start, and in outcomes of versions that
    had no gate. `gain` is the gain on the test split with the interval that the verdict rests on.

    `usage` and `cost` are those of all answers that the run rests on, whether they were paid for now or came from the
    ledger: what it would cost alone. `cost_paid` is for what was paid now. None: no model that was used has a price.

    `earlier` are prompts of earlier runs that were scored again before the first step.
    `expected` is what the best prompt is expected to score, luck set aside; None where the method goes by dev alone.
    `anew` is the time since which the run asked anew; empty where it took what the ledger had.
    `groups` are those of the test examples, where the rows have any: whoever compares two runs needs them.
    `front` are the prompts that no other beats, where there are several objectives.
    `shown` are the examples that its prompts show before each question, by id, where the search chooses them.
    """

    run_id: str
    task: str
    started_at: str
    wall_s: float
    stopped: StopReason
    steps: int
    start: Scored
    best: Scored
    start_test: Score
    best_test: Score
    gain: Interval
    verdict: GateVerdict | None = None
    proposed: int
    rejected: Mapping[str, int]
    evaluated: int
    calls: Mapping[str, Calls]
    usage: UsageByRole = Field(default={})
    cost: float | None = None
    cost_paid: float | None = None
    history: tuple[Step, ...] = Field(default=(), repr=False)
    earlier: tuple[Scored, ...] = Field(default=(), repr=False)
    expected: Estimate | None = None
    groups: Mapping[str, str] = Field(default={}, repr=False)
    front: tuple[Standpoint, ...] = Field(default=(), repr=False, exclude_if=operator.not_)
    shown: Mapping[str, Example] = Field(default={}, repr=False, exclude_if=operator.not_)
    anew: str = ""


def all_scored(outcome: Outcome) -> list[Scored]:
    """The start, prompts of earlier runs, and every scored candidate, in the order of the run."""
    return [outcome.start, *outcome.earlier, *(scored for step in outcome.history for scored in step.scored)]
