"""The dev scores of a run by step as a picture, in SVG, with a line from each prompt to the one it was made from."""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from gpo.records import Scored
from gpo.report.charts.canvas import (
    INSET,
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
from gpo.report.findings import best_is_start
from gpo.runs.outcome import Outcome, all_scored

_LABEL_GAP = 15
_Place = tuple[float, float]


def trajectory_svg(outcome: Outcome, width: int = 720, height: int = 300, *, style: bool = True) -> str:
    """The dev score of every candidate by step, the best so far, and the start, as an SVG document.

    Hollow dots are candidates that the race dropped: their scores are of fewer examples. A thin line leads from a
    prompt to that it was made from. Without `style` it is for a page that has the style.
    """
    scored = all_scored(outcome)
    spacing, low, high = score_scale([item.score.mean for item in scored])
    frame = Frame(width, height, max([step.number for step in outcome.history], default=0), low, high)
    places = _places_of(frame, outcome, scored)
    parts = [
        *y_axis(frame, spacing, "Dev score"),
        *x_axis(frame, "Step"),
        *legend(width, frame.radius, _entries(scored)),
        *_kin(scored, places),
        *_lines(frame, outcome, scored),
        *_dots(frame, outcome, scored, places),
        *_end_labels(frame, outcome),
    ]
    return document(width, height, chart_title(outcome), parts, style=style)


def chart_title(outcome: Outcome) -> str:
    """What the picture shows, for those who cannot see it."""
    start, best, step = outcome.start.score.mean, outcome.best.score.mean, outcome.best.candidate.step
    end = "no candidate was better" if best_is_start(outcome) else f"best {percent(best)} in step {step}"
    return f"Dev score by step: start {percent(start)}, {end}"


def svg_data_uri(svg: str) -> str:
    """The picture as the address of an image."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _entries(scored: Sequence[Scored]) -> list[tuple[str, str]]:
    entries = [("start", "start"), ("course", "best so far")]
    if len(scored) > 1:
        entries += [("kin", "made from"), ("dot", "candidate")]
    if any(not item.score.complete for item in scored):
        entries.append(("dropped", "dropped early"))
    return entries


def _kin(scored: Sequence[Scored], places: Mapping[str, _Place]) -> Iterable[str]:
    for item in scored:
        parent = places.get(item.candidate.parent or "")
        if parent is not None:
            yield line(*parent, *places[item.candidate.id], "kin")


def _lines(frame: Frame, outcome: Outcome, scored: Sequence[Scored]) -> Iterable[str]:
    start = outcome.start.score.mean
    yield line(LEFT, frame.y(start), frame.right, frame.y(start), "start")
    best, path = start, [f"M{frame.x(0):.1f} {frame.y(start):.1f}"]
    for step, items in groupby(scored, key=lambda item: item.candidate.step):
        top = max((item.score.mean for item in items if item.score.complete), default=best)
        if top > best:
            best = top
            path.append(f"H{frame.x(step):.1f}V{frame.y(best):.1f}")
    yield f'<path class="course" d="{"".join(path)}H{frame.right}"/>'


def _places_of(frame: Frame, outcome: Outcome, scored: Sequence[Scored]) -> dict[str, _Place]:
    """Where each candidate's dot goes, by id. The best is placed first, so that it is in the middle of its step."""
    found: dict[str, _Place] = {}
    for _, items in groupby(scored, key=lambda item: item.candidate.step):
        group = sorted(items, key=lambda item: item.candidate.id != outcome.best.candidate.id)
        found |= {item.candidate.id: place for item, place in zip(group, _side_by_side(frame, group), strict=True)}
    return found


def _dots(frame: Frame, outcome: Outcome, scored: Sequence[Scored], places: Mapping[str, _Place]) -> Iterable[str]:
    best = outcome.best.candidate
    # The best is drawn last: it is never covered.
    for item in sorted(scored, key=lambda item: item.candidate.id == best.id):
        is_best = item.candidate.id == best.id
        css = "best" if is_best else "dot" if item.score.complete else "dropped"
        tip = f"{item.candidate.label}: {percent(item.score.mean)} of {item.score.n} examples"
        yield dot(*places[item.candidate.id], frame.radius + is_best, css, tip)
    if not best_is_start(outcome):
        x, y = frame.x(best.step), frame.y(outcome.best.score.mean)
        yield dot(x, y, frame.radius + 4.5, "ring")
        yield text(x, y - 14, best.label, "middle", "strong halo")


def _side_by_side(frame: Frame, group: Sequence[Scored]) -> list[_Place]:
    """Where the dots of a step go: side by side where their scores are too close to tell them apart."""
    room = 0.42 * frame.unit
    apart = 2 * frame.radius + 0.8
    offsets = [sign * n * apart for n in range(int(min(room, INSET) / apart) + 1) for sign in ((1, -1) if n else (1,))]
    placed: list[_Place] = []
    for item in group:
        x, y = frame.x(item.candidate.step), frame.y(item.score.mean)
        free = (offset for offset in offsets if all(math.dist((x + offset, y), p) >= apart - 0.01 for p in placed))
        # Where a step is too crowded, dots cover one another: the tables have the numbers.
        placed.append((x + next(free, 0.0), y))
    return placed


def _end_labels(frame: Frame, outcome: Outcome) -> Iterable[str]:
    """Names of the two lines at their right ends, moved apart where they would overlap."""
    x, start, best = frame.right + 8, outcome.start.score.mean, outcome.best.score.mean
    start_y, best_y = frame.y(start), frame.y(best)
    if best_is_start(outcome):
        yield text(x, start_y + 4, f"start {percent(start)}", css="strong")
        return
    push = max(0.0, _LABEL_GAP - (start_y - best_y)) / 2
    yield text(x, best_y - push + 4, f"best {percent(best)}", css="strong")
    yield text(x, start_y + push + 4, f"start {percent(start)}")
