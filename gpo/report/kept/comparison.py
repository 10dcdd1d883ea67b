"""The page of a comparison: which method does best, their learning curves, wins and losses, and every run."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from gpo.comparison.results import ALL_TASKS, Comparison
from gpo.comparison.tables import mean_curves
from gpo.errors import InputError
from gpo.formatting import count
from gpo.report.charts.methods import Curve, methods_svg
from gpo.report.comparison import (
    EXPLAINED_DUELS,
    WHOLE,
    best_mean,
    budget_table,
    cell_table,
    duel_table,
    explain_table,
    main_finding,
    summary_table,
)
from gpo.report.kept.places import place_of_run
from gpo.report.page.templates import fill_page

_ID = re.compile(r"[A-Za-z0-9_-]+")

_PANELS = 12
"""Tasks that have a picture of their own."""


def read_comparison(home: Path, identity: str) -> Comparison:
    """A comparison that was made in a state folder, by its id.

    Raises:
        InputError: there is none of this id, or another version wrote it.
    """
    path = home / "comparisons" / identity / WHOLE
    if not _ID.fullmatch(identity) or not path.is_file():
        known = ", ".join(comparison_ids(home)) or "none yet; `gpo compare` makes one"
        raise InputError(f"there is no comparison '{identity}' in {home}; there are: {known}")
    try:
        return Comparison.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError):
        raise InputError(f"{path} was written by another version; the same `gpo compare` writes it anew") from None


def comparison_ids(home: Path) -> list[str]:
    """The comparisons of a state folder that have results, the latest first."""
    found = (home / "comparisons").glob(f"*/{WHOLE}")
    return [path.parent.name for path in sorted(found, key=lambda each: -each.stat().st_mtime)]


def comparison_page(comparison: Comparison, home: Path) -> str:
    """The page of a comparison; its runs are links where they have a report."""
    several = len(comparison.tasks) > 1
    overall = ALL_TASKS if several else comparison.tasks[0].name
    names = [overall, *([task.name for task in comparison.tasks] if several else [])]
    lead, _, rest = main_finding(comparison).replace("**", "").partition(",")
    rows = cell_table(comparison.cells)
    return fill_page(
        "comparison.html.j2",
        kind="Comparison",
        title=comparison.title,
        comparison=comparison,
        claim=lead,
        detail=f",{rest}" if rest else "",
        failed=[f"{row.task}, {row.arm}, seed {row.seed}: {row.error}" for row in comparison.failed],
        pictures=_pictures(comparison, names[: 1 + _PANELS]),
        tables=[_summary(comparison, name) for name in names],
        best=[best_mean(comparison.summaries_of(name)) for name in names],
        explained=explain_table(comparison),
        duels=duel_table(comparison),
        explained_duels=EXPLAINED_DUELS,
        budgets=budget_table(comparison.tasks),
        runs=rows,
        places=[place_of_run(home, row.run_id) if row.run_id else None for row in comparison.cells],
        seeds=count(len(comparison.seeds), "seed"),
    )


def _summary(comparison: Comparison, name: str) -> object:
    return summary_table(comparison.summaries_of(name), name)


def _pictures(comparison: Comparison, names: list[str]) -> list[tuple[str, str]]:
    found = [
        (f"Best dev score against calls, {name}", methods_svg(_curves(comparison, name), comparison.reference))
        for name in names
    ]
    return [(name, picture) for name, picture in found if picture is not None]


def _curves(comparison: Comparison, task: str) -> Mapping[str, Curve]:
    """The mean curve of each method, without the points at which nothing changes."""
    if not comparison.curves:
        return {}
    table = mean_curves(comparison, task)
    found: dict[str, Curve] = {}
    for name in table.columns:
        points = [
            (int(calls), float(score))
            for calls, score in zip(table.index.to_numpy(), table[name].to_numpy(), strict=True)
        ]
        kept = [each for place, each in enumerate(points) if not place or each[1] > points[place - 1][1]]
        if points:
            found[str(name)] = kept if kept[-1] == points[-1] else [*kept, points[-1]]
    return found
