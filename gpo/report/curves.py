"""The learning curves of a comparison as a picture: best dev score against task-model calls spent.

Needs matplotlib, which the extra `plot` brings. Colours are those of Okabe and Ito, which colour-blind eyes tell apart;
every line is named at its end, and the reference is drawn stronger.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from gpo.comparison.results import ALL_TASKS, Comparison
from gpo.comparison.tables import mean_curves
from gpo.formatting import count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

INSTALL = "the picture of the learning curves needs matplotlib: `pip install 'gpo-pipeline[plot]'`"

_REFERENCE = "#0072B2"
_OTHERS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
_GREY = "#B8BEC4"
_INK, _SOFT, _LINE = "#212529", "#5C636A", "#E3E6E9"
_COLUMNS = 3


def can_plot() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


@dataclass(frozen=True)
class _Look:
    """How a panel is drawn: the colour of each method, the one with the thicker line, the size of letters in points."""

    colours: Mapping[str, str]
    strong: str
    points: float

    def is_named(self, method: str) -> bool:
        return self.colours[method] != _GREY

    def width(self, method: str) -> float:
        return 2.6 if method == self.strong else 1.5

    def order(self, method: str) -> tuple[bool, bool]:
        """What is drawn later lies above."""
        return method == self.strong, self.is_named(method)


def curves_picture(comparison: Comparison, kind: Literal["png", "svg"] = "png") -> bytes:
    """One panel for all tasks together, and a smaller one for each task; PNG or SVG.

    Raises:
        ImportError: matplotlib is missing.
        ValueError: no run has finished.
    """
    # Half a second, and an extra.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    if not comparison.curves:
        raise ValueError("no run has finished: there is nothing to draw")
    tasks = [task.name for task in comparison.tasks if any(point.task == task.name for point in comparison.curves)]
    rows = math.ceil(len(tasks) / _COLUMNS) if len(comparison.tasks) > 1 else 0
    scope = ALL_TASKS if rows else tasks[0]
    colours = _colours(comparison, mean_curves(comparison, scope))
    with mpl.rc_context({"font.family": "DejaVu Sans", "svg.hashsalt": comparison.id}):
        # A figure of its own, without pyplot, draws with Agg and leaves no state behind.
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12, hspace=0.04)
        figure = Figure(figsize=(9.6, 4.6 + 2.7 * rows), dpi=160, layout=layout, facecolor="white")
        grid = figure.add_gridspec(1 + rows, _COLUMNS, height_ratios=[4.6, *([2.7] * rows)])
        title = f"Best dev score, mean of {count(len(comparison.seeds), 'seed')}: {scope}"
        panels = [(figure.add_subplot(grid[0, :]), scope, title, 9.0)]
        for number, task in enumerate(tasks if rows else ()):
            place = grid[1 + number // _COLUMNS, number % _COLUMNS]
            panels.append((figure.add_subplot(place), task, task, 8.0))
        for axes, task, heading, points in panels:
            look = _Look(colours, comparison.reference, points)
            _panel(axes, mean_curves(comparison, task), heading, look)
        out = io.BytesIO()
        # Without the date, equal comparisons make equal files.
        figure.savefig(out, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return out.getvalue()


def _colours(comparison: Comparison, curves: "pd.DataFrame") -> Mapping[str, str]:
    """A colour a method; where there are more methods than colours, the best of them have one and the rest are grey."""
    names = [arm.name for arm in comparison.arms if arm.name != comparison.reference]
    if len(names) > len(_OTHERS) and not curves.empty:
        final = _ends(curves)
        names.sort(key=lambda name: -final.get(name, 0.0))
    coloured = dict(zip(names, _OTHERS, strict=False))
    return {**dict.fromkeys(names, _GREY), **coloured, comparison.reference: _REFERENCE}


def _ends(curves: "pd.DataFrame") -> dict[str, float]:
    """The last score of each method."""
    return {str(name): float(score) for name, score in curves.iloc[-1].items()}


def _panel(axes: "Axes", curves: "pd.DataFrame", title: str, look: _Look) -> None:
    axes.set_title(title, loc="left", fontsize=look.points + 2, fontweight="bold", color=_INK, pad=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_SOFT)
    axes.grid(axis="y", color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_SOFT, labelsize=look.points, length=3)
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    axes.set_xlabel("Task-model calls spent", fontsize=look.points, color=_SOFT)
    if curves.empty:
        axes.text(0.5, 0.5, "no result", transform=axes.transAxes, ha="center", color=_SOFT, fontsize=look.points)
        return
    first, last = float(curves.index[0]), float(curves.index[-1])
    # A little further than the last call, so that what came with it can be seen.
    end = last + max(1.0, 0.015 * (last - first))
    for name in sorted(curves.columns, key=look.order):
        calls, scores = [*curves.index, end], curves[name].to_list()
        style: dict[str, Any] = {"color": look.colours[name], "linewidth": look.width(name)}
        axes.step(calls, [*scores, scores[-1]], where="post", **style)
    axes.set_xlim(first, end)
    low, high = float(curves.to_numpy().min()), float(curves.to_numpy().max())
    if high - low < 0.02:  # level lines stand in the middle of a scale that does not magnify nothing
        low, high = max(0.0, low - 0.05), min(1.0, high + 0.05)
    room = high - low
    axes.set_ylim(low - 0.06 * room, high + 0.08 * room)
    _label_ends(axes, {name: end for name, end in _ends(curves).items() if look.is_named(name)}, look)


def _label_ends(axes: "Axes", ends: Mapping[str, float], look: _Look) -> None:
    """Names to the right of the lines, moved apart where they would overlap, each joined to its line."""
    from matplotlib.transforms import ScaledTranslation  # noqa: PLC0415 - an extra

    low, high = axes.get_ylim()
    height = axes.get_window_extent().height * 72 / axes.figure.dpi  # in points
    gap = 1.25 * look.points / height * (high - low)
    beside = axes.get_yaxis_transform()
    outside = beside + ScaledTranslation(1.8 * look.points / 72, 0, axes.figure.dpi_scale_trans)
    names = sorted(ends, key=lambda name: ends[name])
    for name, place in zip(names, spread_apart([ends[name] for name in names], gap, low, high), strict=True):
        axes.annotate(
            f"{name} {100 * ends[name]:.1f}%",
            xy=(1.0, ends[name]),
            xycoords=beside,
            xytext=(1.0, place),
            textcoords=outside,
            va="center",
            color=_INK,
            fontsize=look.points,
            fontweight="bold" if name == look.strong else "normal",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": look.colours[name],
                "linewidth": look.width(name),
                "relpos": (0.0, 0.5),
                "shrinkA": 2.0,
                "shrinkB": 0.0,
            },
        )


def spread_apart(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Ascending values moved apart by at least `gap`, as little as need be, within `low` and `high` if there is room.

    >>> spread_apart([1.0, 1.0, 5.0], gap=1.0, low=0.0, high=9.0)
    [0.5, 1.5, 5.0]
    """
    groups: list[tuple[float, int]] = []  # middle, and how many share it
    for value in values:
        middle, size = value, 1
        while groups and middle - groups[-1][0] < gap * (size + groups[-1][1]) / 2:
            other, others = groups.pop()
            middle, size = (middle * size + other * others) / (size + others), size + others
            half = gap * (size - 1) / 2
            middle = max(min(middle, high - half), low + half)
        groups.append((middle, size))
    return [middle + gap * (place - (size - 1) / 2) for middle, size in groups for place in range(size)]
