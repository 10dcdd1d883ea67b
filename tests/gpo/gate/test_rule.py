"""Is the challenger better? The interval of the paired gain, and the verdict that rests on it."""

import doctest
import math
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.errors import InputError
from gpo.gate.reasons import warn_of_worn_split
from gpo.gate.rule import apply_gate, choose_challenger, paired_gain
from gpo.gate.statistics import compare_paired, detectable_gain, examples_needed, interval_bounds, sign_test
from gpo.gate.verdict import GateVerdict, Measure
from gpo.records import Score
from gpo.spec.gate import GateSpec
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "gate.md"

GRADES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
PAIRS = st.lists(st.tuples(GRADES, GRADES), min_size=1, max_size=40)


def score(values: list[float]) -> Score:
    return Score(values={f"e{number}": value for number, value in enumerate(values)}, planned=len(values))


def pairs(rng: random.Random, n: int) -> tuple[list[float], list[float]]:
    """Right and wrong of champion (60%) and challenger (75%) on examples of which some are hard for both."""
    champion = [float(rng.random() < 0.6) for _ in range(n)]
    challenger = [float(rng.random() < (0.9 if was_right else 0.525)) for was_right in champion]
    return champion, challenger


@pytest.mark.slow
def test_the_interval_holds_the_true_difference_about_95_times_in_100() -> None:
    rng = random.Random(0)
    held = 0
    for _ in range(200):
        champion, challenger = pairs(rng, 60)
        gain = paired_gain(score(challenger), score(champion))
        held += gain.low <= 0.15 <= gain.high
        assert gain.low <= gain.value <= gain.high
    assert 0.90 <= held / 200 <= 0.995


def test_pairing_narrows() -> None:
    champion, challenger = pairs(random.Random(2), 80)
    shuffled = random.Random(0).sample(challenger, 80)
    statistics, unpaired = (
        paired_gain(score(challenger), score(champion)),
        paired_gain(score(shuffled), score(champion)),
    )
    assert statistics.value == pytest.approx(unpaired.value)
    assert statistics.high - statistics.low < unpaired.high - unpaired.low


def test_the_gain_of_a_comparison_is_that_of_the_verdict() -> None:
    champion, challenger = map(score, pairs(random.Random(1), 50))
    assert paired_gain(challenger, champion) == apply_gate(challenger, champion).gain


def test_only_examples_with_both_scores_count() -> None:
    one = Score(values={"a": 1.0, "b": 1.0, "c": 0.0}, planned=4, failed=1)
    other = Score(values={"b": 0.0, "c": 0.0, "d": 1.0}, planned=4, failed=1)
    assert paired_gain(one, other).value == 0.5


def test_nothing_in_common_says_nothing() -> None:
    gain = paired_gain(score([]), score([1.0]))
    assert (gain.value, gain.low, gain.high) == (0.0, -1.0, 1.0)


def both(wins: int, losses: int, level: int) -> tuple[Score, Score]:
    """Challenger and champion with so many examples won, lost and answered alike."""
    challenger = [1.0] * wins + [0.0] * losses + [1.0] * level
    champion = [0.0] * wins + [1.0] * losses + [1.0] * level
    return score(challenger), score(champion)


def of(pairs: Sequence[tuple[float, float]]) -> tuple[Score, Score]:
    return score([ours for ours, _ in pairs]), score([theirs for _, theirs in pairs])


# The verdict


