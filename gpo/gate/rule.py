"""The rule of the gate: promote the challenger or keep the champion, from the scores of both on the test split.

The interval of the paired gain lies above `min_gain`: promote. It lies below: keep the champion.
Otherwise there is not enough evidence, and the champion stays as well. Whatever the gain, a slice that provably got
worse, or a measure that grew too much, keeps the champion. A prompt that is shorter, cheaper or faster may be worse by
a margin, where the spec says so. How often all this errs is measured in docs/gate.md.
"""

from collections.abc import Collection, Iterable, Mapping

from gpo.errors import InputError, suggestion
from gpo.gate.early_stop import LEAST_LEVEL, ProofLook
from gpo.gate.error_budget import AliasUse
from gpo.gate.paired_scores import Groups, PairedScores
from gpo.gate.reasons import list_reasons, list_warnings, worn_sentence
from gpo.gate.statistics import PairedResult, detectable_gain, examples_needed
from gpo.gate.verdict import (
    NON_INFERIOR_SHARE,
    ChallengerChoice,
    GateDecision,
    GateVerdict,
    Measure,
    MeasureResult,
    NonInferiorResult,
    SliceResult,
)
from gpo.records import Interval, Score
from gpo.spec.gate import BENEFITS, GateSpec


def apply_gate(
    challenger: Score,
    champion: Score,
    rules: GateSpec | None = None,
    *,
    slices: Mapping[str, Collection[str]] | None = None,
    measures: Mapping[str, Measure | None] | None = None,
    challengers: int = 1,
    earlier_uses: int = 0,
    groups: Groups | None = None,
    use: AliasUse | None = None,
    look: ProofLook | None = None,
) -> GateVerdict:
    """Whether the challenger replaces the champion, from the scores of both on the locked test split.

    `slices` maps names to example ids; those without a score of both are left out. A measure that is None could not be
    had of both: where it has a limit, nothing is promoted. `challengers` is the number of
    prompts that are compared with this champion on these examples, `earlier_uses` how often the split has decided
    before. `groups` maps examples to the group that they are of. `use` says which use of an alias it is, `look` how
    much of the split was looked at. Equal inputs give an equal verdict: there is no seed, and the order of the examples
    does not matter.

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
    level = _level(rules, challengers)
    confidence = 1 - 2 * _level_at(look, level)
    both = PairedScores(challenger, champion, groups or {})
    found = both.compare(confidence, rules.min_gain)
    benefit = _benefit(rules, measures, both)
    if benefit is not None and found.gain.low <= rules.min_gain:
        confidence = 1 - 2 * max(_level_at(look, level) * NON_INFERIOR_SHARE, LEAST_LEVEL)
        found = both.compare(confidence, rules.min_gain)
    required = rules.min_gain if benefit is None else -benefit.margin
    detectable = detectable_gain(found.n, found.variance, required, confidence)
    verdict = GateVerdict(
        decision="not enough evidence",
        n=found.n,
        missing=_planned_examples(challenger, champion) - found.n,
        champion=champion.mean_of(both.differences),
        challenger=challenger.mean_of(both.differences),
        set_metric=None if challenger.labels is None else challenger.labels.metric,
        gain=found.gain,
        min_gain=rules.min_gain,
        confidence=confidence,
        p_value=found.p_value,
        wins=found.wins,
        losses=found.losses,
        sign_test=found.sign_test,
        more_examples=_more_examples(found, required, confidence),
        detectable=detectable if detectable <= 1 else None,
        slices=tuple(_compare_slice(name, ids, both, rules) for name, ids in slices.items()),
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
        groups=found.groups,
        effective_groups=found.effective_groups,
        non_inferior=benefit,
        use=use,
        look=look,
    )
    return _explained(verdict.model_copy(update={"decision": _decide(verdict, rules)}), rules)


def is_settled(verdict: GateVerdict, rules: GateSpec) -> bool:
    """Whether a proof may end here: nothing more is needed, or nothing more is to be hoped for.

    Slices are guarded by all test examples: with them, no promotion comes early. A promotion that would have to ask for
    a person's word goes on, since more examples may make that needless.
    """
    if verdict.look is None or verdict.look.is_last or any(measure.broken for measure in verdict.measures):
        return True
    if verdict.decision == "promote":
        return not (rules.slices or _is_worn(verdict, rules))
    return verdict.chance_of_luck > verdict.look.hopeless_from


def _explained(verdict: GateVerdict, rules: GateSpec) -> GateVerdict:
    """The verdict with its sentences, and with what follows from a budget that is used up."""
    told = None
    if verdict.decision == "promote" and _is_worn(verdict, rules):
        told = worn_sentence(verdict, _level_for_use(verdict, rules), rules.when_worn)
    unattended = verdict.use is not None and verdict.use.unattended
    asks, stops = (bool(told) and unattended and rules.when_worn == word for word in ("ask", "stop"))
    if stops:
        verdict = verdict.model_copy(update={"decision": "not enough evidence"})
    reasons, warnings = list_reasons(verdict, rules.max_missing), list_warnings(verdict, rules.confidence)
    if told:
        reasons, warnings = ([told, *reasons], warnings) if stops else (reasons, [told, *warnings])
    return verdict.model_copy(
        update={"reasons": tuple(reasons), "warnings": tuple(warnings), "ask": told if asks else None}
    )


def _is_worn(verdict: GateVerdict, rules: GateSpec) -> bool:
    """Whether the gain does not pass at the level that is left for this use of its alias."""
    return verdict.use is not None and verdict.chance_of_luck > _level_for_use(verdict, rules)


def _level_for_use(verdict: GateVerdict, rules: GateSpec) -> float:
    """The one-sided level of the rules, or of the use, if that is stricter."""
    level = _level(rules, verdict.challengers)
    if verdict.use is not None:
        level = min(level, verdict.use.level * _share(rules) / verdict.challengers)
    return level if verdict.look is None else verdict.look.level(level)


def _level(rules: GateSpec, challengers: int) -> float:
    """The one-sided level of one comparison among so many."""
    return (1 - rules.confidence) / 2 * _share(rules) / challengers


def _share(rules: GateSpec) -> float:
    """The part of a level, of a decision or of a use, that is left where a challenger may be worse by a margin."""
    return NON_INFERIOR_SHARE if rules.min_gain < 0 else 1.0


def _level_at(look: ProofLook | None, level: float) -> float:
    """The one-sided level of the interval; a look that has none of its own shows that of all looks together."""
    return level if look is None else look.level(level) or level


def choose_challenger(
    challengers: Mapping[str, Score],
    champion: Score,
    rules: GateSpec | None = None,
    *,
    slices: Mapping[str, Collection[str]] | None = None,
    measures: Mapping[str, Mapping[str, Measure | None]] | None = None,
    earlier_uses: int = 0,
    groups: Groups | None = None,
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
            groups=groups,
        )
        for name, score in challengers.items()
    }
    passing = [name for name, verdict in verdicts.items() if verdict.decision == "promote"]
    chosen = max(passing, key=lambda name: (verdicts[name].gain.value, -verdicts[name].p_value), default=None)
    return ChallengerChoice(chosen=chosen, verdicts=verdicts)


def paired_gain(challenger: Score, champion: Score, groups: Groups | None = None) -> Interval:
    """The mean difference per example, or the gain in a measure of the set, with its 95% interval as the gate has it.

    Pairing by example removes what both scores owe to the same easy and hard examples. Examples that one of the two
    could not be asked are left out.

    >>> one = Score(values={str(i): 1.0 for i in range(50)}, planned=50)
    >>> paired_gain(one, Score(values=dict.fromkeys(one.values, 0.0), planned=50))
    Interval(value=1.0, low=0.884615384615, high=1.0)

    Raises:
        InputError: a score outside 0..1.
    """
    return PairedScores(challenger, champion, groups or {}).compare().gain


def _benefit(rules: GateSpec, measures: Mapping[str, Measure | None], both: PairedScores) -> NonInferiorResult | None:
    """What the challenger is better in besides its score, by as much as the spec wants; None where it is not."""
    wanted = rules.non_inferior
    measure = None if wanted is None else measures.get(BENEFITS[wanted.when])
    if wanted is None or measure is None or not measure.challenger < measure.champion:
        return None
    if measure.challenger > measure.champion * (1 - wanted.by):
        return None
    return NonInferiorResult(
        when=wanted.when,
        before=measure.champion,
        after=measure.challenger,
        margin=wanted.margin,
        p_value=both.compare(null=-wanted.margin).p_value,
    )


def _decide(verdict: GateVerdict, rules: GateSpec) -> GateDecision:
    if any(measure.broken for measure in verdict.measures):
        return "keep"
    if not verdict.n or verdict.missing > rules.max_missing * (verdict.n + verdict.missing):
        return "not enough evidence"
    if verdict.gain.high < verdict.required or any(part.broken for part in verdict.slices):
        return "keep"
    has_level = verdict.look is None or verdict.look.level(_level(rules, verdict.challengers)) > 0
    passes = has_level and verdict.gain.low > verdict.required and not verdict.unmeasured
    return "promote" if passes else "not enough evidence"


def _planned_examples(challenger: Score, champion: Score) -> int:
    return max(challenger.planned, champion.planned, len(challenger.values.keys() | champion.values.keys()))


def _more_examples(found: PairedResult, required: float, confidence: float) -> int | None:
    if found.gain.low > required or found.gain.high < required or not found.n:
        return None
    needed = examples_needed(found.gain.value, found.variance, required, confidence)
    return None if needed is None else max(1, needed - found.n)


def _compare_slice(name: str, ids: Collection[str], both: PairedScores, rules: GateSpec) -> SliceResult:
    margin = rules.slice_margins.get(name, rules.max_regression)
    found = both.compare_some(ids, rules.confidence, -margin)
    return SliceResult(name=name, n=found.n, gain=found.gain, margin=margin)


def _check_names(field: str, limits: Iterable[str], given: Collection[str]) -> None:
    for name in limits:
        if name not in given:
            allowed = suggestion(name, given) if given else "; none was given"
            raise InputError(f"the gate's `{field}` names '{name}', which this comparison does not have{allowed}")
