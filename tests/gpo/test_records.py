"""Hashes, intervals and the numbers of a score."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.records import Candidate, Score, Scored, canonical_json, content_hash
from gpo.set_metrics import mean_interval

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_hashes_are_the_same_for_ever() -> None:
    assert content_hash("Judge the review.") == "f8205b2776dc"
    assert content_hash({"b": [1, None, "ü"], "a": 0.5}, length=64) == (
        "8f0475b7a94deaf8d1575d137be904a2dea52d7225e764647eddb2e289f0a5ab"
    )
    assert Candidate(instruction="Judge the review.", step=3, number=7).id == content_hash("Judge the review.")


def test_half_a_character_has_a_hash() -> None:
    assert content_hash("\ud800") != content_hash("\udfff")


@given(JSON, JSON)
def test_equal_content_has_equal_hashes_and_other_content_others(one: object, other: object) -> None:
    assert (content_hash(one) == content_hash(other)) == (canonical_json(one) == canonical_json(other))


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter(content: dict[str, int], rng: random.Random) -> None:
    items = list(content.items())
    rng.shuffle(items)
    assert content_hash(dict(items)) == content_hash(content)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (8, 10, 0.4902, 0.9433),
        (10, 10, 0.7225, 1.0),
        (50, 100, 0.4038, 0.5962),
        (1, 1, 0.2065, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_intervals(right: int, n: int, low: float, high: float) -> None:
    values = [1.0] * right + [0.0] * (n - right)
    assert mean_interval(values) == pytest.approx((low, high), abs=1e-4)


def test_other_scores_have_a_normal_interval() -> None:
    assert mean_interval([0.2, 0.4, 0.6, 0.8]) == pytest.approx((0.2470, 0.7530), abs=1e-4)
    assert mean_interval([0.5, 1.0]) == pytest.approx((0.26, 1.0), abs=1e-4)
    assert mean_interval([0.5]) == (0.5, 0.5)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_intervals_hold_the_mean_and_stay_in_0_to_1(values: list[float]) -> None:
    low, high = mean_interval(values)
    mean = Score(values={str(i): value for i, value in enumerate(values)}, planned=len(values)).mean
    assert 0 <= low <= high <= 1
    assert not values or low - 1e-9 <= mean <= high + 1e-9


def test_a_failed_call_is_not_a_wrong_answer() -> None:
    score = Score(values={"a": 1.0, "b": 0.0}, planned=3, failed=1)
    assert (score.mean, score.n, score.complete) == (0.5, 2, True)
    assert not Score(values={"a": 1.0}, planned=3, failed=1).complete
    assert Score(values={}, planned=2, failed=2).mean == 0.0
    assert Score(values={}, planned=2, failed=2).complete


def test_candidates_have_short_names_and_scores_percents() -> None:
    scored = Scored(
        candidate=Candidate(instruction="x", step=3, number=7),
        score=Score(values={"a": 1.0, "b": 0.0, "c": 0.0}, planned=3),
    )
    assert scored.candidate.label == "s3c07"
    assert scored.percent == 33.3
    assert Scored.model_validate_json(scored.model_dump_json()) == scored
