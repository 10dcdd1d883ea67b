"""The test scores of a prompt's versions, with their intervals."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gpo.report.charts.canvas import (
    LEFT,
    Frame,
    document,
    dot,
    legend,
    line,
    percent,
    score_scale,
    text,
    y_axis,
)


class VersionPoint(NamedTuple):
    """One version: its test score with the 95% interval, and whether it is live, or measured on the data of that."""

    number: int
    score: float
    low: float
    high: float
    is_live: bool
    is_comparable: bool


def versions_svg(points: Sequence[VersionPoint], width: int = 720, height: int = 260) -> str | None:
    """The scores by version, as SVG for a page that has the style; None where fewer than two were measured."""
    if len(points) < 2:
        return None
    spacing, low, high = score_scale([bound for point in points for bound in (point.low, point.high)])
    first, last = points[0].number, points[-1].number
    frame = Frame(width, height, last - first, low, high)
    entries = [("best", "live"), ("dot", "measured"), ("dropped", "on other data")]
    known = [each for each in entries if each[0] != "dropped" or not all(point.is_comparable for point in points)]
    parts = [
        *y_axis(frame, spacing, "Test score"),
        *(text(frame.x(n - first), frame.bottom + 18, str(n), "middle") for n in _ticks(first, last)),
        text((LEFT + frame.right) / 2, frame.height - 10, "Version", "middle"),
        *legend(width, 4.0, known),
        *(mark for point in points for mark in _marks(frame, point, first)),
    ]
    title = "Test scores with 95% intervals: " + ", ".join(
        f"version {point.number} {percent(point.score)}" for point in points
    )
    return document(width, height, title, parts, style=False)


def _ticks(first: int, last: int) -> range:
    """The versions that are named: all of a few, else about ten."""
    return range(first, last + 1, max(1, -(-(last - first + 1) // 12)))


def _marks(frame: Frame, point: VersionPoint, first: int) -> Iterable[str]:
    x, y = frame.x(point.number - first), frame.y(point.score)
    yield line(x, frame.y(point.low), x, frame.y(point.high), "axis")
    css = "best" if point.is_live else "dot" if point.is_comparable else "dropped"
    tip = f"version {point.number}: {percent(point.score)}, {percent(point.low)} to {percent(point.high)}"
    yield dot(x, y, 6.0 if point.is_live else 4.5, css, tip)
    if point.is_live:
        yield text(max(x, LEFT) + 10, y - 8, percent(point.score), css="strong halo")
