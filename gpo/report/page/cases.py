"""The examples of the test split on the page: what was asked, what is right, and what both prompts got."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gpo.evaluation.breakdown import ConfusionMatrix, LabelMeasures
from gpo.formatting import fraction
from gpo.report.page.material import byte_size, take_within
from gpo.runs.results.proved import LabelTable, ProvedExamples
from gpo.runs.results.result import Change, ExampleResult

SHOWN_OF_TEXT = 1200
"""Characters of an input, an answer or a proposal that the page shows."""

_ROOM = 260_000
"""Bytes that the examples may take on the page; what is beyond is in a file beside it."""

_MARKUP = 700
"""Bytes of an example without its texts, about."""

CHANGES: Mapping[Change, str] = {
    "broken": "broken",
    "fixed": "fixed",
    "both_wrong": "wrong with both",
    "both_right": "right with both",
}
_ALONE: Mapping[Change, str] = {**CHANGES, "both_wrong": "wrong", "both_right": "right"}
_NOT_COMPARED = "without a score"


class CaseCard(NamedTuple):
    """One example. `kind` is a word for the script, `change` one for people."""

    kind: str
    change: str
    result: ExampleResult


class CaseSection(NamedTuple):
    """The examples that fit the page, how many more there are, and how many are of each kind."""

    cards: Sequence[CaseCard] = ()
    left_out: int = 0
    kinds: Sequence[tuple[str, str, int]] = ()


class LabelSection(NamedTuple):
    """A table of labels: a caption, its head, its rows, and for each cell whether it is on the diagonal."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_matrix: bool


def case_section(examples: ProvedExamples, *, stays: bool) -> CaseSection:
    """The section of examples; `stays` where there is only the start."""
    names = _ALONE if stays else CHANGES
    taken, left = take_within(examples.shown, _size, _ROOM)
    cards = [
        CaseCard(each.change or "missing", names[each.change] if each.change else _NOT_COMPARED, each) for each in taken
    ]
    counted = [(kind, names[kind], number) for kind, number in examples.counts.items() if number]
    order: Sequence[str] = list(CHANGES)
    missing = examples.total - sum(examples.counts.values())
    kinds = sorted(counted, key=lambda each: order.index(each[0]))
    return CaseSection(
        cards,
        left + examples.total - len(examples.shown),
        [*kinds, *([("missing", _NOT_COMPARED, missing)] if missing else [])],
    )


def _size(result: ExampleResult) -> int:
    texts = (*result.input.values(), *result.expected, result.text, result.before_text or "", result.feedback)
    return _MARKUP + sum(byte_size(text[:SHOWN_OF_TEXT]) for text in texts)


def label_sections(examples: ProvedExamples, *, stays: bool) -> list[LabelSection]:
    """The tables of labels, of the start and of the best; none where answers are no labels."""
    named = [("Start", examples.before), *([] if stays else [("Best", examples.after)])]
    return [section for name, table in named if (section := _labels(name, table))]


def _labels(name: str, table: LabelTable) -> LabelSection | None:
    if table.confusion is not None:
        return _matrix(name, table.confusion)
    if table.per_label:
        return LabelSection(
            f"{name}: labels", ("Label", "n", "Precision", "Recall", "F1"), _measures(table.per_label), False
        )
    return None


def _matrix(name: str, found: ConfusionMatrix) -> LabelSection:
    has_unread = any(found.unread)
    rows = [
        (label, *map(str, counts), *([str(unread)] if has_unread else []))
        for label, counts, unread in zip(found.labels, found.counts, found.unread, strict=True)
    ]
    head = ("Right answer", *found.labels, *(["unread"] if has_unread else []))
    return LabelSection(f"{name}: what was answered, where each is right", head, rows, True)


def _measures(rows: Sequence[LabelMeasures]) -> list[tuple[str, ...]]:
    def cell(value: float | None) -> str:
        return "-" if value is None else fraction(value, 2)

    return [(each.label, str(each.n), cell(each.precision), cell(each.recall), cell(each.f1)) for each in rows]
