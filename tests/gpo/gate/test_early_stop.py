"""A proof that stops early errs as seldom as one that does not, and says what it saved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.gate.early_stop import ProofLook, look_levels, plan_looks
from gpo.gate.error_budget import AliasUse
from gpo.gate.rule import apply_gate, is_settled
from gpo.gate.student import student_tail
from gpo.gate.verdict import GateVerdict, Measure
from gpo.records import Score
from gpo.spec.gate import GateSpec

ENDS = (50, 100, 150, 200)
RULES = GateSpec(stop_early=True)


def judged(wins: int, losses: int, seen: int, rules: GateSpec = RULES, use: AliasUse | None = None) -> GateVerdict:
    ours = [1.0] * wins + [0.0] * losses + [1.0] * (seen - wins - losses)
    theirs = [0.0] * wins + [1.0] * losses + [1.0] * (seen - wins - losses)
    challenger, champion = (
        Score(values={f"e{place}": value for place, value in enumerate(values)}, planned=seen)
        for values in (ours, theirs)
    )
    look = ProofLook(examples=seen, of=200, ends=ENDS)
    return apply_gate(challenger, champion, rules, look=look, use=use)


@pytest.mark.parametrize("whole", [0.025, 0.01, 0.002])
@pytest.mark.parametrize("shares", [(0.25, 0.5, 0.75, 1.0), (0.5, 1.0), (0.4, 0.9, 1.0)])
def test_all_looks_together_err_as_seldom_as_one(whole: float, shares: tuple[float, ...]) -> None:
    rng, levels = np.random.default_rng(0), look_levels(whole, shares)
    steps = rng.normal(size=(200_000, len(shares))) * np.sqrt(np.diff([0, *shares]))
    reached = np.cumsum(steps, axis=1) / np.sqrt(shares)
    bounds = [_distance(level) if level else np.inf for level in levels]
    share = (reached >= bounds).any(axis=1).mean()
    assert share == pytest.approx(whole, rel=0.2)
    assert levels[-1] > 0.55 * whole


def _distance(level: float) -> float:
    from statistics import NormalDist

    assert student_tail(NormalDist().inv_cdf(1 - level), 100_000) == pytest.approx(2 * level)
    return NormalDist().inv_cdf(1 - level)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_looks_end_between_groups_and_the_last_is_the_whole_split(sizes: list[int]) -> None:
    ends, edges = plan_looks(sizes), set(np.cumsum(sizes).tolist())
    assert ends[-1] == sum(sizes)
    assert set(ends) <= edges
    assert list(ends) == sorted(set(ends))
    assert len(ends) <= 4


def test_a_clear_gain_ends_the_proof_and_the_calls_that_it_saved_are_told() -> None:
    verdict = judged(25, 3, 100)
    assert verdict.decision == "promote"
    assert is_settled(verdict, RULES)
    assert "interval (corrected for 4 looks)" in verdict.reasons[0]
    told = "The proof ended after 100 of 200 test examples, since the result is clear: 200 calls saved."
    assert verdict.reasons[-1] == told


def test_what_passes_for_one_look_alone_goes_on() -> None:
    verdict = judged(12, 3, 100)
    assert apply_gate_at_once(12, 3, 100).decision == "promote"
    assert verdict.decision == "not enough evidence"
    assert not is_settled(verdict, RULES)


def apply_gate_at_once(wins: int, losses: int, seen: int) -> GateVerdict:
    ours = {f"e{place}": float(place >= losses) for place in range(seen)}
    theirs = {f"e{place}": float(place < losses or place >= losses + wins) for place in range(seen)}
    return apply_gate(Score(values=ours, planned=seen), Score(values=theirs, planned=seen))


def test_a_challenger_that_looks_no_better_ends_the_proof_without_a_promotion() -> None:
    verdict = judged(5, 6, 100)
    assert is_settled(verdict, RULES)
    assert verdict.decision == "not enough evidence"
    assert "since the challenger looks no better: 200 calls saved" in verdict.reasons[-1]
    worse = judged(1, 30, 50)
    assert is_settled(worse, RULES)
    assert worse.decision == "keep"


def test_at_the_end_nothing_is_saved_and_the_interval_is_that_of_four_looks() -> None:
    verdict = judged(40, 10, 200)
    assert is_settled(verdict, RULES)
    assert verdict.decision == "promote"
    assert not any("saved" in reason for reason in verdict.reasons)
    assert verdict.confidence == pytest.approx(1 - 2 * look_levels(0.025, (0.25, 0.5, 0.75, 1.0))[-1])


def test_slices_and_a_budget_that_is_used_up_wait_for_all_examples() -> None:
    assert not is_settled(judged(25, 3, 100), GateSpec(stop_early=True, slices=("kind",)))
    late = AliasUse(alias="production", number=9, unattended=True)
    worn = judged(19, 5, 100, use=late)
    assert worn.decision == "promote"
    assert worn.ask
    assert not is_settled(worn, RULES)


def test_a_prompt_that_grew_too_much_ends_the_proof_at_once() -> None:
    rules = GateSpec(stop_early=True, max_growth={"words": 0.1})
    one = Score(values={f"e{place}": 1.0 for place in range(50)}, planned=50)
    verdict = apply_gate(
        one,
        one,
        rules,
        measures={"words": Measure(champion=10, challenger=30)},
        look=ProofLook(examples=50, of=200, ends=ENDS),
    )
    assert is_settled(verdict, rules)
    assert "since nothing more could change the verdict: 300 calls saved" in verdict.reasons[-1]
