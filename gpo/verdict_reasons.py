"""The gate's verdict in plain sentences. Names of slices and measures stand in backticks."""

import math
from statistics import NormalDist

from gpo.paired import MOST_EXAMPLES
from gpo.records import Interval
from gpo.verdict import GateVerdict, MeasureResult
from gpo.wording import count, signed

WORN = 0.2
"""Chance of a false promotion by now from which on a test split counts as worn out."""

_TYPICAL_VARIANCE = 0.15


def reasons(verdict: GateVerdict, max_missing: float) -> list[str]:
    """Why it was decided so: what stands in the way first, then the gain."""
    return [
        *(_growth(measure) for measure in verdict.measures if measure.broken),
        *_gaps(verdict, max_missing),
        *(
            f"Slice `{part.name}` got worse by more than {part.margin:g}: {_spread(part.gain, part.n, 'interval')}."
            for part in verdict.slices
            if part.broken
        ),
        *(
            f"`{name}` has a limit and is not known of both prompts: without it there is no promotion."
            for name in verdict.unmeasured
        ),
        *_evidence(verdict),
    ]


def cautions(verdict: GateVerdict, confidence: float) -> list[str]:
    """What did not decide and should be known. `confidence` is that of one comparison, before any correction."""
    worn = wear(verdict.earlier_uses + 1, verdict.n, confidence)
    return [
        *(f"Slice `{part.name}` has no example here: nothing guards it." for part in verdict.slices if not part.n),
        *(
            f"Slice `{part.name}` looks worse by more than {part.margin:g}, which may be chance: "
            f"{_spread(part.gain, part.n, 'interval')}."
            for part in verdict.slices
            if part.doubtful
        ),
        *([worn] if worn else []),
    ]


def wear(uses: int, n: int, confidence: float = 0.95) -> str | None:
    """A warning when a test split of `n` examples has decided too often; None while it has not.

    A challenger that is no better passes with a chance of about (1 - confidence) / 2 at each use, this one among
    `uses`. Of so many, at least one passes with 1 - (1 - that) ** uses; from 20% on, the split counts as worn. More
    examples do not change this: they make what passes by luck smaller, not rarer.

    >>> wear(8, 150) is None
    True
    >>> print(wear(9, 150))
    This test split has decided 9 times: by now a challenger that is no better has passed with a chance of about 20%. \
By luck alone, the best of 9 would look better by about +0.05 on 150 examples. Draw a fresh split.
    """
    chance = 1 - (1 - (1 - confidence) / 2) ** uses
    if chance < WORN:
        return None
    luck = NormalDist().inv_cdf(0.5 ** (1 / uses)) * math.sqrt(_TYPICAL_VARIANCE / max(n, 1))
    return (
        f"This test split has decided {uses} times: by now a challenger that is no better has passed with a chance of "
        f"about {chance:.0%}. By luck alone, the best of {uses} would look better by about {signed(min(luck, 1.0))} on "
        f"{count(n, 'example')}. Draw a fresh split."
    )


def _growth(measure: MeasureResult) -> str:
    change = f"from {measure.champion:g} to {measure.challenger:g}"
    if measure.champion:
        change += f", {measure.challenger / measure.champion - 1:+.0%}"
    return f"`{measure.name}` grew {change}; at most {measure.limit:+.0%} is allowed."


def _gaps(verdict: GateVerdict, max_missing: float) -> list[str]:
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


def _evidence(verdict: GateVerdict) -> list[str]:
    if not verdict.n:
        return []
    gain = verdict.gain
    undecided = not (gain.low > verdict.min_gain or gain.high < verdict.min_gain)
    return [gain_sentence(verdict), *(_outlook(verdict) if undecided else [])]


def gain_sentence(verdict: GateVerdict) -> str:
    """The gain with its interval, and where this lies."""
    name = f"{100 * verdict.confidence:.3g}% interval"
    if verdict.challengers > 1:
        name += f" (corrected for {count(verdict.challengers, 'challenger')})"
    gain = verdict.gain
    spread = f"The gain is {_spread(gain, verdict.n, name)}"
    if gain.low > verdict.min_gain:
        return f"{spread}, all of it above {_required(verdict)}."
    if gain.high < verdict.min_gain:
        return f"{spread}, all of it below {_required(verdict)}."
    return f"{spread}, which includes {_required(verdict)}: this may be chance."


def _outlook(verdict: GateVerdict) -> list[str]:
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
            f"tell it from {_required(verdict)}: too small a difference to matter."
        )
    if verdict.detectable is None:
        found.append(f"{count(verdict.n, 'example')} can show no gain, however large.")
    else:
        found.append(
            f"{count(verdict.n, 'example')} like these show a gain of {signed(verdict.detectable)} or more "
            "four times out of five."
        )
    return found


def _required(verdict: GateVerdict) -> str:
    if not verdict.min_gain:
        return "0"
    return f"the {'required' if verdict.min_gain > 0 else 'accepted'} {signed(verdict.min_gain)}"


def _spread(gain: Interval, n: int, name: str) -> str:
    return f"{signed(gain.value)} on {count(n, 'example')}, {name} {signed(gain.low)} to {signed(gain.high)}"
