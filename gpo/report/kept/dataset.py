"""The page of a dataset: its newest version, what changed from version to version, its labels, and who uses it."""

from collections.abc import Sequence
from typing import NamedTuple

from gpo.datasets.changes import DatasetDifference
from gpo.datasets.version import DatasetVersion
from gpo.formatting import minute, shorten
from gpo.prompts.version import PromptRecord
from gpo.report.dataset import row_text
from gpo.report.kept.places import PageLink, place_of
from gpo.report.page.facts import Command
from gpo.report.page.numbers import PlainTable
from gpo.report.page.templates import fill_page

_SHOWN = 60
"""Versions, and labels, that the page shows."""


class LabelBar(NamedTuple):
    """The rows of a label: how many, their share of all in percent, and that of the version before, None if unknown."""

    label: str
    rows: int
    share: float
    before: float | None


class UsedBy(NamedTuple):
    """A version of a prompt that was measured on a version of the dataset."""

    prompt: PageLink
    version: int
    data: str
    test: str


def dataset_page(
    versions: Sequence[DatasetVersion], difference: DatasetDifference | None, prompts: Sequence[PromptRecord]
) -> str:
    """The page; `versions` are all of them, the first one first, `difference` what the newest changed."""
    newest = versions[-1]
    bars = _bars(newest)
    return fill_page(
        "dataset.html.j2",
        kind="Dataset",
        title=newest.name,
        newest=newest,
        versions=len(versions),
        claim=f"Version {newest.version}: {newest.rows:,} rows",
        detail=_detail(newest),
        tiles=_tiles(newest),
        bars=bars[:_SHOWN],
        bars_left=max(0, len(bars) - _SHOWN),
        history=_history(versions),
        examples=[] if difference is None else _examples(difference),
        used=_used(newest.name, prompts),
        commands=_commands(newest),
    )


def _detail(newest: DatasetVersion) -> str:
    who = f" by {newest.who}" if newest.who else ""
    note = f": {newest.note}" if newest.note else ""
    return f", pushed {minute(newest.created_at)} UTC{who}{note}"


def _tiles(newest: DatasetVersion) -> list[tuple[str, str, str]]:
    fields, changes = newest.fields, newest.changes
    return [
        ("Rows", f"{newest.rows:,}", f"from {shorten(newest.source)}" if newest.source else ""),
        ("Changed", f"{changes.total:,}", f"{changes.added:,} added, {changes.removed:,} removed"),
        ("Input", ", ".join(fields.input), "what the prompt is given"),
        ("Right answer", fields.reference, f"{len(newest.labels):,} labels" if newest.labels else "no labels"),
    ]


def _bars(newest: DatasetVersion) -> list[LabelBar]:
    labels, before = newest.labels or {}, newest.labels_before or {}
    total, old = sum(labels.values()), sum(before.values())
    names = sorted({*labels, *before}, key=lambda label: (-labels.get(label, 0), label))
    return [
        LabelBar(
            name,
            labels.get(name, 0),
            100 * labels.get(name, 0) / total if total else 0.0,
            100 * before.get(name, 0) / old if old else None,
        )
        for name in names
    ]


def _history(versions: Sequence[DatasetVersion]) -> PlainTable:
    head = ("Version", "Pushed (UTC)", "Rows", "Added", "Removed", "Relabelled", "Edited", "By", "Note")
    rows = [
        (
            str(each.version),
            minute(each.created_at),
            *(f"{n:,}" for n in (each.rows, *_counts(each))),
            each.who,
            shorten(each.note or each.source),
        )
        for each in reversed(versions[-_SHOWN:])
    ]
    left = len(versions) - _SHOWN
    caption = "Versions, the latest first" + (f"; {left:,} earlier ones are not shown" if left > 0 else "")
    return PlainTable(caption, head, rows, numeric=range(2, 7))


def _counts(version: DatasetVersion) -> tuple[int, int, int, int]:
    changes = version.changes
    return changes.added, changes.removed, changes.relabelled, changes.edited


def _examples(found: DatasetDifference) -> list[PlainTable]:
    """A few rows of each kind of change."""
    relabelled = [(shorten(row_text(each.inputs)), each.before, each.after) for each in found.relabelled]
    tables = [
        PlainTable("Relabelled, some of them", ("Input", "Before", "Now"), relabelled, numeric=()),
        PlainTable("Added, some of them", ("Row",), [(shorten(row_text(row)),) for row in found.added], numeric=()),
        PlainTable("Removed, some of them", ("Row",), [(shorten(row_text(row)),) for row in found.removed], numeric=()),
    ]
    return [table for table in tables if table.rows]


def _used(name: str, prompts: Sequence[PromptRecord]) -> list[UsedBy]:
    """The versions of prompts that were measured on the dataset, the latest of each prompt."""
    found = []
    for record in prompts:
        for version in reversed(record.versions):
            lineage = version.lineage
            if lineage is not None and lineage.dataset.name == name and lineage.test is not None:
                data = f"version {lineage.dataset.version}" if lineage.dataset.version else "-"
                test = f"{lineage.test.value:.3f}"
                found.append(UsedBy(place_of("prompts", record.name), version.version, data, test))
                break
    return found


def _commands(newest: DatasetVersion) -> list[Command]:
    name, number = newest.name, newest.version
    found = [Command("Some of its rows", f"gpo dataset show {name}@{number} --rows 5")]
    if number > 1:
        found.append(Command("What the newest version changed", f"gpo dataset diff {name} {number - 1} {number}"))
    return [*found, Command("Its rows as a file", f"gpo dataset export {name}@{number} {name}.jsonl")]
