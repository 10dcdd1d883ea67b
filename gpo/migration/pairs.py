"""The records of a migration: each pair of model and prompt with its scores, cost and times, and what came of all."""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from gpo.gate.verdict import GateVerdict
from gpo.prompts.version import AskedWith, Measurement, PromptVersion
from gpo.records import Interval, Record, Score, Split

Optimize = Literal["promising", "all", "none"]
"""With which models a better prompt is searched for."""

MigrationOutcome = Literal["passes", "worse", "not proven"]


class CallTimes(Record):
    """How long answers took, in seconds: the median and the 95th percentile of `n`, on a split."""

    median: float
    p95: float
    n: int
    split: Split = "test"


class ModelPair(Record):
    """A model with a prompt: that of production, or a new one, which the search `run` has found.

    `dev_gain` is the difference to the present pair on dev, `verdict` the gate's on test; None where the pair was not
    tested, and `left_out` says why. `cost` is that of 1,000 calls. `version` is what a pair that passes is kept as, or
    would if a person agreed. `is_live`: the alias points to it already, and the spec names another model.
    """

    model: str
    asked: AskedWith
    prompt: Literal["production", "new"]
    instruction: str
    is_present: bool = False
    is_live: bool = False
    run: str | None = None
    dev: Measurement | None = None
    dev_gain: Interval | None = None
    test: Measurement | None = None
    verdict: GateVerdict | None = None
    left_out: str = ""
    cost: float | None = None
    times: CallTimes | None = None
    version: int | None = None

    @property
    def passes(self) -> bool:
        """Whether it may replace the present pair by the word of the gate."""
        return self.is_good and not self.asks

    @property
    def asks(self) -> bool:
        """Whether it is good enough, and a person has to agree, since nobody looks at it before it is live."""
        return self.is_good and self.verdict is not None and self.verdict.ask is not None

    @property
    def is_good(self) -> bool:
        """Whether it has shown what is required."""
        return self.verdict is not None and self.verdict.decision == "promote"


class Migration(Record):
    """What came of a migration: the `present` pair, the others, and which of them is recommended, by its place.

    `required` is the difference above which the interval has to lie, less than 0 where worse will do.
    `promoted`: the alias points to the recommended pair now. `paid` are the calls that were paid for now, `cached`
    answers that were known; costs are in the currency of the prices, None without any.
    """

    id: str
    task: str
    prompt: str
    alias: str
    against: PromptVersion = Field(repr=False)
    optimize: Optimize
    required: float
    present: ModelPair
    pairs: tuple[ModelPair, ...]
    recommended: int | None = None
    promoted: bool = False
    warnings: tuple[str, ...] = ()
    paid: int = 0
    cached: int = 0
    cost: float | None = None
    cost_paid: float | None = None

    @property
    def margin(self) -> float:
        """How much worse a pair may be, at the most."""
        return max(0.0, -self.required)

    @property
    def tested(self) -> tuple[ModelPair, ...]:
        """The pairs that the gate was asked about."""
        return tuple(pair for pair in self.pairs if pair.verdict is not None)

    @property
    def best(self) -> ModelPair | None:
        """The pair that may replace the present one."""
        return None if self.recommended is None else self.pairs[self.recommended]

    @property
    def live(self) -> ModelPair | None:
        """The pair that passes and is in production already."""
        return next((pair for pair in self.pairs if pair.passes and pair.is_live), None)

    @property
    def asking(self) -> ModelPair | None:
        """The best of the pairs that a person has to agree to, where none passes."""
        asking = [pair for pair in self.pairs if pair.asks and not pair.is_live]
        return None if self.best or self.live else max(asking, key=_gain, default=None)

    @property
    def outcome(self) -> MigrationOutcome:
        """Whether some pair may replace the present one; `worse`: every one is turned down."""
        if self.best is not None or self.live is not None:
            return "passes"
        turned_down = all(pair.verdict is not None and pair.verdict.decision == "keep" for pair in self.tested)
        return "worse" if turned_down else "not proven"


def times_of(score: Score, split: Split) -> CallTimes | None:
    """The times of the answers behind a score that keeps all of them; None where none is known.

    Answers from the ledger bring the time of when they were paid for.
    """
    known = sorted(sample.seconds for sample in score.samples if sample.seconds is not None)
    if not known:
        return None
    return CallTimes(median=_percentile(known, 0.5), p95=_percentile(known, 0.95), n=len(known), split=split)


def _percentile(ordered: Sequence[float], share: float) -> float:
    """By the nearest rank: a time that was really measured.

    >>> _percentile([1.0, 2.0, 3.0, 4.0], 0.5), _percentile([1.0, 2.0, 3.0, 4.0], 0.95)
    (2.0, 4.0)
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def recommend(pairs: Sequence[ModelPair], *, accepts_worse: bool) -> int | None:
    """The place of the pair to move to, of those that pass: the one with the largest gain.

    Where a worse one is accepted, it is for the money: then the cheapest, if the cost of each is known. None where one
    is in production already: no other was compared with that one.
    """
    if any(pair.passes and pair.is_live for pair in pairs):
        return None
    passing = [place for place, pair in enumerate(pairs) if pair.passes]
    costs = [pairs[place].cost for place in passing]

    def worth(place: int) -> tuple[float, float]:
        pair = pairs[place]
        cheap = -(pair.cost or 0.0) if accepts_worse and None not in costs else 0.0
        return cheap, _gain(pair)

    return max(passing, key=worth, default=None)


def _gain(pair: ModelPair) -> float:
    return 0.0 if pair.verdict is None else pair.verdict.gain.value
