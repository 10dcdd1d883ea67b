"""A new version of a dataset as Markdown, for an artifact of the Prefect UI."""

from collections.abc import Mapping, Sequence
from typing import Any

from gpo import formatting
from gpo.datasets.changes import DatasetDifference
from gpo.datasets.version import DatasetVersion, LabelShift
from gpo.report.markdown import inline, pipe_table


def version_markdown(version: DatasetVersion, difference: DatasetDifference | None, text: str) -> str:
    """The counts of changes, the shift of labels and a few changed rows; `text` is the announcement, which comes last.

    `difference` is None for the first version of a dataset.
    """
    changes = version.changes
    counts = pipe_table(
        ["rows", "added", "removed", "relabelled", "edited"],
        [[f"{n:,}" for n in (version.rows, changes.added, changes.removed, changes.relabelled, changes.edited)]],
        range(5),
    )
    parts = [f"# {inline(version.name)} version {version.version}", f"From {inline(version.source)}.", counts]
    if difference is not None:
        parts += _shift(difference.shift)
        parts += _rows("Added", difference.added) + _rows("Removed", difference.removed)
        if difference.relabelled:
            rows = [
                [inline(formatting.shorten(row_text(each.inputs))), inline(each.before), inline(each.after)]
                for each in difference.relabelled
            ]
            parts += ["## Relabelled", pipe_table(["input", "before", "after"], rows)]
    return "\n\n".join([*parts, inline(text)])


def _shift(shift: Sequence[LabelShift]) -> list[str]:
    if not shift:
        return []
    rows = [[inline(each.label), f"{each.before:.1%}", f"{each.after:.1%}"] for each in shift]
    return ["## Labels", pipe_table(["label", "before", "after"], rows, (1, 2))]


def _rows(title: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    listed = "\n".join(f"- {inline(formatting.shorten(row_text(row)))}" for row in rows)
    return [f"## {title}", listed] if rows else []


def row_text(row: Mapping[str, Any]) -> str:
    """A row on one line, with the names of its fields."""
    return "; ".join(f"{field}: {value}" for field, value in row.items())
