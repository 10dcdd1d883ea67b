"""The gate's verdict as every form of the report shows it: decision, further reasons, facts, two tables, advice.

Nothing here is escaped, and names of slices come from the user's data: each form of the report escapes for itself.
"""

from collections.abc import Mapping
from typing import NamedTuple

from gpo.formatting import count, money, shorten, signed
from gpo.gate.error_budget import BUDGET, USES
from gpo.gate.reasons import gain_sentence
from gpo.gate.verdict import GateDecision, GateVerdict, MeasureResult, SliceResult
from gpo.runs.outcome import Outcome

DECISIONS: Mapping[GateDecision, str] = {
    "promote": "promote",
    "keep": "keep the start",
    "not enough evidence": "not enough evidence, the start stays",
}

_LABELS = {"words": "words", "latency": "latency (s a call)", "cost": "cost (1,000 calls)"}

SLICE_HEAD = ("Slice", "Examples", "Gain", "Interval", "")
MEASURE_HEAD = ("Measure", "Start", "Best", "Change", "Allowed", "")


class Row(NamedTuple):
    """One row of a table: a name, then numbers, then a remark or nothing. `is_wrong`: it stopped a promotion."""

    cells: tuple[str, ...]
    is_wrong: bool = False


def confidence_of(outcome: Outcome) -> str:
    """What the interval of the gain is called: `95% interval`."""
    confidence = outcome.verdict.confidence if outcome.verdict else 0.95
    return f"{100 * confidence:.3g}% interval"


def is_promoted(outcome: Outcome) -> bool:
    """Whether the gate would promote the best prompt."""
    return outcome.verdict is not None and outcome.verdict.decision == "promote"


def reasons_beyond(verdict: GateVerdict) -> list[str]:
    """The reasons of the decision, without the one that the headline gives: the gain and its interval."""
    is_plain = verdict.groups is None and verdict.look is None and not verdict.required
    told = gain_sentence(verdict) if verdict.n and is_plain else None
    return [reason for reason in verdict.reasons if reason != told]


def verdict_facts(verdict: GateVerdict) -> str:
    """One line: examples won and lost, the sign test, examples without a score, uses of the test split and alias."""
    alike = verdict.n - verdict.wins - verdict.losses
    p_value = f"p = {verdict.sign_test:.2g}" if verdict.sign_test >= 0.0001 else "p < 0.0001"
    parts = [f"Won {verdict.wins:,}, lost {verdict.losses:,}, alike {alike:,}; sign test {p_value}"]
    if verdict.missing:
        parts.append(f"{count(verdict.missing, 'example')} without a score of both")
    before = count(verdict.earlier_uses, "time")
    parts.append(f"the test split has decided {before} before" if verdict.earlier_uses else "a new test split")
    if (use := verdict.use) is not None:
        spends = f"{100 * use.level:.2g}% of the {BUDGET:.0%} that {USES} uses may spend"
        parts.append(f"use {use.number} of `{use.alias}` since its last promotion, {spends}")
    return "; ".join(parts) + "."


def slice_rows(verdict: GateVerdict) -> list[Row]:
    """The rows of the table of slices: first those that stopped a promotion, then those that look worse."""
    found = sorted(verdict.slices, key=lambda part: (not part.broken, not part.doubtful))
    return [_slice_row(part) for part in found]


def _slice_row(part: SliceResult) -> Row:
    allowed = f", {part.margin:g} allowed" if part.margin else ""
    remark = f"worse{allowed}" if part.broken else f"looks worse{allowed}" if part.doubtful else ""
    spread = f"{signed(part.gain.low)} to {signed(part.gain.high)}"
    return Row((shorten(part.name), f"{part.n:,}", signed(part.gain.value), spread, remark), part.broken)


def measure_rows(verdict: GateVerdict) -> list[Row]:
    """The rows of the table of measures, in the order of the verdict."""
    return [_measure_row(measure) for measure in verdict.measures]


def _measure_row(measure: MeasureResult) -> Row:
    before, after = (_quantity(measure.name, value) for value in (measure.champion, measure.challenger))
    change = f"{measure.challenger / measure.champion - 1:+.0%}" if measure.champion else "-"
    allowed = "any" if measure.limit is None else f"{measure.limit:+.0%}"
    name = _LABELS.get(measure.name, measure.name)
    return Row((name, before, after, change, allowed, "too much" if measure.broken else ""), measure.broken)


def _quantity(name: str, value: float) -> str:
    return f"{value:,g}" if name == "words" else money(value)


def advice(outcome: Outcome) -> str | None:
    """What to do next where the gate did not promote; None where there is nothing to advise."""
    verdict = outcome.verdict
    if verdict is None or verdict.decision == "promote":
        return None
    if any(measure.broken for measure in verdict.measures):
        names = " and ".join(f"`{measure.name}`" for measure in verdict.measures if measure.broken)
        return f"Ask in `prompt.description` for what keeps {names} low, or allow more in `gate.max_growth`."
    if any(part.broken for part in verdict.slices):
        return (
            "Use more dev examples (`dataset.split.dev`), so that the search sees what a slice loses, or allow it in "
            "`gate.slice_margins`."
        )
    if verdict.decision == "keep":
        return None
    return _advice_on_evidence(verdict)


def _advice_on_evidence(verdict: GateVerdict) -> str:
    gain = verdict.gain
    if verdict.n and not verdict.missing and gain.low > verdict.required and not verdict.unmeasured:
        return "Let a person decide: `gate.when_worn: ask`, or `gpo reoptimize` by hand."
    if not verdict.n or (gain.low > verdict.required and not verdict.unmeasured):
        return "Lower `max_failure_rate`: failed calls then end the run, and it goes on when the models answer again."
    if gain.low > verdict.required:
        names = " and ".join(f"`{name}`" for name in verdict.unmeasured)
        return (
            f"Some answers were kept by a version that did not note what {names} needs: take it out of "
            "`gate.max_growth`, or begin with another state folder."
        )
    if gain.value <= verdict.required:
        return "The gain on dev does not show on test: use more dev examples (`dataset.split.dev`) before more steps."
    if verdict.more_examples is None:
        return f"A gain of {signed(gain.value)} is too small to be proven with any sensible number of test examples."
    return f"Raise `dataset.split.test` by about {count(verdict.more_examples, 'example')}."
