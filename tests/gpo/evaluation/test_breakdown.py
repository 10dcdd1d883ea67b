"""What stands behind a mean: confusion and histogram, against a count by hand and the measures of the set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.evaluation.breakdown import BINS, confusion_matrix, histogram
from gpo.set_metrics import set_value

LABELS = ["a", "b", "c"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from([*LABELS, None])), max_size=40)


@given(PAIRS)
def test_every_pair_is_in_one_cell(pairs: list[tuple[str, str | None]]) -> None:
    found = confusion_matrix(pairs, LABELS)
    assert sum(map(sum, found.counts)) + sum(found.unread) == len(pairs)
    for place, label in enumerate(LABELS):
        right = [given for name, given in pairs if name == label]
        assert found.measures[place].n == len(right) == sum(found.counts[place]) + found.unread[place]
        assert found.counts[place] == tuple(right.count(other) for other in LABELS)


@given(PAIRS.filter(bool))
def test_the_measures_of_labels_are_those_behind_the_measure_of_the_set(
    pairs: list[tuple[str, str | None]],
) -> None:
    of_right = [each for each in confusion_matrix(pairs, LABELS).measures if each.n]
    for metric, values in (
        ("macro_f1", [each.f1 for each in of_right]),
        ("balanced_accuracy", [each.recall for each in of_right]),
    ):
        known = [value for value in values if value is not None]
        assert len(known) == len(of_right)
        assert sum(known) / len(known) == pytest.approx(set_value(metric, pairs))  # type: ignore[arg-type]


def test_labels_come_in_their_order_and_unknown_ones_after_them() -> None:
    found = confusion_matrix([("b", "z"), ("y", "a")], ["b", "a"])
    assert found.labels == ("b", "a", "y", "z")
    measures = {each.label: (each.n, each.precision, each.recall, each.f1) for each in found.measures}
    assert measures == {"b": (1, None, 0.0, 0.0), "a": (0, 0.0, None, 0.0), "y": (1, None, 0, 0), "z": (0, 0, None, 0)}


@given(st.lists(st.floats(0, 1)).filter(lambda values: any(value not in (0, 1) for value in values)))
def test_every_grade_is_in_the_part_of_the_scale_that_holds_it(values: list[float]) -> None:
    found = histogram(values)
    assert found is not None
    assert sum(found.counts) == len(values)
    for low, high, number in zip(found.edges, found.edges[1:], found.counts, strict=False):
        inside = [value for value in values if low + 1e-6 < value < high - 1e-6]
        assert number >= len(inside)


def test_tenths_belong_to_the_part_above_them() -> None:
    found = histogram([place / 10 for place in range(11)])
    assert found is not None
    assert found.counts == (1,) * (BINS - 1) + (2,)


def test_right_and_wrong_alone_make_no_histogram() -> None:
    assert histogram([0.0, 1.0, 1.0]) is None
    assert histogram([]) is None
