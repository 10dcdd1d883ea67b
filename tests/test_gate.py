"""Is the challenger better? The interval of the paired gain."""

import random

import pytest

from gpo import gate
from gpo.gate import paired_gain
from gpo.records import Score


def score(values: list[float]) -> Score:
    return Score(values={f"e{number}": value for number, value in enumerate(values)}, planned=len(values))


def pairs(rng: random.Random, n: int) -> tuple[list[float], list[float]]:
    """Right and wrong of champion (60%) and challenger (75%) on examples of which some are hard for both."""
    champion = [float(rng.random() < 0.6) for _ in range(n)]
    challenger = [float(rng.random() < (0.9 if was_right else 0.525)) for was_right in champion]
    return champion, challenger


def test_the_interval_holds_the_true_difference_about_95_times_in_100(monkeypatch: pytest.MonkeyPatch) -> None:
    # Fewer resamples than in earnest make the borders rougher, not wrong.
    monkeypatch.setattr(gate, "RESAMPLES", 200)
    rng = random.Random(0)
    held = 0
    for seed in range(200):
        champion, challenger = pairs(rng, 60)
        gain = paired_gain(score(challenger), score(champion), seed)
        held += gain.low <= 0.15 <= gain.high
        assert gain.low <= gain.value <= gain.high
    assert 0.90 <= held / 200 <= 0.985


def test_the_same_scores_and_seed_give_the_same_interval_in_any_order() -> None:
    champion, challenger = map(score, pairs(random.Random(1), 50))
    gain = paired_gain(challenger, champion, seed=3)
    turned = Score(values=dict(reversed(challenger.values.items())), planned=50)
    assert paired_gain(turned, champion, seed=3) == gain
    assert paired_gain(challenger, champion, seed=4) != gain


def test_equal_answers_leave_no_doubt_and_pairing_narrows() -> None:
    champion, challenger = pairs(random.Random(2), 80)
    same = paired_gain(score(champion), score(champion))
    assert (same.value, same.low, same.high) == (0, 0, 0)
    shuffled = random.Random(0).sample(challenger, 80)
    paired, unpaired = paired_gain(score(challenger), score(champion)), paired_gain(score(shuffled), score(champion))
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.high - paired.low < unpaired.high - unpaired.low


def test_only_examples_with_both_scores_count() -> None:
    one = Score(values={"a": 1.0, "b": 1.0, "c": 0.0}, planned=4, failed=1)
    other = Score(values={"b": 0.0, "c": 0.0, "d": 1.0}, planned=4, failed=1)
    assert paired_gain(one, other).value == 0.5


def test_nothing_in_common_says_nothing() -> None:
    gain = paired_gain(score([]), score([1.0]))
    assert (gain.value, gain.low, gain.high) == (0.0, -1.0, 1.0)