@pytest.mark.parametrize(
    ("wins", "losses", "level", "min_gain", "decision"),
    [
        (20, 5, 75, 0.0, "promote"),
        (5, 20, 75, 0.0, "keep"),
        (12, 8, 80, 0.0, "not enough evidence"),
        (20, 5, 75, 0.10, "not enough evidence"),
        (20, 5, 75, 0.50, "keep"),
        (5, 5, 490, -0.05, "promote"),
        (0, 0, 500, 0.05, "keep"),
        (0, 0, 10, 0.05, "not enough evidence"),
        (6, 0, 44, 0.0, "promote"),
        (5, 0, 45, 0.0, "not enough evidence"),
        (1, 0, 0, 0.0, "not enough evidence"),
    ],
)
def test_the_interval_and_the_required_gain_decide(
    wins: int, losses: int, level: int, min_gain: float, decision: str
) -> None:
    verdict = apply_gate(*both(wins, losses, level), GateSpec(min_gain=min_gain))
    n = wins + losses + level
    assert verdict.decision == decision
    assert (verdict.n, verdict.missing, verdict.wins, verdict.losses) == (n, 0, wins, losses)
    assert verdict.gain.value == pytest.approx((wins - losses) / n)
    assert verdict.challenger - verdict.champion == pytest.approx(verdict.gain.value)


@given(pairs=PAIRS)
def test_swapping_champion_and_challenger_flips_the_sign_and_nothing_else(pairs: list[tuple[float, float]]) -> None:
    there, back = apply_gate(*of(pairs)), apply_gate(*reversed(of(pairs)))
    assert (there.gain.low, there.gain.value, there.gain.high) == (-back.gain.high, -back.gain.value, -back.gain.low)
    assert (there.p_value, there.sign_test, there.more_examples) == (back.p_value, back.sign_test, back.more_examples)
    flipped = {"promote": "keep", "keep": "promote", "not enough evidence": "not enough evidence"}
    assert there.decision == flipped[back.decision]


@given(pairs=PAIRS, seed=st.integers(0, 99))
def test_the_verdict_does_not_depend_on_the_order_or_names_of_the_examples(
    pairs: list[tuple[float, float]], seed: int
) -> None:
    turned = random.Random(seed).sample(pairs, len(pairs))
    assert apply_gate(*of(turned)) == apply_gate(*of(pairs)) == apply_gate(*of(pairs))


@given(pairs=PAIRS, added=st.integers(1, 40), min_gain=st.sampled_from([0.0, 0.1]))
def test_examples_that_both_answer_alike_never_turn_keep_into_promote(
    pairs: list[tuple[float, float]], added: int, min_gain: float
) -> None:
    rules = GateSpec(min_gain=min_gain)
    before, after = apply_gate(*of(pairs), rules), apply_gate(*of([*pairs, *[(1.0, 1.0)] * added]), rules)
    assert (before.decision, after.decision) != ("keep", "promote")


