"""Measures of a whole set: by their definitions, one label at a time."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.set_metrics import SET_METRICS, SetMetric, set_interval, set_value

LABELS = st.sampled_from(["a", "b", "c"])
PAIRS = st.lists(st.tuples(LABELS, st.none() | LABELS | st.just("d")), min_size=1, max_size=30)
METRICS = st.sampled_from(SET_METRICS)


def by_definition(metric: SetMetric, pairs: list[tuple[str, str | None]]) -> float:
    worth = []
    for label in {right for right, _ in pairs}:
        hits = sum(pair == (label, label) for pair in pairs)
        recall = Fraction(hits, sum(right == label for right, _ in pairs))
        said = sum(given == label for _, given in pairs)
        precision = Fraction(hits, said) if said else Fraction(0)
        f1 = 2 * precision * recall / (precision + recall) if hits else Fraction(0)
        worth.append(f1 if metric == "macro_f1" else recall)
    if metric == "micro_f1":
        hits = sum(right == given for right, given in pairs)
        return 2 * hits / (len(pairs) + sum(given is not None for _, given in pairs))
    return float(sum(worth) / len(worth))


@given(METRICS, PAIRS)
def test_the_value_is_that_of_the_definition(metric: SetMetric, pairs: list[tuple[str, str | None]]) -> None:
    assert set_value(metric, pairs) == pytest.approx(by_definition(metric, pairs))
    assert set_value(metric, pairs) == set_value(metric, pairs[::-1])


@given(METRICS, PAIRS)
def test_right_answers_alone_are_1(metric: SetMetric, pairs: list[tuple[str, str | None]]) -> None:
    assert (set_value(metric, pairs) == 1) == all(right == given for right, given in pairs)


def test_the_common_label_alone_does_not_help() -> None:
    pairs = [("a", "a")] * 90 + [("b", "a")] * 10
    assert set_value("balanced_accuracy", pairs) == 0.5
    assert set_value("macro_f1", pairs) == pytest.approx(0.474, abs=0.001)


@pytest.mark.parametrize("metric", SET_METRICS)
def test_the_interval_holds_the_value_and_narrows_with_more_examples(metric: SetMetric) -> None:
    few = [("a", "a")] * 12 + [("b", "b")] * 4 + [("b", "a"), ("a", None)]
    narrow, wide = (set_interval(metric, few * times) for times in (10, 1))
    for low, high in (narrow, wide):
        assert low < set_value(metric, few) < high
    assert narrow[1] - narrow[0] < (wide[1] - wide[0]) / 2
    assert set_interval(metric, few) == set_interval(metric, few[::-1])


@pytest.mark.parametrize("metric", SET_METRICS)
def test_nothing_is_sure_of_a_few_right_answers(metric: SetMetric) -> None:
    low, high = set_interval(metric, [("a", "a"), ("b", "b")])
    assert (low <= 0.5, high) == (True, 1)
    assert set_interval(metric, []) == (0, 1)
    assert set_value(metric, []) == 0


SETS = st.frozensets(st.sampled_from(["a", "b", "c"]))
SET_PAIRS = st.lists(st.tuples(SETS, st.none() | SETS), min_size=1, max_size=30)
OF_SETS = st.sampled_from(["macro_f1", "micro_f1"])


def written(pairs: list[tuple[frozenset[str], frozenset[str] | None]]) -> list[tuple[str, str | None]]:
    return [(json.dumps(sorted(right)), None if given is None else json.dumps(sorted(given))) for right, given in pairs]


@given(OF_SETS, SET_PAIRS)
def test_of_sets_of_labels_each_label_counts_for_itself(
    metric: SetMetric, pairs: list[tuple[frozenset[str], frozenset[str] | None]]
) -> None:
    named = [(right, given or frozenset()) for right, given in pairs]
    labels = sorted({label for right, _ in pairs for label in right})
    if not labels:
        return
    counts = {
        label: [sum(label in each for each in part) for part in zip(*named, strict=True)]
        + [sum(label in right and label in given for right, given in named)]
        for label in ("a", "b", "c")
    }
    if metric == "macro_f1":
        expected = sum(2 * counts[label][2] / sum(counts[label][:2]) for label in labels) / len(labels)
    else:
        expected = 2 * sum(each[2] for each in counts.values()) / sum(sum(each[:2]) for each in counts.values())
    value = set_value(metric, written(pairs), are_sets=True)
    assert value == pytest.approx(expected)
    low, high = set_interval(metric, written(pairs), are_sets=True)
    assert low <= value <= high


@pytest.mark.parametrize("metric", ["macro_f1", "micro_f1"])
def test_the_interval_of_sets_narrows_with_more_examples(metric: SetMetric) -> None:
    few = [(frozenset("ab"), frozenset("a")), (frozenset("b"), frozenset("b")), (frozenset(), frozenset("a"))] * 6
    narrow, wide = (set_interval(metric, written(few * times), are_sets=True) for times in (10, 1))
    assert narrow[1] - narrow[0] < (wide[1] - wide[0]) / 2
    assert set_value(metric, written([(frozenset(), frozenset())]), are_sets=True) == 1
