"""What the pictures of a report share: the frame, axes, texts, legend and style.

A picture has its own background and colours, because it is also shown where the style sheet of a page does not reach
it. What matters differs from the rest in shape and weight, not only in colour.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT, TOP, BOTTOM = 52, 104, 62, 46
INSET = 20
_SMALLEST_REACH = 0.12
"""Scores that an axis spans at least, so that chance does not look like progress."""

_CHARACTER = 6.1
"""Width of a character of the legend, on average, in pixels."""

SHADES = 6
"""Classes of colour for scores, `shade0` the lowest."""

_SHADES_LIGHT = ("#cfe3e8", "#a5cfd8", "#74b5c3", "#3f96a8", "#0b7285", "#07414c")
_SHADES_DARK = ("#21444c", "#2a6470", "#2f8796", "#35a9bb", "#3bc9db", "#c5f6fa")


_LINES_LIGHT = ("#d55e00", "#00795a", "#a3447c", "#8a6100", "#2670a8", "#495057", "#8c6d31", "#868e96")
_LINES_DARK = ("#ff9d5c", "#4fd6a9", "#eaa0cb", "#f2c14e", "#8cc8f2", "#ced4da", "#d3b06a", "#868e96")
_DASHES = ("none", "7 3", "2 3", "9 3 2 3", "4 4", "12 4", "1 4", "none")


def _lines(colours: Sequence[str]) -> str:
    """What lines of methods look like: they differ in dashes as well as in colour."""
    names = (f".gpo-chart .method{number}" for number in range(len(colours)))
    return "".join(
        f"{name}{{stroke:{colour}}}\n{name}.name{{fill:{colour};stroke:none}}\n"
        for name, colour in zip(names, colours, strict=True)
    )


def _dashes() -> str:
    marks = (f".gpo-chart .method.method{number}{{stroke-dasharray:{dash}}}" for number, dash in enumerate(_DASHES))
    return "\n".join(marks)


def _shades(colours: Sequence[str]) -> str:
    return "".join(f".gpo-chart .shade{number}{{fill:{colour}}}\n" for number, colour in enumerate(colours))


STYLE = f"""
.gpo-chart{{font:11.5px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}}
.gpo-chart text{{fill:#495057}}
.gpo-chart .card{{fill:#ffffff;stroke:#dee2e6}}
.gpo-chart .grid{{stroke:#e9ecef}}
.gpo-chart .axis{{stroke:#adb5bd}}
.gpo-chart .start{{stroke:#868e96;stroke-dasharray:4 4;fill:none}}
.gpo-chart .course{{stroke:#0b7285;stroke-width:2;stroke-linejoin:round;fill:none}}
.gpo-chart .limit{{stroke:#b35c00;stroke-width:1.5;fill:none}}
.gpo-chart .kin{{stroke:#ced4da;fill:none}}
.gpo-chart .line{{stroke:#0b7285;stroke-width:1.5;stroke-dasharray:2 3;fill:none}}
.gpo-chart .dot{{fill:#868e96;stroke:#ffffff}}
.gpo-chart .dropped{{fill:#ffffff;stroke:#868e96;stroke-width:1.25}}
.gpo-chart .best{{fill:#0b7285;stroke:#ffffff;stroke-width:1.5}}
.gpo-chart .ring{{fill:none;stroke:#0b7285;stroke-width:1.5}}
.gpo-chart .strong{{fill:#0b7285;font-weight:600}}
.gpo-chart .halo{{paint-order:stroke;stroke:#ffffff;stroke-width:4px;stroke-linejoin:round}}
.gpo-chart .spot{{stroke:#5c636a;stroke-width:.75}}
.gpo-chart .method{{stroke-width:1.6;stroke-linejoin:round;fill:none}}
.gpo-chart .method-reference{{stroke:#0b7285;stroke-width:2.8}}
.gpo-chart .end{{fill:#ffffff;stroke-width:1.6}}
{_dashes()}
{_lines(_LINES_LIGHT)}{_shades(_SHADES_LIGHT)}@media (prefers-color-scheme:dark){{
.gpo-chart text{{fill:#ced4da}}
.gpo-chart .card{{fill:#1b1f24;stroke:#343a40}}
.gpo-chart .grid{{stroke:#2b3036}}
.gpo-chart .axis{{stroke:#5c636a}}
.gpo-chart .start{{stroke:#adb5bd}}
.gpo-chart .course,.gpo-chart .ring,.gpo-chart .line{{stroke:#3bc9db}}
.gpo-chart .limit{{stroke:#ffb454}}
.gpo-chart .kin{{stroke:#495057}}
.gpo-chart .dot{{fill:#868e96;stroke:#1b1f24}}
.gpo-chart .dropped{{fill:#1b1f24;stroke:#6c757d}}
.gpo-chart .best{{fill:#3bc9db;stroke:#1b1f24}}
.gpo-chart .strong{{fill:#3bc9db}}
.gpo-chart .halo{{stroke:#1b1f24}}
.gpo-chart .spot{{stroke:#ced4da}}
.gpo-chart .method-reference{{stroke:#3bc9db}}
.gpo-chart .end{{fill:#1b1f24}}
{_lines(_LINES_DARK)}{_shades(_SHADES_DARK)}}}"""


@dataclass(frozen=True)
class Frame:
    """Where values lie on a picture: `last` is the greatest on the x axis, which begins at 0."""

    width: int
    height: int
    last: int
    low: float
    high: float

    @property
    def right(self) -> int:
        """Where the axis ends."""
        return self.width - RIGHT

    @property
    def bottom(self) -> int:
        """Where the x axis lies."""
        return self.height - BOTTOM

    @property
    def unit(self) -> float:
        """Pixels of one unit of the x axis."""
        return (self.right - LEFT - 2 * INSET) / max(self.last, 1)

    @property
    def radius(self) -> float:
        """Of a dot, where dots stand at each unit."""
        return min(4.0, max(2.5, self.unit / 8))

    def x(self, value: float) -> float:
        """The place of a value on the x axis."""
        return LEFT + INSET + value * self.unit

    def y(self, value: float) -> float:
        """The place of a value on the y axis."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - TOP)


def document(width: int, height: int, title: str, parts: Iterable[str], *, style: bool = True) -> str:
    """The whole picture. Without `style` it is for a page that has the style already."""
    card = f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>'
    body = "\n".join([card, *parts])
    sheet = f"<style>{STYLE}\n</style>\n" if style else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gpo-chart" role="img" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">\n<title>{escape(title)}</title>\n{sheet}{body}\n</svg>'
    )


def percent(score: float) -> str:
    """A score as axes and tips have it."""
    return f"{round(100 * score, 1):g}%"


def score_scale(scores: Sequence[float]) -> tuple[float, float, float]:
    """Distance of the grid lines and the ends of an axis of scores: round numbers around them, within 0..1."""
    widen = max(0.0, _SMALLEST_REACH - (max(scores) - min(scores))) / 2
    low, high = min(scores) - widen, max(scores) + widen
    spacing = next(size for size in (0.05, 0.1, 0.2, 0.25) if (min(high, 1.0) - max(low, 0.0)) / size <= 4.5)
    low = math.floor((low - spacing / 4) / spacing + 1e-9) * spacing
    high = math.ceil((high + spacing / 4) / spacing - 1e-9) * spacing
    return spacing, max(low, 0.0), min(high, 1.0)


def text(x: float, y: float, content: str, anchor: str = "start", css: str = "") -> str:
    """A text, escaped."""
    style = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """A straight line."""
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def dot(x: float, y: float, radius: float, css: str, tip: str = "") -> str:
    """A dot, with a tip where it has one."""
    title = f"<title>{escape(tip)}</title>" if tip else ""
    return f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}">{title}</circle>'


def y_axis(frame: Frame, spacing: float, name: str, *, of_scores: bool = True) -> Iterable[str]:
    """Grid lines with their values, and what they are of."""
    for number in range(round((frame.high - frame.low) / spacing) + 1):
        value = frame.low + number * spacing
        y = frame.y(value)
        yield line(LEFT, y, frame.right, y, "grid" if number else "axis")
        yield text(LEFT - 8, y + 4, f"{round(100 * value)}%" if of_scores else f"{value:g}", "end")
    yield text(14, 24, name)


def x_axis(frame: Frame, name: str) -> Iterable[str]:
    """Marks at round numbers, as many as have room, and what they are of."""
    room = max(24, _CHARACTER * len(f"{frame.last:,}") + 14)
    sizes = (factor * 10**power for power in range(10) for factor in (1, 2, 5))
    every = next(size for size in sizes if size * frame.unit >= room)
    for value in range(0, frame.last + 1, every):
        yield line(frame.x(value), frame.bottom, frame.x(value), frame.bottom + 4, "axis")
        yield text(frame.x(value), frame.bottom + 18, f"{value:,}", "middle")
    yield text((LEFT + frame.right) / 2, frame.height - 10, name, "middle")


def legend(width: int, radius: float, entries: Sequence[tuple[str, str]]) -> Iterable[str]:
    """One line at the top right, written from its right end: class and name of each mark."""
    right = width - 16.0
    for css, name in reversed(entries):
        x = right - _CHARACTER * len(name)
        yield text(x, 24, name)
        if css in ("start", "course", "limit", "kin", "line"):
            yield line(x - 28, 20, x - 6, 20, css)
            right = x - 44
        else:
            yield dot(x - 10, 20, radius, css)
            right = x - 36
