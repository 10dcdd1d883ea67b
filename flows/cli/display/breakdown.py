"""What a person sees behind a mean: how well each label is found, and how grades are spread."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console

from flows.cli.console import print_table
from gpo import formatting
from gpo.evaluation.breakdown import ConfusionMatrix, Histogram, LabelMeasures

_BAR = 40
_MISTAKES = 3
_UNREAD = "unread"


class Breakdown(NamedTuple):
    """What stands behind a mean: of answers with labels, of answers that are sets of labels, and of grades."""

    confusion: ConfusionMatrix | None
    per_label: Sequence[LabelMeasures]
    histogram: Histogram | None


def print_breakdown(console: Console, found: Breakdown) -> None:
    """The tables that there are, each below a blank line."""
    if found.confusion:
        console.print()
        _print_confusion(console, found.confusion)
    if found.per_label:
        console.print()
        print_table(console, _HEAD, [_measured(each) for each in found.per_label])
    if found.histogram:
        console.print()
        _print_histogram(console, found.histogram)


_HEAD = ["label", "n", "precision", "recall", "F1"]


def _measured(each: LabelMeasures) -> list[str]:
    shares = (_share(value) for value in (each.precision, each.recall, each.f1))
    return [formatting.one_line(each.label), f"{each.n:,}", *shares]


def _print_confusion(console: Console, found: ConfusionMatrix) -> None:
    """One label a line, with what it is most often taken for."""
    rows = [[*_measured(each), _taken_for(found, place)] for place, each in enumerate(found.measures)]
    print_table(console, [*_HEAD, "taken for"], rows)


def _print_histogram(console: Console, found: Histogram) -> None:
    """One part of the scale a line."""
    most = max(found.counts)
    rows = [
        [f"{low:.1f} to {high:.1f}", f"{number:,}", "#" * -(-_BAR * number // most)]
        for low, high, number in zip(found.edges, found.edges[1:], found.counts, strict=False)
    ]
    print_table(console, ["score", "n", ""], rows)


def breakdown_json(found: Breakdown) -> Mapping[str, Any]:
    """The fields of a breakdown in JSON; null, or an empty list, where there is none."""
    return {
        "confusion": found.confusion.model_dump(mode="json") if found.confusion else None,
        "per_label": [each.model_dump(mode="json") for each in found.per_label],
        "histogram": found.histogram.model_dump(mode="json") if found.histogram else None,
    }


def _share(value: float | None) -> str:
    return "-" if value is None else formatting.fraction(value)


def _taken_for(found: ConfusionMatrix, place: int) -> str:
    """The commonest wrong answers where this label is right: `negative 12, unread 1`."""
    wrong = [
        (number, formatting.one_line(label))
        for other, (label, number) in enumerate(zip(found.labels, found.counts[place], strict=True))
        if number and other != place
    ]
    if unread := found.unread[place]:
        wrong.append((unread, _UNREAD))
    wrong.sort(key=lambda each: -each[0])
    parts = [f"{label} {number:,}" for number, label in wrong[:_MISTAKES]]
    if rest := sum(number for number, _ in wrong[_MISTAKES:]):
        parts.append(f"others {rest:,}")
    return ", ".join(parts)
