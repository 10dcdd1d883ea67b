"""The dev scores of a run by step as a picture, in SVG.

The picture has its own background and colours, because it is also shown where the style sheet of the page does not
reach it. What matters differs from the rest in shape and weight, not only in colour.
"""

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from gpo.records import Scored
from gpo.report.findings import best_is_start
from gpo.runs.outcome import Outcome, all_scored

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 104, 62, 46
_INSET = 20
_LABEL_GAP = 15
_SMALLEST_REACH = 0.12
"""Scores that the axis spans at least, so that chance does not look like progress."""

_CHARACTER = 6.1
"""Width of a character of the legend, on average, in pixels."""

_STYLE = """
.gpo-chart{font:11.5px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
.gpo-chart text{fill:#495057}
.gpo-chart .card{fill:#ffffff;stroke:#dee2e6}
.gpo-chart .grid{stroke:#e9ecef}
.gpo-chart .axis{stroke:#adb5bd}
.gpo-chart .start{stroke:#868e96;stroke-dasharray:4 4;fill:none}
.gpo-chart .course{stroke:#0b7285;stroke-width:2;stroke-linejoin:round;fill:none}
.gpo-chart .dot{fill:#868e96;stroke:#ffffff}
.gpo-chart .dropped{fill:#ffffff;stroke:#868e96;stroke-width:1.25}
.gpo-chart .best{fill:#0b7285;stroke:#ffffff;stroke-width:1.5}
.gpo-chart .ring{fill:none;stroke:#0b7285;stroke-width:1.5}
.gpo-chart .strong{fill:#0b7285;font-weight:600}
.gpo-chart .halo{paint-order:stroke;stroke:#ffffff;stroke-width:4px;stroke-linejoin:round}
@media (prefers-color-scheme:dark){
.gpo-chart text{fill:#ced4da}
.gpo-chart .card{fill:#1b1f24;stroke:#343a40}
.gpo-chart .grid{stroke:#2b3036}
.gpo-chart .axis{stroke:#5c636a}
.gpo-chart .start{stroke:#adb5bd}
.gpo-chart .course,.gpo-chart .ring{stroke:#3bc9db}
.gpo-chart .dot{fill:#868e96;stroke:#1b1f24}
.gpo-chart .dropped{fill:#1b1f24;stroke:#6c757d}
.gpo-chart .best{fill:#3bc9db;stroke:#1b1f24}
.gpo-chart .strong{fill:#3bc9db}
.gpo-chart .halo{stroke:#1b1f24}
}"""


@dataclass(frozen=True)
class _Frame:
    """Where steps and scores lie on the picture."""

    width: int
    height: int
    last_step: int
    low: float
    high: float

    @property
    def right(self) -> int:
        return self.width - _RIGHT

    @property
    def bottom(self) -> int:
        return self.height - _BOTTOM

    @property
    def step_width(self) -> float:
        return (self.right - _LEFT - 2 * _INSET) / max(self.last_step, 1)

    @property
    def radius(self) -> float:
        return min(4.0, max(2.5, self.step_width / 8))

    def x(self, step: int) -> float:
        return _LEFT + _INSET + step * self.step_width

    def y(self, score: float) -> float:
        return self.bottom - (score - self.low) / (self.high - self.low) * (self.bottom - _TOP)


def trajectory_svg(outcome: Outcome, width: int = 720, height: int = 300) -> str:
    """The dev score of every candidate by step, the best so far, and the start, as an SVG document.

    Hollow dots are candidates that the race dropped: their scores are of fewer examples.
    """
    scored = all_scored(outcome)
    spacing, low, high = _scale([item.score.mean for item in scored])
    last_step = max([step.number for step in outcome.history], default=0)
    frame = _Frame(width, height, last_step, low, high)
    parts = [
        f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        *_axes(frame, spacing),
        *_legend(frame, scored),
        *_lines(frame, outcome, scored),
        *_dots(frame, outcome, scored),
        *_end_labels(frame, outcome),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gpo-chart" role="img" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">\n<title>{escape(chart_title(outcome))}</title>\n'
        f"<style>{_STYLE}\n</style>\n{body}\n</svg>"
    )


def chart_title(outcome: Outcome) -> str:
    """What the picture shows, for those who cannot see it."""
    start, best, step = outcome.start.score.mean, outcome.best.score.mean, outcome.best.candidate.step
    end = "no candidate was better" if best_is_start(outcome) else f"best {_percent(best)} in step {step}"
    return f"Dev score by step: start {_percent(start)}, {end}"


