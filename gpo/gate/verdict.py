"""The verdict of the gate as a record: the decision, its reasons and warnings, and the numbers it rests on."""

from typing import Literal

from pydantic import Field

from gpo.gate.early_stop import ProofLook
from gpo.gate.error_budget import AliasUse
from gpo.records import Interval, Record
from gpo.set_metrics import SetMetric
from gpo.spec.gate import Benefit

GateDecision = Literal["promote", "keep", "not enough evidence"]


class Measure(Record):
    """One further measure of both prompts, in any unit: words of the prompt, seconds or money a call."""

    champion: float = Field(ge=0, allow_inf_nan=False)
    challenger: float = Field(ge=0, allow_inf_nan=False)


class MeasureResult(Measure):
    """A measure and by how much it may grow; `limit` 0.5 is at most 50% more, None is no limit.

    From nothing, any growth is too much for any limit.
    """

    name: str
    limit: float | None

    @property
    def broken(self) -> bool:
        """Whether it grew beyond its limit."""
        return self.limit is not None and self.challenger > self.champion * (1 + self.limit)


class SliceResult(Record):
    """The comparison on one slice; `gain` is challenger minus champion, `margin` how much worse it may get."""

    name: str
    n: int
    gain: Interval
    margin: float

    @property
    def broken(self) -> bool:
        """Whether it provably got worse by more than its margin: the whole interval lies beyond it."""
        return self.gain.high < -self.margin

    @property
    def doubtful(self) -> bool:
        """Whether it looks worse by more than its margin, which may be chance."""
        return self.gain.value < -self.margin and not self.broken


NON_INFERIOR_SHARE = 0.6
"""Of the level of a gain, at which "not worse by more than a margin" is tested.

Far from 0 the interval is a little too short at its lower end: at the same level it errs in up to 4% (docs/gate.md).
"""


class NonInferiorResult(Record):
    """A challenger that is shorter, cheaper or faster, from `before` to `after`, and may be worse by `margin`.

    `p_value` is two-sided, against a gain of minus the margin.
    """

    when: Benefit
    before: float
    after: float
    margin: float
    p_value: float


class GateVerdict(Record):
    """What the gate decided and all numbers that it saw, over the `n` examples that both were scored on.

    - `missing`: further examples that lack a score of one of the two, or of both.
    - `champion`, `challenger`: mean scores, or the measure of the set that `set_metric` names.
    - `gain`: challenger minus champion, with its interval at `confidence`, that of the rules, corrected for a margin
      and for the number of challengers.
    - `p_value`: two-sided, against a gain of `min_gain`, which the interval excludes when it is at most
      1 - `confidence`.
    - `wins`, `losses`: examples on which the challenger did better and worse. `sign_test`: their exact two-sided
      p-value; for 0/1 scores this is McNemar's exact test.
    - `more_examples`: about how many would settle it four times out of five if the gain is truly the one measured; None
      when it is settled, and when no sensible number would do.
    - `detectable`: the smallest true gain that `n` such examples show four times out of five; None: none at all.
    - `unmeasured`: measures that have a limit and are not known of both prompts.
    - `champion_weak`, `challenger_weak`: shares of the answers that were read by what they mention, with no answer
      stated.
    - `groups`: in how many groups the examples come, by which the interval is; `effective_groups`: how many of equal
      size would say as much. None: the examples come singly.
    - `non_inferior`: what it is better in, where the spec accepts a prompt for that which is not worse by a margin.
    - `use`: which use of its alias this is, in a run in production. `ask`: why a person has to agree to a promotion.
    - `look`: how much of the test split was looked at, where the proof may stop early.
    """

    decision: GateDecision
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    n: int
    missing: int
    champion: float
    challenger: float
    set_metric: SetMetric | None = None
    gain: Interval
    min_gain: float
    confidence: float
    p_value: float
    wins: int
    losses: int
    sign_test: float
    more_examples: int | None
    detectable: float | None
    slices: tuple[SliceResult, ...] = ()
    measures: tuple[MeasureResult, ...] = ()
    unmeasured: tuple[str, ...] = ()
    challengers: int = 1
    earlier_uses: int = 0
    champion_weak: float = 0.0
    challenger_weak: float = 0.0
    groups: int | None = None
    effective_groups: int | None = None
    non_inferior: NonInferiorResult | None = None
    use: AliasUse | None = None
    ask: str | None = None
    look: ProofLook | None = None

    @property
    def required(self) -> float:
        """The gain above which the interval has to lie: less than nothing for a prompt that is better otherwise."""
        return self.min_gain if self.non_inferior is None else -self.non_inferior.margin

    @property
    def chance_of_luck(self) -> float:
        """The one-sided p-value against what is required: small where the challenger is good enough."""
        better = _one_sided(self.p_value, is_above=self.gain.value > self.min_gain)
        if self.non_inferior is None:
            return better
        not_worse = _one_sided(self.non_inferior.p_value, is_above=self.gain.value > self.required)
        return min(better, not_worse / NON_INFERIOR_SHARE, 1.0)

    @property
    def is_merely_not_worse(self) -> bool:
        """Whether it was promoted for being shorter, cheaper or faster, without a gain that is proved."""
        return self.is_within_margin and self.non_inferior is not None

    @property
    def is_within_margin(self) -> bool:
        """Whether it was promoted without a gain that is proved, since the rules accept what is worse by a margin."""
        return self.decision == "promote" and self.required < 0 and self.gain.low <= max(self.min_gain, 0.0)


def _one_sided(p_value: float, *, is_above: bool) -> float:
    return p_value / 2 if is_above else 1 - p_value / 2


class ChallengerChoice(Record):
    """Several challengers against one champion: the name of the one to promote, if any, and each one's verdict."""

    chosen: str | None
    verdicts: dict[str, GateVerdict]
