"""The gate's verdict as a record: what was decided, why, and every number that was seen."""

from typing import Literal

from pydantic import Field

from gpo.records import Interval, Record

Decision = Literal["promote", "keep", "not enough evidence"]


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


class GateVerdict(Record):
    """What the gate decided and all numbers that it saw, over the `n` examples that both were scored on.

    - `missing`: further examples that lack a score of one of the two, or of both.
    - `champion`, `challenger`: mean scores. `gain`: challenger minus champion, with its interval at `confidence`, which
      is the rules', corrected for the number of challengers.
    - `p_value`: two-sided, against a gain of `min_gain`, which the interval excludes when it is at most
      1 - `confidence`.
    - `wins`, `losses`: examples on which the challenger did better and worse. `sign_test`: their exact two-sided
      p-value; for 0/1 scores this is McNemar's exact test.
    - `more_examples`: about how many would settle it four times out of five if the gain is truly the one measured; None
      when it is settled, and when no sensible number would do.
    - `detectable`: the smallest true gain that `n` such examples show four times out of five; None: none at all.
    - `unmeasured`: measures that have a limit and are not known of both prompts.
    """

    decision: Decision
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    n: int
    missing: int
    champion: float
    challenger: float
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


class Choice(Record):
    """Several challengers against one champion: the name of the one to promote, if any, and each one's verdict."""

    chosen: str | None
    verdicts: dict[str, GateVerdict]
