"""The rule of the gate: promote the challenger or keep the champion, from the scores of both on the test split.

The interval of the paired gain lies above `min_gain`: promote. It lies below: keep the champion.
Otherwise there is not enough evidence, and the champion stays as well. Whatever the gain, a slice that provably got
worse, or a measure that grew too much, keeps the champion. How often this errs is measured in docs/gate.md.
"""

from collections.abc import Collection, Iterable, Mapping

from gpo.errors import InputError, suggestion
from gpo.gate.set_statistics import compare_sets
from gpo.gate.statistics import PairedResult, compare_paired, detectable_gain, examples_needed
from gpo.gate.verdict import (
    ChallengerChoice,
    GateDecision,
    GateVerdict,
    Measure,
    MeasureResult,
    SliceResult,
    list_reasons,
    list_warnings,
)
from gpo.records import Interval, Score
from gpo.spec.gate import GateSpec


def apply_gate(
    challenger: Score,
    champion: Score,
    rules: GateSpec | None = None,
    *,
    slices: Mapping[str, Collection[str]] | None = None,
    measures: Mapping[str, Measure | None] | None = None,
    challengers: int = 1,
    earlier_uses: int = 0,
) -> GateVerdict:
    """Whether the challenger replaces the champion, from the scores of both on the locked test split.

    `slices` maps names to example ids; those without a score of both are left out. A measure that is None could not be
    had of both: where it has a limit, nothing is promoted. `challengers` is the number of
    prompts that are compared with this champion on these examples, `earlier_uses` how often the split has decided
    before. Equal inputs give an equal verdict: there is no seed, and the order of the examples does not matter.

    >>> champion = Score(values={str(i): float(i < 50) for i in range(100)}, planned=100)
    >>> challenger = Score(values={str(i): float(i < 60) for i in range(100)}, planned=100)
    >>> apply_gate(challenger, champion).reasons
    ('The gain is +0.10 on 100 examples, 95% interval +0.04 to +0.17, all of it above 0.',)

    Raises:
        InputError: a score outside 0..1; a margin for a slice, or a limit for a measure, that was not given; too many
            challengers.
    """
    rules, slices, measures = rules or GateSpec(), slices or {}, measures or {}
    _check_names("slice_margins", rules.slice_margins, slices)
    _check_names("max_growth", rules.max_growth, measures)
    if challengers < 1 or earlier_uses < 0:
        raise InputError(f"needs 1 challenger or more and 0 earlier uses or more, got {challengers} and {earlier_uses}")
    confidence = 1 - (1 - rules.confidence) / challengers
    differences = _paired_differences(challenger, champion)
    found = _compare_scores(challenger, champion, differences, confidence, rules.min_gain)
    detectable = detectable_gain(found.n, found.variance, rules.min_gain, confidence)
    verdict = GateVerdict(
        decision="not enough evidence",
        n=found.n,
        missing=_planned_examples(challenger, champion) - found.n,
        champion=champion.mean_of(differences),
        challenger=challenger.mean_of(differences),
        set_metric=None if challenger.labels is None else challenger.labels.metric,
        gain=found.gain,
        min_gain=rules.min_gain,
        confidence=confidence,
        p_value=found.p_value,
        wins=found.wins,
        losses=found.losses,
        sign_test=found.sign_test,
        more_examples=_more_examples(found, rules.min_gain, confidence),
        detectable=detectable if detectable <= 1 else None,
        slices=tuple(_compare_slice(name, ids, differences, rules) for name, ids in slices.items()),
        measures=tuple(
            MeasureResult(**measure.model_dump(), name=name, limit=rules.max_growth.get(name))
            for name, measure in measures.items()
            if measure is not None
        ),
        unmeasured=tuple(name for name in rules.max_growth if measures[name] is None),
        challengers=challengers,
        earlier_uses=earlier_uses,
        champion_weak=champion.weak / max(champion.n, 1),
        challenger_weak=challenger.weak / max(challenger.n, 1),
    )
    return verdict.model_copy(
        update={
            "decision": _decide(verdict, rules),
            "reasons": tuple(list_reasons(verdict, rules.max_missing)),
            "warnings": tuple(list_warnings(verdict, rules.confidence)),
        }
    )


