"""What the results of a prompt come to, beside those of the prompt before it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from pydantic import Field

from gpo.evaluation.breakdown import (
    ConfusionMatrix,
    Histogram,
    LabelMeasures,
    confusion_matrix,
    histogram,
    label_measures,
)
from gpo.evaluation.scores import met_label
from gpo.records import Record
from gpo.runs.results.result import Change, ExampleResult
from gpo.set_metrics import Labelled, SetMetric, mean_interval, set_interval, set_value

SHOWN = 3
"""Examples of each kind that a summary shows in full."""


class MeasuredPrompt(Record):
    """What one prompt scored on a split: `score` is the mean, or the measure of the set, `low` to `high` its interval.

    Of `n` scored examples `unread` had an answer that could not be read; `failed` more have no score.
    """

    score: float
    low: float
    high: float
    n: int
    unread: int
    failed: int


class ResultSummary(Record):
    """What became of the examples of a split from the prompt `before` to the prompt `after`, candidates' ids.

    `changes` counts the examples that both have a score of: fixed, broken, both right, both wrong. `uncompared` are
    the others. The four and `uncompared` together are all examples that `after` was tried on. `confusion` is there
    where an answer is a label, `per_label` where it is a set of them, `histogram` where scores are grades; all of
    `after`.
    """

    run: str
    split: str
    before: str
    after: str
    before_score: MeasuredPrompt
    after_score: MeasuredPrompt
    set_metric: SetMetric | None = None
    changes: dict[Change, int]
    uncompared: int
    confusion: ConfusionMatrix | None = None
    per_label: tuple[LabelMeasures, ...] = ()
    histogram: Histogram | None = None
    broken: tuple[ExampleResult, ...] = Field(default=(), repr=False)
    fixed: tuple[ExampleResult, ...] = Field(default=(), repr=False)


class _Mark(NamedTuple):
    """What counts of one result: its score, None where the call failed, and its labels."""

    score: float | None
    right: str
    given: str | None


def summarize_results(
    results: Iterable[ExampleResult],
    *,
    before: str,
    labels: Sequence[str] | None,
    set_metric: SetMetric | None = None,
) -> ResultSummary | None:
    """The summary of all results of one prompt on one split, compared with the prompt `before`; None of no results.

    They are gone through once, and only the first broken and fixed ones are held. `labels` are those that answers
    choose among, None where there are none.
    """
    changes: Counter[Change | None] = Counter()
    shown: dict[Change | None, list[ExampleResult]] = {"broken": [], "fixed": []}
    after_marks: list[_Mark] = []
    before_marks: list[_Mark] = []
    last = None
    for last in results:
        changes[last.change] += 1
        if last.change in shown and len(shown[last.change]) < SHOWN:
            shown[last.change].append(last)
        after_marks.append(_mark(last, last.score, last.answer))
        if last.before_text is not None:
            before_marks.append(_mark(last, last.before_score, last.before_answer))
    if last is None:
        return None
    pairs = [(mark.right, mark.given) for mark in after_marks if mark.score is not None]
    are_sets = has_sets(last, labels)
    confusion, per_label = break_down(pairs, labels, are_sets=are_sets)
    return ResultSummary(
        run=last.run,
        split=last.split,
        before=before,
        after=last.prompt,
        before_score=_measured(before_marks, set_metric, are_sets=are_sets),
        after_score=_measured(after_marks, set_metric, are_sets=are_sets),
        set_metric=set_metric,
        changes={change: changes[change] for change in get_args(Change)},
        uncompared=changes[None],
        confusion=confusion,
        per_label=per_label,
        histogram=histogram(mark.score for mark in after_marks if mark.score is not None),
        broken=tuple(shown["broken"]),
        fixed=tuple(shown["fixed"]),
    )


def has_sets(result: ExampleResult, labels: Sequence[str] | None) -> bool:
    """Whether answers are sets of the labels: then what is right is none of them."""
    return labels is not None and result.expected[0] not in labels


def break_down(
    pairs: Iterable[Labelled], labels: Sequence[str] | None, *, are_sets: bool
) -> tuple[ConfusionMatrix | None, tuple[LabelMeasures, ...]]:
    """What labels are taken for which others or, of sets of labels, how well each is found; nothing without labels."""
    if labels is None:
        return None, ()
    return (None, label_measures(pairs, labels)) if are_sets else (confusion_matrix(pairs, labels), ())


def _mark(result: ExampleResult, score: float | None, answer: str | None) -> _Mark:
    return _Mark(score, *met_label(result.expected, answer))


def _measured(marks: Sequence[_Mark], metric: SetMetric | None, *, are_sets: bool) -> MeasuredPrompt:
    scored = [mark for mark in marks if mark.score is not None]
    values = [mark.score for mark in scored if mark.score is not None]
    if metric is None:
        mean, (low, high) = sum(values) / len(values) if values else 0.0, mean_interval(values)
    else:
        pairs = [(mark.right, mark.given) for mark in scored]
        mean = set_value(metric, pairs, are_sets=are_sets)
        low, high = set_interval(metric, pairs, are_sets=are_sets)
    unread = sum(mark.given is None for mark in scored)
    return MeasuredPrompt(score=mean, low=low, high=high, n=len(scored), unread=unread, failed=len(marks) - len(scored))
