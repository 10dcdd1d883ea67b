"""The method's learning rate, seen: how many words each proposal changed, before and after the step's budget."""

import math
from collections.abc import Iterable
from itertools import groupby

from gpo.records import Candidate
from gpo.report.charts.canvas import Frame, document, dot, legend, text, x_axis, y_axis
from gpo.runs.outcome import Outcome

_AT_MOST = 200
"""Words that the axis shows: a proposal that rewrites a long prompt would flatten all others."""


def distances_svg(outcome: Outcome, width: int = 720, height: int = 260) -> str | None:
    """Budget, proposed and kept distance to the parent by step, for a page that has the style; None of no proposal."""
    candidates = [item.candidate for step in outcome.history for item in step.scored]
    candidates += [
        trial.candidate
        for step in outcome.history
        for trial in step.trials
        if trial.candidate.id not in {item.candidate.id for item in step.scored}
    ]
    if not candidates:
        return None
    budgets = {step.number: step.budget for step in outcome.history if step.budget is not None}
    top = max([*budgets.values(), *(each.proposed_distance for each in candidates), 4])
    spacing = next(size for size in (1, 2, 5, 10, 20, 50) if min(top, _AT_MOST) / size <= 5)
    high = math.ceil(min(top, _AT_MOST) / spacing) * spacing
    frame = Frame(width, height, outcome.history[-1].number, 0.0, float(high))
    entries = [("limit", "allowed")] if budgets else []
    entries += [("dropped", "proposed"), ("best", "kept")]
    parts = [
        *y_axis(frame, spacing, "Words changed", of_scores=False),
        *x_axis(frame, "Step"),
        *legend(width, 3.5, entries),
        *_limit(frame, budgets),
        *_marks(frame, candidates),
    ]
    if not budgets:
        parts.append(text(frame.right + 8, frame.bottom - 4, "no word budget"))
    return document(width, height, "Words that each proposal changed, by step", parts, style=False)


def _limit(frame: Frame, budgets: dict[int, int]) -> Iterable[str]:
    path = [
        f"{'M' if number == min(budgets) else 'L'}{frame.x(number - 0.4):.1f} {_y(frame, budget):.1f}"
        f"H{frame.x(number + 0.4):.1f}"
        for number, budget in sorted(budgets.items())
    ]
    if path:
        yield f'<path class="limit" d="{"".join(path)}"/>'


def _marks(frame: Frame, candidates: list[Candidate]) -> Iterable[str]:
    for step, group in groupby(
        sorted(candidates, key=lambda each: (each.step, each.number)), key=lambda each: each.step
    ):
        found = list(group)
        for place, each in enumerate(found, start=1):
            x = frame.x(step - 0.35 + 0.7 * place / (len(found) + 1))
            tip = f"{each.label}: {each.proposed_distance} words proposed, {each.distance} kept"
            if each.proposed_distance > each.distance:
                yield dot(x, _y(frame, each.proposed_distance), 3.0, "dropped", tip)
            yield dot(x, _y(frame, each.distance), 3.5, "best", tip)


def _y(frame: Frame, words: float) -> float:
    return frame.y(min(words, frame.high))
