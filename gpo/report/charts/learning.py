"""The learning curve: the best dev score so far against the calls of the task model that it took."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from gpo.records import Score, Usage
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
    x_axis,
    y_axis,
)
from gpo.runs.outcome import Outcome


class ScoredPoint(NamedTuple):
    """One scored prompt: after how many task-model calls its score was known, and the best score by then."""

    label: str
    calls: int
    score: float
    best: float
    is_whole: bool


def curve_points(outcome: Outcome) -> list[ScoredPoint]:
    """The scored prompts in the order of the run. Calls that the ledger answered count as those that were paid for."""
    points: list[ScoredPoint] = []
    calls, best = 0, 0.0
    begun = [(0, [outcome.start]), (0, list(outcome.earlier))]
    taken = [(step.usage.get("task", Usage()).calls, list(step.scored)) for step in outcome.history]
    for cases, scored in (*begun, *taken):
        calls += cases
        for item in scored:
            calls += _calls_of(item.score)
            best = max(best, item.score.mean) if item.score.complete else best
            points.append(ScoredPoint(item.candidate.label, calls, item.score.mean, best, item.score.complete))
    return points


def learning_svg(outcome: Outcome, width: int = 720, height: int = 280) -> str:
    """The curve, as SVG for a page that has the style."""
    points = curve_points(outcome)
    spacing, low, high = score_scale([point.score for point in points])
    frame = Frame(width, height, points[-1].calls, low, high)
    entries = [("start", "start"), ("course", "best so far"), ("dot", "scored prompt")]
    parts = [
        *y_axis(frame, spacing, "Dev score"),
        *x_axis(frame, "Calls of the task model"),
        *legend(width, 3.0, entries),
        line(LEFT, frame.y(points[0].score), frame.right, frame.y(points[0].score), "start"),
        *_curve(frame, points),
    ]
    title = f"Learning curve: dev score {percent(points[0].best)} after {points[0].calls:,} calls of the task model, "
    title += f"{percent(points[-1].best)} after {points[-1].calls:,}"
    return document(width, height, title, parts, style=False)


def _curve(frame: Frame, points: Sequence[ScoredPoint]) -> Iterable[str]:
    path = [f"M{frame.x(points[0].calls):.1f} {frame.y(points[0].best):.1f}"]
    for before, point in pairwise(points):
        if point.best > before.best:
            path.append(f"H{frame.x(point.calls):.1f}V{frame.y(point.best):.1f}")
    yield f'<path class="course" d="{"".join(path)}H{frame.right}"/>'
    for point in points:
        tip = f"{point.label}: {percent(point.score)} after {point.calls:,} calls"
        yield dot(frame.x(point.calls), frame.y(point.score), 3.0, "dot" if point.is_whole else "dropped", tip)
    yield text(frame.right + 8, frame.y(points[-1].best) + 4, f"best {percent(points[-1].best)}", css="strong")


def _calls_of(score: Score) -> int:
    """Calls for a score; outcomes of versions that did not count them had one for each example."""
    return score.usage["task"].calls if "task" in score.usage else score.n + score.failed