@given(pairs=PAIRS, min_gain=st.sampled_from([-0.2, 0.0, 0.1]), confidence=st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_p_value_and_decision_say_the_same(
    pairs: list[tuple[float, float]], min_gain: float, confidence: float
) -> None:
    verdict = apply_gate(*of(pairs), GateSpec(min_gain=min_gain, confidence=confidence))
    gain = verdict.gain
    assert -1 <= gain.low <= gain.value <= gain.high <= 1
    outside = gain.low > min_gain or gain.high < min_gain
    assert outside == (verdict.decision != "not enough evidence")
    assert outside == (verdict.p_value <= 1 - verdict.confidence + 1e-9)
    assert GateVerdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_scores_that_are_all_alike_give_no_evidence_and_no_nonsense() -> None:
    verdict = apply_gate(*both(0, 0, 50))
    assert verdict.decision == "not enough evidence"
    assert (verdict.p_value, verdict.sign_test, verdict.more_examples) == (1.0, 1.0, None)
    assert verdict.gain.low < 0 < verdict.gain.high
    assert "same score on every example" in " ".join(verdict.reasons)
    always = apply_gate(score([0.7] * 50), score([0.5] * 50))
    assert always.decision == "promote"
    assert all(map(math.isfinite, (always.gain.low, always.gain.high, always.p_value)))


def test_a_small_advantage_without_a_single_loss_is_not_believed_on_few_examples() -> None:
    # One loss in a hundred would eat it up, and fifty examples show none three times out of five.
    assert apply_gate(score([0.51] * 50), score([0.5] * 50)).decision == "not enough evidence"
    assert apply_gate(score([0.51] * 500), score([0.5] * 500)).decision == "promote"


def test_more_examples_are_asked_for_until_the_difference_is_too_small_to_matter() -> None:
    verdict = apply_gate(*both(12, 8, 80))
    assert verdict.more_examples == examples_needed(0.04, 0.2 - 0.04**2) - 100
    assert f"about {verdict.more_examples:,} more examples" in " ".join(verdict.reasons)
    tiny = apply_gate(score([0.5003, *[0.5, 1.0] * 500]), score([0.5, *[1.0, 0.5] * 500]))
    assert tiny.more_examples is None
    assert "more than 100,000 examples" in " ".join(tiny.reasons)
    level = apply_gate(*both(3, 3, 44))
    assert level.more_examples is None
    assert "exactly at the border" in " ".join(level.reasons)
    assert "too small" not in " ".join(level.reasons)


def test_failed_examples_are_left_out_and_too_many_make_no_verdict() -> None:
    challenger, champion = both(30, 5, 65)
    kept = dict(list(challenger.values.items())[4:])
    few = apply_gate(Score(values=kept, planned=100, failed=4), champion)
    assert (few.decision, few.n, few.missing, few.wins) == ("promote", 96, 4, 26)
    assert few.champion == pytest.approx(70 / 96)
    kept = dict(list(challenger.values.items())[6:])
    many = apply_gate(Score(values=kept, planned=100, failed=6), champion)
    assert (many.decision, many.missing) == ("not enough evidence", 6)
    assert many.reasons[0].startswith("6 of 100 examples lack a score")
    assert (
        apply_gate(Score(values=kept, planned=100, failed=6), champion, GateSpec(max_missing=0.1)).decision == "promote"
    )
    nothing = apply_gate(Score(values={}, planned=3, failed=3), score([1.0, 1.0, 0.0]))
    assert (nothing.decision, nothing.n, nothing.missing) == ("not enough evidence", 0, 3)
    assert nothing.reasons == ("No example was scored for both prompts.",)
    assert apply_gate(score([]), score([])).decision == "not enough evidence"


def test_a_slice_that_provably_got_worse_keeps_the_champion_and_a_doubtful_one_warns() -> None:
    challenger, champion = both(30, 8, 62)
    hurt = [f"e{number}" for number in range(30, 42)]
    verdict = apply_gate(challenger, champion, slices={"hurt": hurt, "rest": ["e0", "e1", "unknown"]})
    assert verdict.decision == "keep"
    assert [(part.name, part.n, part.broken) for part in verdict.slices] == [("hurt", 12, True), ("rest", 2, False)]
    assert verdict.reasons[0].startswith("Slice `hurt` got worse by more than 0: -0.67 on 12 examples")
    lenient = GateSpec(slice_margins={"hurt": 0.5})
    doubted = apply_gate(challenger, champion, lenient, slices={"hurt": hurt, "none": ["unknown"]})
    assert doubted.decision == "promote"
    assert [text.split("`")[1] for text in doubted.warnings] == ["none", "hurt"]
    assert apply_gate(challenger, champion, GateSpec(max_regression=0.9), slices={"hurt": hurt}).warnings == ()


@pytest.mark.parametrize(
    ("champion", "challenger", "decision"), [(10, 15, "promote"), (10, 15.1, "keep"), (0, 0, "promote"), (0, 1, "keep")]
)
def test_a_measure_that_grew_too_much_keeps_the_champion(champion: float, challenger: float, decision: str) -> None:
    rules = GateSpec(max_growth={"words": 0.5})
    words = {"words": Measure(champion=champion, challenger=challenger), "seconds": Measure(champion=1, challenger=9)}
    verdict = apply_gate(*both(30, 5, 65), rules, measures=words)
    assert verdict.decision == decision
    assert verdict.reasons[0].startswith("`words` grew") == (decision == "keep")
    worse = apply_gate(Score(values={}, planned=9), score([1.0] * 9), rules, measures=words)
    assert worse.decision == ("keep" if decision == "keep" else "not enough evidence")


def test_rules_that_cannot_be_checked_and_scores_out_of_range_are_errors() -> None:
    challenger, champion = both(3, 3, 3)
    with pytest.raises(InputError, match=r"`slice_margins` names 'lnog'.*did you mean 'long'"):
        apply_gate(challenger, champion, GateSpec(slice_margins={"lnog": 0.1}), slices={"long": []})
    with pytest.raises(InputError, match=r"`max_growth` names 'words'.*none was given"):
        apply_gate(challenger, champion, GateSpec(max_growth={"words": 1}))
    for wrong in (math.nan, 1.5, -0.1):
        with pytest.raises(InputError, match=r"champion, example e0: the score .* is not in 0\.\.1"):
            apply_gate(challenger, score([wrong]))
    with pytest.raises(InputError, match="compare fewer challengers"):
        apply_gate(challenger, champion, challengers=1000)
    with pytest.raises(InputError, match="got 0 and 0"):
        apply_gate(challenger, champion, challengers=0)


# Several challengers, and a split used again


def test_the_best_challenger_that_passes_is_chosen_under_a_corrected_interval() -> None:
    _, champion = both(0, 30, 70)
    clear, more, unsure = ([1.0] * gained + [0.0] * (30 - gained) + [1.0] * 70 for gained in (12, 20, 3))
    flat = champion.values
    found = choose_challenger(
        {"clear": score(clear), "more": score(more), "unsure": score(unsure)},
        Score(values={key: 0.0 if number < 30 else 1.0 for number, key in enumerate(flat)}, planned=100),
    )
    assert found.chosen == "more"
    decisions = {name: verdict.decision for name, verdict in found.verdicts.items()}
    assert decisions == {"clear": "promote", "more": "promote", "unsure": "not enough evidence"}
    assert found.verdicts["more"].confidence == pytest.approx(1 - 0.05 / 3)
    assert "corrected for 3 challengers" in found.verdicts["more"].reasons[0]


def test_what_passes_alone_need_not_pass_among_ten() -> None:
    challenger, champion = both(21, 8, 71)
    assert apply_gate(challenger, champion).decision == "promote"
    among = choose_challenger({str(number): challenger for number in range(10)}, champion)
    assert among.chosen is None
    assert choose_challenger({}, champion).chosen is None


def test_limits_on_growth_hold_for_each_challenger() -> None:
    challenger, champion = both(30, 5, 65)
    lengths = {"short": Measure(champion=10, challenger=11), "long": Measure(champion=10, challenger=90)}
    found = choose_challenger(
        dict.fromkeys(lengths, challenger),
        champion,
        GateSpec(max_growth={"words": 0.5}),
        measures={name: {"words": measure} for name, measure in lengths.items()},
    )
    assert found.chosen == "short"


def test_a_split_wears_out_with_its_uses() -> None:
    assert warn_of_worn_split(1, 50) is None
    assert warn_of_worn_split(8, 50) is None
    assert "decided 9 times" in (warn_of_worn_split(9, 50) or "")
    assert "about 24%" in (warn_of_worn_split(20, 50) or "")
    assert "not the chance of the next use" in (warn_of_worn_split(20, 50) or "")
    assert warn_of_worn_split(9, 50, confidence=0.99) is None
    assert apply_gate(*both(30, 5, 65), earlier_uses=7).warnings == ()
    worn = apply_gate(*both(30, 5, 65), earlier_uses=8)
    assert (worn.decision, len(worn.warnings)) == ("promote", 1)


# The statistics


@pytest.mark.parametrize(
    ("wins", "losses", "p_value"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 0, 2 / 2**5),
        (6, 0, 2 / 2**6),
        (8, 2, 2 * (1 + 10 + 45) / 2**10),
        (15, 5, 2 * (1 + 20 + 190 + 1140 + 4845 + 15504) / 2**20),
        (7, 7, 1.0),
    ],
)
def test_the_sign_test_is_the_binomial_by_hand(wins: int, losses: int, p_value: float) -> None:
    assert sign_test(wins, losses) == sign_test(losses, wins) == pytest.approx(p_value, rel=1e-12)


