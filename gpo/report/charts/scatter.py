"""The map of a run: its prompts in two dimensions of their embeddings, coloured by dev score."""

from collections.abc import Iterable, Mapping, Sequence

from gpo.records import Scored
from gpo.report.charts.canvas import SHADES, document, dot, legend, percent, text
from gpo.runs.outcome import Outcome, all_scored

_FEWEST = 3
"""Prompts that a map needs: of fewer, two dimensions say nothing."""

_MANY = 80
"""Prompts beyond which the spots are smaller."""

_EDGE, _HEAD, _FOOT = 36, 56, 40


def map_svg(
    outcome: Outcome, vectors: Mapping[str, Sequence[float]], width: int = 720, height: int = 380
) -> str | None:
    """Prompts that are alike lie near one another; a line follows the current prompt from step to step.

    `vectors` are the embeddings by candidate id. For a page that has the style; None where too few are known.
    """
    scored = [item for item in all_scored(outcome) if item.candidate.id in vectors]
    known = {item.candidate.id: item for item in scored}
    if len(known) < _FEWEST:
        return None
    flat = _flatten([vectors[name] for name in known])
    places = dict(zip(known, _fit(flat, width, height), strict=True))
    parts = [
        *legend(width, 4.0, [("line", "current prompt, step by step"), ("shade1", "low score"), ("shade5", "high")]),
        text(14, 24, "Prompts by likeness"),
        *_spots(list(known.values()), places),
        *_path(outcome, places),
        *_names(outcome, places),
        text(
            width / 2,
            height - 14,
            "near: alike; the two directions in which prompts differ most",
            "middle",
        ),
    ]
    return document(width, height, f"Map of {len(known)} prompts by their embeddings", parts, style=False)


def _flatten(vectors: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """The first two principal components. Their signs are fixed, so that equal runs have equal maps."""
    import numpy as np  # noqa: PLC0415 - comes with the index, late like it

    rows = np.asarray(vectors, dtype=float)
    rows -= rows.mean(axis=0)
    # Of the products of the rows: there are as many rows as prompts, and vectors may be much longer.
    sizes, axes = np.linalg.eigh(rows @ rows.T)
    flat = axes[:, -2:][:, ::-1] * np.sqrt(np.maximum(sizes[-2:][::-1], 0.0))
    flat *= np.where(flat[np.abs(flat).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    return [(float(x), float(y)) for x, y in flat]


def _fit(points: Sequence[tuple[float, float]], width: int, height: int) -> list[tuple[float, float]]:
    """The points on the picture, alike in both directions."""
    xs, ys = zip(*points, strict=True)
    across, up = width - 2 * _EDGE, height - _HEAD - _FOOT - 12
    scale = min(across / max(max(xs) - min(xs), 1e-9), up / max(max(ys) - min(ys), 1e-9))
    middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return [(width / 2 + (x - middle_x) * scale, _HEAD + 6 + up / 2 - (y - middle_y) * scale) for x, y in points]


def _path(outcome: Outcome, places: Mapping[str, tuple[float, float]]) -> Iterable[str]:
    currents = [*(step.current_id for step in outcome.history), outcome.best.candidate.id]
    way = [places[name] for name in currents if name in places]
    if len(way) > 1:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in way)
        yield f'<polyline class="line" points="{points}"/>'


def _spots(scored: Sequence[Scored], places: Mapping[str, tuple[float, float]]) -> Iterable[str]:
    scores = [item.score.mean for item in scored]
    low, reach = min(scores), max(max(scores) - min(scores), 1e-9)
    radius = 5.0 if len(scored) <= _MANY else 3.0
    for item in sorted(scored, key=lambda item: item.score.mean):
        shade = min(SHADES - 1, int((item.score.mean - low) / reach * SHADES))
        tip = f"{item.candidate.label}: {percent(item.score.mean)} of {item.score.n} examples"
        yield dot(*places[item.candidate.id], radius, f"spot shade{shade}", tip)


def _names(outcome: Outcome, places: Mapping[str, tuple[float, float]]) -> Iterable[str]:
    named = {outcome.start.candidate.id: "start", outcome.best.candidate.id: f"best, {outcome.best.candidate.label}"}
    for name, label in named.items():
        if name in places:
            x, y = places[name]
            yield dot(x, y, 8.5, "ring")
            yield text(x, y - 14, label, "middle", "strong halo")
