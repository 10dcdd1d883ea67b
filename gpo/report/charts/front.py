"""The Pareto front of a run: the score of every prompt against what it takes, and those that no other beats."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gpo.report.charts.canvas import Frame, document, dot, legend, percent, score_scale, text, x_axis, y_axis
from gpo.runs.outcome import Outcome, all_scored
from gpo.search.objectives.front import Standpoint, standpoints
from gpo.spec.search.objectives import Objective
from gpo.spec.task import TaskSpec


class _Axis(NamedTuple):
    """What an axis shows, and by how much its values are multiplied to be whole numbers."""

    name: str
    scale: float


_AXES: dict[Objective, _Axis] = {
    "words": _Axis("Words of the instruction", 1.0),
    "latency": _Axis("Milliseconds a call", 1000.0),
    "cost": _Axis("Cost of a million calls", 1000.0),
}


def front_charts(spec: TaskSpec, outcome: Outcome) -> list[tuple[str, str]]:
    """A picture with its name for each objective beside the score; none where the score alone counts."""
    every = standpoints(spec, all_scored(outcome), {}) if outcome.front else []
    names = [name for name in _AXES if outcome.front and name in outcome.front[0].values]
    return [(f"The front: dev score against {name}", _front_svg(outcome, every, name)) for name in names]


def _front_svg(
    outcome: Outcome, every: Sequence[Standpoint], name: Objective, width: int = 720, height: int = 300
) -> str:
    axis = _AXES[name]
    shown = [each for each in every if each.values.get(name) is not None]
    spacing, low, high = score_scale([each.values["score"] or 0.0 for each in shown] or [0.0])
    most = max((_place(each, name) for each in shown), default=1.0)
    frame = Frame(width, height, max(1, round(most)), low, high)
    front = {each.candidate.id for each in outcome.front}
    parts = [
        *y_axis(frame, spacing, "Dev score"),
        *x_axis(frame, axis.name),
        *legend(width, 4.0, [("best", "on the front"), ("dropped", "beaten by another"), ("ring", "goes to the gate")]),
        *_dots(frame, shown, front, outcome.best.candidate.id, name),
    ]
    title = f"Dev score against {name}: {len(front)} prompts that no other beats"
    return document(width, height, title, parts, style=False)


def _dots(frame: Frame, shown: Iterable[Standpoint], front: set[str], best: str, name: Objective) -> Iterable[str]:
    for each in sorted(shown, key=lambda each: each.candidate.id in front):
        x, y = frame.x(_place(each, name)), frame.y(each.values["score"] or 0.0)
        tip = f"{each.candidate.label}: {percent(each.values['score'] or 0.0)}, {name} {each.values[name]:.4g}"
        yield dot(x, y, 4.0, "best" if each.candidate.id in front else "dropped", tip)
        if each.candidate.id == best:
            yield dot(x, y, 8.5, "ring")
            yield text(x, y - 14, each.candidate.label, "middle", "strong halo")


def _place(each: Standpoint, name: Objective) -> float:
    return (each.values[name] or 0.0) * _AXES[name].scale