def test_the_sign_test_holds_for_counts_beyond_what_a_float_can_hold() -> None:
    assert 0 < sign_test(1100, 900) < 1e-4
    assert sign_test(1000, 1000) == 1.0


@pytest.mark.parametrize("wins", range(4, 16))
def test_on_right_and_wrong_the_rule_decides_as_mcnemars_exact_test_but_at_its_very_border(wins: int) -> None:
    for losses in range(wins):
        found = compare_paired([1.0] * wins + [-1.0] * losses + [0.0] * (150 - wins - losses))
        if found.sign_test < 0.1:
            assert found.p_value == pytest.approx(found.sign_test, abs=0.02)
        if not 0.05 < found.sign_test < 0.06:
            assert (found.gain.low > 0) == (found.sign_test <= 0.05)


def test_false_promotions_stay_rare_where_the_higher_mean_wins_often() -> None:
    rng = np.random.default_rng(5)
    for n, discordance in ((50, 0.15), (50, 0.30), (150, 0.15)):
        shares = [discordance / 2, 1 - discordance, discordance / 2]
        samples = rng.choice([-1.0, 0.0, 1.0], p=shares, size=(500, n))
        low, high, _ = interval_bounds(samples)
        assert (low > 0).mean() <= 0.04
        assert (high < 0).mean() <= 0.04
        assert (samples.sum(axis=1) > 0).mean() > 0.35


