"""The mean learning curves of a comparison: a line a method, each named at its end."""

from collections.abc import Iterable, Mapping, Sequence

from gpo.report.charts.canvas import Frame, document, dot, percent, score_scale, text, x_axis, y_axis

Curve = Sequence[tuple[int, float]]
"""Calls of the task model, and the best dev score after them."""

SHADES = 7
"""Lines that differ in look; further methods are grey."""

_GAP = 15.0
"""Pixels between two names at the right end."""


def methods_svg(curves: Mapping[str, Curve], reference: str, width: int = 720, height: int = 340) -> str | None:
    """The curves by method, as SVG for a page that has the style; None where there is none."""
    known = {name: curve for name, curve in curves.items() if curve}
    if not known:
        return None
    scores = [score for curve in known.values() for _, score in curve]
    spacing, low, high = score_scale(scores)
    frame = Frame(width, height, max(curve[-1][0] for curve in known.values()), low, high)
    looks = _looks(list(known), reference)
    parts = [*y_axis(frame, spacing, "Best dev score"), *x_axis(frame, "Calls of the task model")]
    for name in sorted(known, key=lambda each: each == reference):
        parts += _line(frame, known[name], looks[name], name)
    parts += _names(frame, known, looks)
    title = "Best dev score by calls: " + ", ".join(f"{name} {percent(curve[-1][1])}" for name, curve in known.items())
    return document(width, height, title, parts, style=False)


def _looks(names: Sequence[str], reference: str) -> dict[str, str]:
    others = [name for name in names if name != reference]
    found = {name: f"method{min(place, SHADES)}" for place, name in enumerate(others)}
    return {**found, reference: "method-reference"}


def _line(frame: Frame, curve: Curve, css: str, name: str) -> Iterable[str]:
    first = f"M{frame.x(curve[0][0]):.1f} {frame.y(curve[0][1]):.1f}"
    steps = "".join(f"H{frame.x(calls):.1f}V{frame.y(score):.1f}" for calls, score in curve[1:])
    yield f'<path class="method {css}" d="{first}{steps}"/>'
    calls, score = curve[-1]
    yield dot(frame.x(calls), frame.y(score), 3.5, f"end {css}", f"{name}: {percent(score)} after {calls:,} calls")


def _names(frame: Frame, curves: Mapping[str, Curve], looks: Mapping[str, str]) -> Iterable[str]:
    """The names at the ends of the lines, moved apart where they would lie on one another."""
    ends = sorted((frame.y(curve[-1][1]), name) for name, curve in curves.items())
    place = float("-inf")
    moved = []
    for y, name in ends:
        place = max(y, place + _GAP)
        moved.append((place, name))
    spare = max(0.0, moved[-1][0] - frame.bottom)
    for y, name in moved:
        css = "strong" if looks[name] == "method-reference" else looks[name]
        yield text(frame.right + 8, y - spare + 4, name[:16], css=f"name {css}")