def choose_challenger(
    challengers: Mapping[str, Score],
    champion: Score,
    rules: GateSpec | None = None,
    *,
    slices: Mapping[str, Collection[str]] | None = None,
    measures: Mapping[str, Mapping[str, Measure | None]] | None = None,
    earlier_uses: int = 0,
) -> ChallengerChoice:
    """The best of several challengers that pass the gate, if any, with the verdict on each, by name.

    Bonferroni's correction: each interval is at 1 - (1 - confidence) / challengers, so that all hold together. Holm's
    would let further challengers pass only once the clearest one has, and one is all that can be promoted.

    Raises:
        InputError: as for `apply_gate`.
    """
    verdicts = {
        name: apply_gate(
            score,
            champion,
            rules,
            slices=slices,
            measures=(measures or {}).get(name),
            challengers=len(challengers),
            earlier_uses=earlier_uses,
        )
        for name, score in challengers.items()
    }
    passing = [name for name, verdict in verdicts.items() if verdict.decision == "promote"]
    chosen = max(passing, key=lambda name: (verdicts[name].gain.value, -verdicts[name].p_value), default=None)
    return ChallengerChoice(chosen=chosen, verdicts=verdicts)


def paired_gain(challenger: Score, champion: Score) -> Interval:
    """The mean difference per example, or the gain in a measure of the set, with its 95% interval as the gate has it.

    Pairing by example removes what both scores owe to the same easy and hard examples. Examples that one of the two
    could not be asked are left out.

    >>> one = Score(values={str(i): 1.0 for i in range(50)}, planned=50)
    >>> paired_gain(one, Score(values=dict.fromkeys(one.values, 0.0), planned=50))
    Interval(value=1.0, low=0.884615384615, high=1.0)

    Raises:
        InputError: a score outside 0..1.
    """
    return _compare_scores(challenger, champion, _paired_differences(challenger, champion)).gain


def _compare_scores(
    challenger: Score, champion: Score, differences: Mapping[str, float], confidence: float = 0.95, null: float = 0.0
) -> PairedResult:
    """By the mean difference, or by the measure of the set where both scores have their labels."""
    ours, theirs = challenger.labels, champion.labels
    if ours is None or theirs is None or ours.metric != theirs.metric:
        return compare_paired(list(differences.values()), confidence, null)
    return compare_sets(ours, theirs, list(differences), confidence, null)


def _decide(verdict: GateVerdict, rules: GateSpec) -> GateDecision:
    if any(measure.broken for measure in verdict.measures):
        return "keep"
    if not verdict.n or verdict.missing > rules.max_missing * (verdict.n + verdict.missing):
        return "not enough evidence"
    if verdict.gain.high < rules.min_gain or any(part.broken for part in verdict.slices):
        return "keep"
    return "promote" if verdict.gain.low > rules.min_gain and not verdict.unmeasured else "not enough evidence"


def _paired_differences(challenger: Score, champion: Score) -> dict[str, float]:
    for name, score in (("challenger", challenger), ("champion", champion)):
        for example, value in score.values.items():
            if not 0 <= value <= 1:
                raise InputError(f"{name}, example {example}: the score {value} is not in 0..1, as the gate needs it")
    shared = sorted(challenger.values.keys() & champion.values.keys())
    return {example: challenger.values[example] - champion.values[example] for example in shared}


def _planned_examples(challenger: Score, champion: Score) -> int:
    return max(challenger.planned, champion.planned, len(challenger.values.keys() | champion.values.keys()))


def _more_examples(found: PairedResult, min_gain: float, confidence: float) -> int | None:
    if found.gain.low > min_gain or found.gain.high < min_gain or not found.n:
        return None
    needed = examples_needed(found.gain.value, found.variance, min_gain, confidence)
    return None if needed is None else max(1, needed - found.n)


def _compare_slice(name: str, ids: Collection[str], differences: Mapping[str, float], rules: GateSpec) -> SliceResult:
    margin = rules.slice_margins.get(name, rules.max_regression)
    found = compare_paired(
        [differences[each] for each in sorted(set(ids) & differences.keys())], rules.confidence, -margin
    )
    return SliceResult(name=name, n=found.n, gain=found.gain, margin=margin)


def _check_names(field: str, limits: Iterable[str], given: Collection[str]) -> None:
    for name in limits:
        if name not in given:
            allowed = suggestion(name, given) if given else "; none was given"
            raise InputError(f"the gate's `{field}` names '{name}', which this comparison does not have{allowed}")
