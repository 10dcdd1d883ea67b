"""The verdict of the gate as a record: the decision, its reasons in sentences, and the numbers it rests on."""

import math
from statistics import NormalDist
from typing import Literal

from pydantic import Field

from gpo.formatting import count, signed
from gpo.gate.statistics import MOST_EXAMPLES
from gpo.records import Interval, Record
from gpo.set_metrics import SetMetric

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


class GateVerdict(Record):
    """What the gate decided and all numbers that it saw, over the `n` examples that both were scored on.

    - `missing`: further examples that lack a score of one of the two, or of both.
    - `champion`, `challenger`: mean scores, or the measure of the set that `set_metric` names.
    - `gain`: challenger minus champion, with its interval at `confidence`, that of the rules, corrected for the
      number of challengers.
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


class ChallengerChoice(Record):
    """Several challengers against one champion: the name of the one to promote, if any, and each one's verdict."""

    chosen: str | None
    verdicts: dict[str, GateVerdict]


MANY_WEAK = 0.2
"""Share of answers that are read by a weak rule above which a person should look at how they are read."""

WORN_CHANCE = 0.2
"""Chance of a false promotion by now from which on a test split counts as worn out."""

_TYPICAL_VARIANCE = 0.15


def list_reasons(verdict: GateVerdict, max_missing: float) -> list[str]:
    """Why the gate decided so, a sentence each: what stands in the way first, then the gain."""
    return [
        *(_growth_sentence(measure) for measure in verdict.measures if measure.broken),
        *_missing_score_sentences(verdict, max_missing),
        *(
            f"Slice `{part.name}` got worse by more than {part.margin:g}: {_gain_text(part.gain, part.n, 'interval')}."
            for part in verdict.slices
            if part.broken
        ),
        *(
            f"`{name}` has a limit and is not known of both prompts: without it there is no promotion."
            for name in verdict.unmeasured
        ),
        *_gain_sentences(verdict),
    ]


def list_warnings(verdict: GateVerdict, confidence: float) -> list[str]:
    """What a person should know although it did not decide. `confidence` is of one comparison, uncorrected."""
    worn = warn_of_worn_split(verdict.earlier_uses + 1, verdict.n, confidence)
    return [
        *(f"Slice `{part.name}` has no example here: nothing guards it." for part in verdict.slices if not part.n),
        *(
            f"Slice `{part.name}` looks worse by more than {part.margin:g}, which may be chance: "
            f"{_gain_text(part.gain, part.n, 'interval')}."
            for part in verdict.slices
            if part.doubtful
        ),
        *_weak_sentences(verdict),
        *([worn] if worn else []),
    ]


def _weak_sentences(verdict: GateVerdict) -> list[str]:
    shares = (("champion", verdict.champion_weak), ("challenger", verdict.challenger_weak))
    many = [f"{share:.0%} of the {name}'s answers" for name, share in shares if share > MANY_WEAK]
    if not many:
        return []
    told = (
        f"{' and '.join(many)} were read by what they mention, with no answer stated: the scores may be off. Ask for a "
        "form, and name the place in `answer.where`."
    )
    return [told]


def warn_of_worn_split(uses: int, n: int, confidence: float = 0.95) -> str | None:
    """A warning when a test split of `n` examples was used for too many decisions; None while it was not.

    A challenger that is no better passes with a chance of about (1 - confidence) / 2 at each use, this one among
    `uses`. Of so many, at least one passes with 1 - (1 - that) ** uses; from 20% on, the split counts as worn. More
    examples do not change this: they make what passes by luck smaller, not rarer.

    >>> warn_of_worn_split(8, 150) is None
    True
    >>> print(warn_of_worn_split(9, 150))
    This test split has decided 9 times: by now a challenger that is no better has passed with a chance of about 20%. \
By luck alone, the best of 9 would look better by about +0.05 on 150 examples. Draw a fresh split.
    """
    chance = 1 - (1 - (1 - confidence) / 2) ** uses
    if chance < WORN_CHANCE:
        return None
    luck = NormalDist().inv_cdf(0.5 ** (1 / uses)) * math.sqrt(_TYPICAL_VARIANCE / max(n, 1))
    return (
        f"This test split has decided {uses} times: by now a challenger that is no better has passed with a chance of "
        f"about {chance:.0%}. By luck alone, the best of {uses} would look better by about {signed(min(luck, 1.0))} on "
        f"{count(n, 'example')}. Draw a fresh split."
    )


