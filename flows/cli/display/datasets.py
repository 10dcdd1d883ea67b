"""What a person sees of datasets: tables on a terminal, plain lines with tabs in a pipe."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from flows.cli.console import format_time, print_table
from gpo import formatting
from gpo.datasets.changes import DatasetDifference
from gpo.datasets.content import OnProgress
from gpo.datasets.version import Changes, DatasetVersion, LabelShift, Pushed, label_shift

_LABELS = 12
_SHIFTED = 0.0005


def version_json(version: DatasetVersion) -> Mapping[str, Any]:
    """A version in JSON: all of it but what only the machine needs."""
    return version.model_dump(mode="json", exclude={"stamp"})


def pushed_text(pushed: Pushed) -> str:
    """What a push came to."""
    version = pushed.version
    if not pushed.is_new:
        return (
            f"{version.name}: nothing changed, version {version.version} of {version.created_at} has exactly these"
            f" {formatting.count(version.rows, 'row')}"
        )
    fields = ", ".join(f"`{field}`" for field in version.fields.input)
    rows = formatting.count(version.rows, "row")
    lines = [f"{version.name} version {version.version}: {rows} ({changes_text(version.changes)})"]
    if version.version == 1:
        identifier = f", id `{version.fields.id}`" if version.fields.id else ""
        lines.append(f"input {fields}, reference `{version.fields.reference}`{identifier}")
        lines.append(f"labels: {_shares(version.labels)}")
    elif shift := shift_text(label_shift(version.labels_before, version.labels)):
        lines.append(f"labels: {shift}")
    return "\n".join(lines)


def changes_text(changes: Changes) -> str:
    """How many rows changed in which way."""
    parts = [f"{count:,} {kind}" for kind, count in changes.model_dump().items() if count]
    return ", ".join(parts) or "the same rows"


def shift_text(shift: Sequence[LabelShift]) -> str:
    """The labels whose share changed."""
    moved = [each for each in shift if abs(each.after - each.before) >= _SHIFTED]
    parts = [f"{formatting.one_line(each.label)} {each.before:.1%} -> {each.after:.1%}" for each in moved[:_LABELS]]
    more = [f"and {len(moved) - _LABELS} more"] if len(moved) > _LABELS else []
    return ", ".join([*parts, *more])


def print_datasets(console: Console, versions: Sequence[DatasetVersion]) -> None:
    """The newest version of each dataset, one a line."""
    rows = [
        [
            each.name,
            str(each.version),
            str(each.rows),
            changes_text(each.changes),
            format_time(console, each.created_at),
            formatting.one_line(each.who),
            formatting.one_line(each.note),
        ]
        for each in versions
    ]
    print_table(console, ["dataset", "version", "rows", "changes", "pushed (UTC)", "who", "note"], rows)


def print_version(
    console: Console, version: DatasetVersion, sample: Sequence[Mapping[str, Any]], history: Sequence[DatasetVersion]
) -> None:
    """One version: what it holds, where it comes from, a few rows, and the versions there are."""
    facts = {
        "dataset": f"{version.name} version {version.version}",
        "rows": f"{version.rows:,}",
        "input": ", ".join(version.fields.input),
        "reference": version.fields.reference,
        "id": version.fields.id or "",
        "fields": ", ".join(version.columns),
        "labels": _shares(version.labels),
        "shift": shift_text(label_shift(version.labels_before, version.labels)),
        "changes": changes_text(version.changes),
        "source": version.source,
        "pushed": f"{version.created_at} by {version.who}",
        "note": version.note,
        "digest": version.digest[:12],
    }
    for label, value in facts.items():
        if value:
            console.print(Text.assemble((f"{label:<10}", "dim"), formatting.one_line(value)), soft_wrap=True)
    console.print()
    for row in sample:
        console.print(Text(formatting.shorten(_row_text(row))), soft_wrap=True)
    if len(history) > 1:
        console.print()
        print_datasets(console, history)


def print_difference(console: Console, difference: DatasetDifference) -> None:
    """What differs: counts, the label shift, and a few rows of each kind."""
    head = f"{difference.name}: version {difference.a} to version {difference.b}: {changes_text(difference.changes)}"
    console.print(Text(head, style="bold"), soft_wrap=True)
    if shift := shift_text(difference.shift):
        console.print(Text(f"labels: {shift}"), soft_wrap=True)
    for sign, style, rows in (("+", "green", difference.added), ("-", "red", difference.removed)):
        for row in rows:
            console.print(Text(f"{sign} {formatting.shorten(_row_text(row))}", style=style), soft_wrap=True)
    for each in difference.relabelled:
        labels = f"{formatting.one_line(each.before)} -> {formatting.one_line(each.after)}"
        text = f"~ {labels}  {formatting.shorten(_row_text(each.inputs))}"
        console.print(Text(text, style="yellow"), soft_wrap=True)


@contextmanager
def show_push(console: Console) -> Iterator[OnProgress]:
    """Show how far a push is, where a person sits before it."""
    with console.status("reading") as status:
        yield lambda what, rows: status.update(f"{what} {formatting.count(rows, 'row')}")


def _shares(labels: Mapping[str, int] | None) -> str:
    if not labels:
        return "too many different references to count"
    total = sum(labels.values())
    parts = [
        f"{formatting.one_line(label)} {count:,} ({count / total:.1%})"
        for label, count in list(labels.items())[:_LABELS]
    ]
    more = [f"and {len(labels) - _LABELS} more"] if len(labels) > _LABELS else []
    return ", ".join([*parts, *more])


def _row_text(row: Mapping[str, Any]) -> str:
    return formatting.printable(json.dumps(row, ensure_ascii=False))
