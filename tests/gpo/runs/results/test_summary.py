"""What results come to: the counts add up, and the scores are those of the run."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.evaluation.scores import met_label
from gpo.records import Labels
from gpo.runs.results.result import RIGHT_FROM, Change, ExampleResult, change_of, results_of
from gpo.runs.results.summary import SHOWN, ResultSummary, summarize_results
from tests.support.results import BEST, LABELS, START, Value, example, sample, score_of

VALUE = st.sampled_from([None, -1.0, 0.0, 0.4, 1.0])
VALUES = st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=30)


def compared(values: list[tuple[Value, Value]]) -> list[ExampleResult]:
    """Results of the best prompt beside those of the start."""
    examples = [example(number) for number in range(len(values))]
    found = results_of(score_of(examples, [after for _, after in values]), examples, "test", BEST, "run")
    return [
        each._replace(
            before_text="" if before is None else "said",
            before_answer=None if before is None else sample(of, before).answer,
            before_score=None if before is None else max(before, 0.0),
            change=change_of(None if before is None else max(before, 0.0), each.score),
        )
        for each, of, (before, _) in zip(found, examples, values, strict=True)
    ]


def summary_of(values: list[tuple[Value, Value]], **options: object) -> ResultSummary:
    found = summarize_results(compared(values), before=START.id, labels=LABELS, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


@given(VALUES)
def test_the_four_cells_and_what_cannot_be_compared_are_all_examples(values: list[tuple[Value, Value]]) -> None:
    found = summary_of(values)
    assert sum(found.changes.values()) + found.uncompared == len(values)
    assert found.uncompared == sum(None in pair for pair in values)
    scored = [(max(a, 0.0), max(b, 0.0)) for a, b in values if a is not None and b is not None]
    right_before = sum(before >= RIGHT_FROM for before, _ in scored)
    right_after = sum(after >= RIGHT_FROM for _, after in scored)
    assert found.changes["broken"] + found.changes["both_right"] == right_before
    assert found.changes["fixed"] + found.changes["both_right"] == right_after
    assert right_after - right_before == found.changes["fixed"] - found.changes["broken"]
    assert set(found.changes) == set(get_args(Change))


@given(VALUES)
def test_the_scores_are_those_of_the_evaluation(values: list[tuple[Value, Value]]) -> None:
    found = summary_of(values)
    examples = [example(number) for number in range(len(values))]
    for measured, given_values in zip((found.before_score, found.after_score), zip(*values, strict=True), strict=True):
        score = score_of(examples, given_values)
        assert measured.score == pytest.approx(score.mean)
        assert (measured.low, measured.high) == pytest.approx(score.interval())
        assert (measured.n, measured.unread, measured.failed) == (score.n, score.unparsed, score.failed)


@given(VALUES)
def test_the_confusion_is_of_all_scored_examples(values: list[tuple[Value, Value]]) -> None:
    found = summary_of(values)
    assert found.confusion is not None
    counts = found.confusion.counts
    assert sum(map(sum, counts)) + sum(found.confusion.unread) == found.after_score.n
    assert sum(found.confusion.unread) == found.after_score.unread
    assert sum(counts[place][place] for place in range(len(LABELS))) == sum(
        value is not None and value > 0 for _, value in values
    )


@given(VALUES)
def test_a_measure_of_the_set_is_that_of_the_evaluation(values: list[tuple[Value, Value]]) -> None:
    found = summary_of(values, set_metric="macro_f1")
    pairs = {each.example: met_label(each.expected, each.answer) for each in compared(values) if each.score is not None}
    score = score_of([example(n) for n in range(len(values))], [after for _, after in values])
    measured = score.model_copy(update={"labels": Labels(metric="macro_f1", pairs=pairs)})
    assert found.after_score.score == pytest.approx(measured.mean)


def test_the_first_changed_examples_are_held_whole() -> None:
    found = summary_of([(0.0, 1.0), (1.0, 0.0)] * (SHOWN + 2))
    assert [each.example for each in found.broken] == ["r1", "r3", "r5"]
    assert [each.example for each in found.fixed] == ["r0", "r2", "r4"]
    assert found.histogram is None


def test_grades_make_a_histogram_and_free_answers_no_confusion() -> None:
    found = summarize_results(compared([(0.0, 0.4), (0.0, 1.0)]), before=START.id, labels=None)
    assert found is not None
    assert found.confusion is None
    assert found.histogram is not None
    assert sum(found.histogram.counts) == 2


def test_no_results_have_no_summary() -> None:
    assert summarize_results([], before=START.id, labels=None) is None
