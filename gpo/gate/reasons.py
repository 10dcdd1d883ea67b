"""Why the gate decided so, and what else a person should know, in sentences."""

import math
from statistics import NormalDist

from gpo.formatting import count, signed
from gpo.gate.error_budget import BUDGET, USES
from gpo.gate.group_statistics import FEW_GROUPS
from gpo.gate.statistics import MOST_EXAMPLES
from gpo.gate.verdict import GateVerdict, MeasureResult, NonInferiorResult
from gpo.records import Interval
from gpo.spec.gate import WhenWorn

MANY_WEAK = 0.2
"""Share of answers that are read by a weak rule above which a person should look at how they are read."""

WORN_CHANCE = 0.13
"""Chance of a false promotion by now from which on a test split counts as worn out."""

_SHARED = 0.8
"""Uses of one split have the champion's luck in common: so many count as this power of their number (docs/gate.md)."""

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
        *_benefit_sentences(verdict),
        *_gain_sentences(verdict),
        *_look_sentences(verdict),
    ]


def list_warnings(verdict: GateVerdict, confidence: float) -> list[str]:
    """What a person should know although it did not decide. `confidence` is of one comparison, uncorrected."""
    worn = warn_of_worn_split(verdict.earlier_uses + 1, verdict.n, confidence)
    return [
        *_few_group_sentences(verdict),
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


def worn_sentence(verdict: GateVerdict, level: float, when_worn: WhenWorn) -> str:
    """That a gain passes by itself, and not at the `level` that is left for this use of its alias."""
    use = verdict.use
    if use is None:
        raise ValueError("a verdict without a use of an alias has no budget")
    held = (
        f"this is use {use.number} of `{use.alias}` since its last promotion, and {USES} uses together may end in a "
        f"wrong promotion in {BUDGET:.0%} of all series: this one has to pass at {100 * level:.2g}%, and passes at "
        f"{100 * verdict.chance_of_luck:.2g}%"
    )
    if not use.unattended:
        return f"An unattended run would not have promoted by itself: {held}."
    then = {"ask": "a person has to agree", "stop": "the champion stays", "warn": "promoted all the same"}[when_worn]
    return f"{held[0].upper()}{held[1:]}: {then} (`gate.when_worn: {when_worn}`)."


def warn_of_worn_split(uses: int, n: int, confidence: float = 0.95) -> str | None:
    """A warning when a test split of `n` examples was used for too many decisions; None while it was not.

    A challenger that is no better passes with a chance of about (1 - confidence) / 2 at each use, this one among
    `uses`. Uses of one split are alike, so that their chances add up more slowly than those of fresh ones; from 13% on,
    the split counts as worn. More examples do not change this: they make what passes by luck smaller, not rarer.

    >>> warn_of_worn_split(8, 150) is None
    True
    >>> print(warn_of_worn_split(9, 150))
    This test split has decided 9 times: by now a challenger that is no better has passed with a chance of about 14%. \
By luck alone, the best of 9 would look better by about +0.05 on 150 examples. A fresh split takes that luck away, not \
the chance of the next use.
    """
    chance = 1 - (1 - (1 - confidence) / 2) ** (uses**_SHARED)
    if chance < WORN_CHANCE:
        return None
    luck = NormalDist().inv_cdf(0.5 ** (1 / uses)) * math.sqrt(_TYPICAL_VARIANCE / max(n, 1))
    return (
        f"This test split has decided {uses} times: by now a challenger that is no better has passed with a chance of "
        f"about {chance:.0%}. By luck alone, the best of {uses} would look better by about {signed(min(luck, 1.0))} on "
        f"{count(n, 'example')}. A fresh split takes that luck away, not the chance of the next use."
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


def _benefit_sentences(verdict: GateVerdict) -> list[str]:
    found = verdict.non_inferior
    if found is None or not verdict.is_merely_not_worse:
        return []
    text = f"The new prompt is {found.when} ({_change(found)}) and not worse by more than {found.margin:g}."
    if verdict.gain.high < verdict.min_gain:
        text += " It is worse, by less than that."
    return [text]


def _change(found: NonInferiorResult) -> str:
    share = f", {1 - found.after / found.before:.0%} less" if found.before else ""
    unit = {"shorter": "words", "cheaper": "for 1,000 calls", "faster": "seconds a call"}[found.when]
    return f"{found.after:g} {unit} in place of {found.before:g}{share}"


def _gain_sentences(verdict: GateVerdict) -> list[str]:
    if not verdict.n:
        return []
    gain = verdict.gain
    undecided = not (gain.low > verdict.required or gain.high < verdict.required)
    return [gain_sentence(verdict), *(_sample_size_sentences(verdict) if undecided else [])]


def _look_sentences(verdict: GateVerdict) -> list[str]:
    look = verdict.look
    if look is None or look.is_last:
        return []
    why = "the result is clear" if verdict.decision != "not enough evidence" else "the challenger looks no better"
    if any(measure.broken for measure in verdict.measures):
        why = "nothing more could change the verdict"
    seen = f"The proof ended after {look.examples} of {count(look.of, 'test example')}"
    return [f"{seen}, since {why}: {count(look.saved_calls, 'call')} saved."]


def _few_group_sentences(verdict: GateVerdict) -> list[str]:
    if verdict.groups is None or verdict.effective_groups is None or verdict.effective_groups >= FEW_GROUPS:
        return []
    few = f"The {count(verdict.n, 'example')} come in {count(verdict.groups, 'group')}"
    if verdict.effective_groups < verdict.groups:
        few += f", whose sizes are so unequal that they count as {verdict.effective_groups}"
    few += f": with fewer than {FEW_GROUPS} hardly any gain can be proved, and the interval is wide for that"
    return [f"{few}. More groups help, more examples of the same groups do not."]


def gain_sentence(verdict: GateVerdict) -> str:
    """The gain with its interval, and where this lies."""
    name = f"{100 * verdict.confidence:.3g}% interval"
    corrected = []
    if verdict.challengers > 1:
        corrected.append(count(verdict.challengers, "challenger"))
    if verdict.look is not None and len(verdict.look.ends) > 1:
        corrected.append(count(len(verdict.look.ends), "look"))
    if corrected:
        name += f" (corrected for {' and '.join(corrected)})"
    gain = verdict.gain
    measure = f" in {verdict.set_metric}" if verdict.set_metric else ""
    spread = f"The gain{measure} is {_gain_text(gain, verdict.n, name, verdict.groups)}"
    if gain.low > verdict.min_gain:
        return f"{spread}, all of it above {_bar_text(verdict.min_gain)}."
    required = _bar_text(verdict.required)
    if gain.low > verdict.required:
        return f"{spread}, all of it above {required}."
    if gain.high < verdict.required:
        return f"{spread}, all of it below {required}."
    return f"{spread}, which includes {required}: this may be chance."


def _sample_size_sentences(verdict: GateVerdict) -> list[str]:
    found = []
    if not verdict.wins + verdict.losses:
        found.append("Both prompts got the same score on every example.")
    elif verdict.more_examples:
        found.append(
            f"If the true gain is {signed(verdict.gain.value)}, about {count(verdict.more_examples, 'more example')} "
            f"{'in groups like these ' if verdict.groups else ''}would settle it four times out of five."
        )
    elif verdict.gain.value == verdict.required:
        found.append("The gain is exactly at the border.")
    else:
        found.append(
            f"If the true gain is {signed(verdict.gain.value)}, it would take more than {MOST_EXAMPLES:,} examples to "
            f"tell it from {_bar_text(verdict.required)}: too small a difference to matter."
        )
    if verdict.detectable is None:
        found.append(f"{count(verdict.n, 'example')} can show no gain, however large.")
    else:
        found.append(
            f"{count(verdict.n, 'example')} like these show a gain of {signed(verdict.detectable)} or more "
            "four times out of five."
        )
    return found


def _bar_text(required: float) -> str:
    if not required:
        return "0"
    return f"the {'required' if required > 0 else 'accepted'} {signed(required)}"


def _gain_text(gain: Interval, n: int, name: str, groups: int | None = None) -> str:
    examples = count(n, "example") + (f" in {count(groups, 'group')}" if groups else "")
    return f"{signed(gain.value)} on {examples}, {name} {signed(gain.low)} to {signed(gain.high)}"