def _growth_sentence(measure: MeasureResult) -> str:
    change = f"from {measure.champion:g} to {measure.challenger:g}"
    if measure.champion:
        change += f", {measure.challenger / measure.champion - 1:+.0%}"
    return f"`{measure.name}` grew {change}; at most {measure.limit:+.0%} is allowed."


def _missing_score_sentences(verdict: GateVerdict, max_missing: float) -> list[str]:
    planned = verdict.n + verdict.missing
    if not verdict.n:
        return ["No example was scored for both prompts."]
    if verdict.missing <= max_missing * planned:
        return []
    text = (
        f"{verdict.missing} of {count(planned, 'example')} lack a score of one of the two prompts, more than the "
        f"{max_missing:.0%} allowed: what fails is seldom like what does not, so there is no verdict."
    )
    return [text]


def _gain_sentences(verdict: GateVerdict) -> list[str]:
    if not verdict.n:
        return []
    gain = verdict.gain
    undecided = not (gain.low > verdict.min_gain or gain.high < verdict.min_gain)
    return [gain_sentence(verdict), *(_sample_size_sentences(verdict) if undecided else [])]


def gain_sentence(verdict: GateVerdict) -> str:
    """The gain with its interval, and where this lies."""
    name = f"{100 * verdict.confidence:.3g}% interval"
    if verdict.challengers > 1:
        name += f" (corrected for {count(verdict.challengers, 'challenger')})"
    gain = verdict.gain
    measure = f" in {verdict.set_metric}" if verdict.set_metric else ""
    spread = f"The gain{measure} is {_gain_text(gain, verdict.n, name)}"
    if gain.low > verdict.min_gain:
        return f"{spread}, all of it above {_required_gain_text(verdict)}."
    if gain.high < verdict.min_gain:
        return f"{spread}, all of it below {_required_gain_text(verdict)}."
    return f"{spread}, which includes {_required_gain_text(verdict)}: this may be chance."


def _sample_size_sentences(verdict: GateVerdict) -> list[str]:
    found = []
    if not verdict.wins + verdict.losses:
        found.append("Both prompts got the same score on every example.")
    elif verdict.more_examples:
        found.append(
            f"If the true gain is {signed(verdict.gain.value)}, about {count(verdict.more_examples, 'more example')} "
            "would settle it four times out of five."
        )
    elif verdict.gain.value == verdict.min_gain:
        found.append("The gain is exactly at the border.")
    else:
        found.append(
            f"If the true gain is {signed(verdict.gain.value)}, it would take more than {MOST_EXAMPLES:,} examples to "
            f"tell it from {_required_gain_text(verdict)}: too small a difference to matter."
        )
    if verdict.detectable is None:
        found.append(f"{count(verdict.n, 'example')} can show no gain, however large.")
    else:
        found.append(
            f"{count(verdict.n, 'example')} like these show a gain of {signed(verdict.detectable)} or more "
            "four times out of five."
        )
    return found


def _required_gain_text(verdict: GateVerdict) -> str:
    if not verdict.min_gain:
        return "0"
    return f"the {'required' if verdict.min_gain > 0 else 'accepted'} {signed(verdict.min_gain)}"


def _gain_text(gain: Interval, n: int, name: str) -> str:
    return f"{signed(gain.value)} on {count(n, 'example')}, {name} {signed(gain.low)} to {signed(gain.high)}"