def test_the_number_of_examples_asked_for_shows_the_gain_four_times_out_of_five() -> None:
    rng = np.random.default_rng(6)
    for gain, discordance in ((0.10, 0.15), (0.10, 0.30)):
        n = examples_needed(gain, discordance - gain**2)
        assert n is not None
        shares = [(discordance - gain) / 2, 1 - discordance, (discordance + gain) / 2]
        low = interval_bounds(rng.choice([-1.0, 0.0, 1.0], p=shares, size=(400, n)))[0]
        assert (low > 0).mean() == pytest.approx(0.8, abs=0.07)


def test_larger_gains_and_smaller_spreads_need_fewer_examples() -> None:
    needed = [examples_needed(gain, 0.2) for gain in (0.02, 0.05, 0.1, 0.3)]
    assert None not in needed
    assert all(more > fewer for more, fewer in pairwise(map(int, filter(None, needed))))
    assert int(examples_needed(0.05, 0.1) or 0) < int(examples_needed(0.05, 0.2) or 0)
    assert examples_needed(0.0, 0.2) is None
    assert examples_needed(0.05, 0.2, null=0.05) is None
    assert examples_needed(-0.1, 0.2) == examples_needed(0.1, 0.2)
    assert detectable_gain(0, 0.2) == math.inf
    assert detectable_gain(500, 0.2) < detectable_gain(150, 0.2) < detectable_gain(50, 0.2)
    n = examples_needed(0.1, 0.2) or 0
    assert detectable_gain(n, 0.2) == pytest.approx(0.1, rel=0.05)


# What is written about it


def test_the_examples_on_the_page_hold() -> None:
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0


def test_many_weak_readings_are_warned_of_and_decide_nothing() -> None:
    champion, challenger = (
        Score(values={str(n): float(n < right) for n in range(100)}, planned=100, weak=weak)
        for right, weak in ((50, 20), (70, 35))
    )
    verdict = apply_gate(challenger, champion)
    assert (verdict.decision, verdict.champion_weak, verdict.challenger_weak) == ("promote", 0.2, 0.35)
    (warning,) = verdict.warnings
    assert warning.startswith("35% of the challenger's answers were read by what they mention")
    assert not apply_gate(challenger.model_copy(update={"weak": 20}), champion).warnings
