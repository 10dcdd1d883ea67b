"""The gate by a measure of the whole set: paired, the same whatever the order, and careful with rare labels."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.gate.rule import apply_gate, paired_gain
from gpo.records import Labels, Score
from gpo.set_metrics import SET_METRICS, SetMetric
from gpo.spec.gate import GateSpec

LABEL = st.sampled_from(["a", "b"])
ROWS = st.lists(st.tuples(LABEL, st.none() | LABEL, st.none() | LABEL), min_size=1, max_size=40)
METRICS = st.sampled_from(SET_METRICS)


def score(metric: SetMetric, pairs: list[tuple[str, str | None]]) -> Score:
    named = {f"e{number:03}": pair for number, pair in enumerate(pairs)}
    values = {name: float(right == answer) for name, (right, answer) in named.items()}
    return Score(values=values, planned=len(named), labels=Labels(metric=metric, pairs=named))


def both(metric: SetMetric, rows: list[tuple[str, str | None, str | None]]) -> tuple[Score, Score]:
    challenger = score(metric, [(right, answer) for right, answer, _ in rows])
    return challenger, score(metric, [(right, answer) for right, _, answer in rows])


@given(METRICS, ROWS)
def test_swapping_the_prompts_flips_every_sign(
    metric: SetMetric, rows: list[tuple[str, str | None, str | None]]
) -> None:
    challenger, champion = both(metric, rows)
    one, other = apply_gate(challenger, champion), apply_gate(champion, challenger)
    assert (one.gain.value, one.gain.low, one.gain.high) == (-other.gain.value, -other.gain.high, -other.gain.low)
    assert one.p_value == other.p_value
    assert (one.wins, one.losses) == (other.losses, other.wins)
    assert one.gain.low <= one.gain.value <= one.gain.high
    assert one.gain.value == pytest.approx(challenger.mean - champion.mean)


@given(METRICS, ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_examples_does_not_matter(
    metric: SetMetric, rows: list[tuple[str, str | None, str | None]], rng: random.Random
) -> None:
    shuffled = rng.sample(rows, len(rows))
    assert apply_gate(*both(metric, rows)) == apply_gate(*both(metric, shuffled))


def test_a_prompt_that_mends_a_rare_label_is_promoted_by_macro_f1_and_not_by_accuracy() -> None:
    rows: list[tuple[str, str | None, str | None]] = [
        *[("a", "a", "a")] * 250,
        *[("a", "b", "a")] * 22,
        *[("b", "b", "a")] * 22,
        *[("b", "b", "b")] * 6,
    ]
    challenger, champion = both("balanced_accuracy", rows)
    verdict = apply_gate(challenger, champion)
    assert verdict.decision == "promote"
    assert verdict.reasons[0].startswith("The gain in balanced_accuracy is +0.35 on 300 examples, 95% interval")
    assert (verdict.set_metric, verdict.champion, verdict.challenger) == (
        "balanced_accuracy",
        champion.mean,
        challenger.mean,
    )
    plain = [each.model_copy(update={"labels": None}) for each in (challenger, champion)]
    assert apply_gate(*plain).decision == "not enough evidence"
    assert paired_gain(challenger, champion) == verdict.gain


def test_two_examples_of_a_label_prove_nothing() -> None:
    rows: list[tuple[str, str | None, str | None]] = [*[("a", "a", "a")] * 100, *[("b", "b", "a")] * 2]
    verdict = apply_gate(*both("macro_f1", rows))
    assert verdict.gain.value > 0.4
    assert verdict.decision == "not enough evidence"


def test_examples_without_a_score_of_both_are_left_out() -> None:
    challenger, _ = both("macro_f1", [("a", "a", "a")] * 30 + [("b", "b", None)] * 30)
    part = score("macro_f1", [("a", "a")] * 30 + [("b", None)] * 28)
    verdict = apply_gate(challenger, part.model_copy(update={"planned": 60, "failed": 2}))
    assert (verdict.n, verdict.missing) == (58, 2)
    assert verdict.gain.value == pytest.approx(0.5)


def simulated(metric: SetMetric, rare: float, seed: int) -> tuple[Score, Score]:
    """Two prompts that are equally good on each label, and right on different examples in a fifth of them."""
    rng, n, accuracy, differ = random.Random(seed), 150, 0.7, 0.2
    rows: list[tuple[str, str | None, str | None]] = []
    for number in range(n):
        right, wrong = ("b", "a") if number < rare * n else ("a", "b")
        draw = rng.random()
        ours = draw < accuracy - differ / 2 or accuracy <= draw < accuracy + differ / 2
        theirs = draw < accuracy
        rows.append((right, right if ours else wrong, right if theirs else wrong))
    return both(metric, rows)


@pytest.mark.slow
@pytest.mark.parametrize("metric", SET_METRICS)
@pytest.mark.parametrize("rare", [0.5, 0.1])
def test_a_challenger_that_is_no_better_is_seldom_promoted(metric: SetMetric, rare: float) -> None:
    trials = 200
    promoted = sum(
        apply_gate(*simulated(metric, rare, seed), GateSpec()).decision == "promote" for seed in range(trials)
    )
    assert promoted <= 0.05 * trials
