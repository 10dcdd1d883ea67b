"""The registered metrics."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpo.metrics
from gpo.metrics import METRICS, metric


def test_the_names_that_specs_may_use() -> None:
    assert set(METRICS) == {"exact_match", "numeric_match", "contains", "token_f1"}


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="'contains' is registered twice"):
        metric("contains")(METRICS["contains"])


def test_the_examples_of_the_docstrings() -> None:
    assert doctest.testmod(gpo.metrics).failed == 0


@pytest.mark.parametrize(
    ("name", "answer", "reference", "score"),
    [
        ("exact_match", "Paris", "paris", 1),
        ("exact_match", ' "Paris." ', "Paris", 1),
        ("exact_match", "(B)", "b", 1),
        ("exact_match", "\u201cnew \n york\u201d", "New York", 1),
        ("exact_match", "STRASSE", "Stra\u00dfe", 1),
        ("exact_match", "Paris, France", "Paris", 0),
        ("exact_match", "well-known", "well known", 0),
        ("exact_match", "?", "!", 0),
        ("exact_match", "", "Paris", 0),
        ("numeric_match", "1,000", "1000", 1),
        ("numeric_match", "1 000 000", "1e6", 1),
        ("numeric_match", "-0.5", "-.5", 1),
        ("numeric_match", "0", "-0.0", 1),
        ("numeric_match", "0.3333333333", "0.33333333", 1),
        ("numeric_match", "1000.01", "1000", 0),
        ("numeric_match", "1,00", "100", 0),
        ("numeric_match", "ten", "10", 0),
        ("numeric_match", "nan", "nan", 0),
        ("numeric_match", "1e999", "2e999", 0),
        ("contains", "It is New York, I think.", "new york", 1),
        ("contains", "York is new", "new york", 0),
        ("contains", "unclear", "clear", 0),
        ("contains", "What?!", "?!", 0),
        ("contains", "", "a", 0),
        ("token_f1", "the cat sat", "a cat sat", 1),
        ("token_f1", "cat cat", "cat", 2 / 3),
        ("token_f1", "dog", "cat", 0),
        ("token_f1", "the", "the", 1),
        ("token_f1", "", "cat", 0),
    ],
)
def test_scores(name: str, answer: str, reference: str, score: float) -> None:
    assert METRICS[name](answer, reference) == pytest.approx(score)


@given(st.sampled_from(sorted(METRICS)), st.text(), st.text())
def test_a_score_is_between_0_and_1(name: str, answer: str, reference: str) -> None:
    assert 0 <= METRICS[name](answer, reference) <= 1


@given(st.sampled_from(["exact_match", "contains", "token_f1"]), st.text())
def test_the_reference_itself_is_right(name: str, reference: str) -> None:
    assert METRICS[name](reference, reference) == 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_matches_itself_however_it_is_written(value: float) -> None:
    assert METRICS["numeric_match"](f"{value:,}", repr(value)) == 1