def svg_data_uri(svg: str) -> str:
    """The picture as the address of an image."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _percent(score: float) -> str:
    return f"{round(100 * score, 1):g}%"


def _scale(scores: Sequence[float]) -> tuple[float, float, float]:
    """Distance of the grid lines and the ends of the score axis: round numbers around the scores, within 0..1."""
    widen = max(0.0, _SMALLEST_REACH - (max(scores) - min(scores))) / 2
    low, high = min(scores) - widen, max(scores) + widen
    spacing = next(size for size in (0.05, 0.1, 0.2, 0.25) if (min(high, 1.0) - max(low, 0.0)) / size <= 4.5)
    low = math.floor((low - spacing / 4) / spacing + 1e-9) * spacing
    high = math.ceil((high + spacing / 4) / spacing - 1e-9) * spacing
    return spacing, max(low, 0.0), min(high, 1.0)


def _text(x: float, y: float, content: str, anchor: str = "start", css: str = "") -> str:
    style = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(content)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _axes(frame: _Frame, spacing: float) -> Iterable[str]:
    for number in range(round((frame.high - frame.low) / spacing) + 1):
        score = frame.low + number * spacing
        y = frame.y(score)
        yield _line(_LEFT, y, frame.right, y, "grid" if number else "axis")
        yield _text(_LEFT - 8, y + 4, f"{round(100 * score)}%", "end")
    every = next((size for size in (1, 2, 5, 10, 20, 50, 100) if size * frame.step_width >= 24), 1000)
    for step in range(0, frame.last_step + 1, every):
        yield _line(frame.x(step), frame.bottom, frame.x(step), frame.bottom + 4, "axis")
        yield _text(frame.x(step), frame.bottom + 18, str(step), "middle")
    yield _text((_LEFT + frame.right) / 2, frame.height - 10, "Step", "middle")
    yield _text(14, 24, "Dev score")


def _legend(frame: _Frame, scored: Sequence[Scored]) -> Iterable[str]:
    """One line at the top right, written from its right end."""
    entries = [("start", "start"), ("course", "best so far")]
    if len(scored) > 1:
        entries.append(("dot", "candidate"))
    if any(not item.score.complete for item in scored):
        entries.append(("dropped", "dropped early"))
    right = frame.width - 16.0
    for css, name in reversed(entries):
        x = right - _CHARACTER * len(name)
        yield _text(x, 24, name)
        if css in ("start", "course"):
            yield _line(x - 28, 20, x - 6, 20, css)
            right = x - 44
        else:
            yield f'<circle class="{css}" cx="{x - 10:.1f}" cy="20" r="{frame.radius:g}"/>'
            right = x - 30


def _lines(frame: _Frame, outcome: Outcome, scored: Sequence[Scored]) -> Iterable[str]:
    start = outcome.start.score.mean
    yield _line(_LEFT, frame.y(start), frame.right, frame.y(start), "start")
    best, path = start, [f"M{frame.x(0):.1f} {frame.y(start):.1f}"]
    for step, items in groupby(scored, key=lambda item: item.candidate.step):
        top = max((item.score.mean for item in items if item.score.complete), default=best)
        if top > best:
            best = top
            path.append(f"H{frame.x(step):.1f}V{frame.y(best):.1f}")
    yield f'<path class="course" d="{"".join(path)}H{frame.right}"/>'


def _dots(frame: _Frame, outcome: Outcome, scored: Sequence[Scored]) -> Iterable[str]:
    best = outcome.best.candidate
    for _, items in groupby(scored, key=lambda item: item.candidate.step):
        # The best is placed first and drawn last: in the middle of its step, and never covered.
        group = sorted(items, key=lambda item: item.candidate.id != best.id)
        places = _places(frame, group)
        for item, (x, y) in reversed(list(zip(group, places, strict=True))):
            is_best = item.candidate.id == best.id
            css = "best" if is_best else "dot" if item.score.complete else "dropped"
            radius = frame.radius + 1 if is_best else frame.radius
            tip = f"{item.candidate.label}: {_percent(item.score.mean)} of {item.score.n} examples"
            yield f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"><title>{tip}</title></circle>'
    if not best_is_start(outcome):
        x, y = frame.x(best.step), frame.y(outcome.best.score.mean)
        yield f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="{frame.radius + 4.5:g}"/>'
        yield _text(x, y - 14, best.label, "middle", "strong halo")


def _places(frame: _Frame, group: Sequence[Scored]) -> list[tuple[float, float]]:
    """Where the dots of a step go: side by side where their scores are too close to tell them apart."""
    room = 0.42 * frame.step_width
    apart = 2 * frame.radius + 0.8
    offsets = [sign * n * apart for n in range(int(min(room, _INSET) / apart) + 1) for sign in ((1, -1) if n else (1,))]
    placed: list[tuple[float, float]] = []
    for item in group:
        x, y = frame.x(item.candidate.step), frame.y(item.score.mean)
        free = (offset for offset in offsets if all(math.dist((x + offset, y), p) >= apart - 0.01 for p in placed))
        # Where a step is too crowded, dots cover one another: the tables have the numbers.
        placed.append((x + next(free, 0.0), y))
    return placed


def _end_labels(frame: _Frame, outcome: Outcome) -> Iterable[str]:
    """Names of the two lines at their right ends, moved apart where they would overlap."""
    x, start, best = frame.right + 8, outcome.start.score.mean, outcome.best.score.mean
    start_y, best_y = frame.y(start), frame.y(best)
    if best_is_start(outcome):
        yield _text(x, start_y + 4, f"start {_percent(start)}", css="strong")
        return
    push = max(0.0, _LABEL_GAP - (start_y - best_y)) / 2
    yield _text(x, best_y - push + 4, f"best {_percent(best)}", css="strong")
    yield _text(x, start_y + push + 4, f"start {_percent(start)}")
