"""Writes the pages of what is kept: one that somebody asks for, or all of them beside the list of all runs."""

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from urllib.parse import quote

from gpo.datasets.registry import Datasets
from gpo.datasets.version import DatasetVersion
from gpo.errors import GpoError
from gpo.files import write_whole
from gpo.formatting import minute
from gpo.names import PRODUCTION
from gpo.production.decision import Decision
from gpo.production.decision_log import Production
from gpo.prompts.version import PromptRecord
from gpo.report.index_html import IndexEntry, IndexGroup, index_rows, write_index
from gpo.report.kept.comparison import comparison_ids, comparison_page, read_comparison
from gpo.report.kept.dataset import dataset_page
from gpo.report.kept.decision import claim_of, decision_page, tone_of
from gpo.report.kept.places import page_path, place_of_run
from gpo.report.kept.prompt import prompt_page

_MANY = 100
"""Decisions, the latest ones, that the list shows and links to."""


def write_prompt(home: Path, production: Production, name: str) -> Path:
    """Write the page of a prompt, and those of its latest decisions, which it links to.

    Raises:
        PromptError: there is no such prompt.
    """
    record = production.registry.record(name)
    decisions = production.decisions.list_decisions(name)
    # Of a run that was decided about twice, the page is of the later decision.
    for each in reversed(decisions[:_MANY]):
        _write_decision(home, each, record)
    return _written(page_path(home, "prompts", name), prompt_page(record, decisions, home))


def write_decision(home: Path, production: Production, decision: Decision) -> Path:
    """Write the page of a decision, and that of its prompt."""
    known = decision.prompt in production.registry.names()
    if known:
        write_prompt(home, production, decision.prompt)
    return _write_decision(home, decision, production.registry.record(decision.prompt) if known else None)


def write_dataset(home: Path, datasets: Datasets, production: Production, name: str) -> Path:
    """Write the page of a dataset.

    Raises:
        DatasetError: there is no such dataset.
    """
    versions = datasets.history(name)
    newest = versions[-1].version
    difference = datasets.diff(name, newest - 1, newest) if newest > 1 else None
    records = [production.registry.record(each) for each in production.registry.names()]
    return _written(page_path(home, "datasets", name), dataset_page(versions, difference, records))


def write_comparison(home: Path, identity: str) -> Path:
    """Write the page of a comparison.

    Raises:
        InputError: there is no such comparison.
    """
    return _written(page_path(home, "comparisons", identity), comparison_page(read_comparison(home, identity), home))


def write_all(home: Path, production: Production, datasets: Datasets) -> Path:
    """Write the pages of all that is kept, and the list of them with all runs; returns the list.

    What no page can be made of, as of rows that lie elsewhere, is listed without one.
    """
    records = [production.registry.record(name) for name in production.registry.names()]
    decisions, kept, ids = production.decisions.list_decisions()[:_MANY], datasets.all(), comparison_ids(home)
    for each in records:
        write_prompt(home, production, each.name)
    groups = [
        IndexGroup(
            "Prompts", ("Prompt", "Live", "Versions", "Last moved (UTC)"), [_of_prompt(each) for each in records]
        ),
        IndexGroup(
            "Decisions, the latest first",
            ("Run", "What became of it", "Prompt", "Alias", "On (UTC)"),
            [_of_decision(each, {record.name for record in records}) for each in decisions],
        ),
        IndexGroup(
            "Datasets",
            ("Dataset", "Version", "Rows", "Pushed (UTC)"),
            [_made(partial(write_dataset, home, datasets, production, each.name), _of_dataset(each)) for each in kept],
        ),
        IndexGroup(
            "Comparisons, the latest first",
            ("Comparison", "Of"),
            [_made(partial(write_comparison, home, each), _of_comparison(home, each)) for each in ids],
        ),
    ]
    return write_index(home, index_rows(home, production.history), [group for group in groups if group.entries])


def _made(write: Callable[[], Path], entry: IndexEntry) -> IndexEntry:
    """The entry, whose page is written; without a page where that cannot be."""
    try:
        write()
    except GpoError:
        return entry._replace(page="")
    return entry


def _of_prompt(record: PromptRecord) -> IndexEntry:
    live = record.aliases.get(PRODUCTION)
    cells = (
        f"version {live}" if live else "-",
        f"{len(record.versions):,}",
        minute(record.moves[-1].at) if record.moves else "-",
    )
    return IndexEntry(record.name, f"prompts/{record.name}.html", cells)


def _of_decision(decision: Decision, known: Collection[str]) -> IndexEntry:
    page = f"decisions/{quote(decision.run)}.html" if decision.prompt in known else ""
    cells = (claim_of(decision), decision.prompt, decision.alias, minute(decision.decided_at or decision.created_at))
    return IndexEntry(decision.run, page, cells, tone_of(decision))


def _of_dataset(version: DatasetVersion) -> IndexEntry:
    cells = (str(version.version), f"{version.rows:,}", minute(version.created_at))
    return IndexEntry(version.name, f"datasets/{version.name}.html", cells)


def _of_comparison(home: Path, identity: str) -> IndexEntry:
    try:
        title = read_comparison(home, identity).title
    except GpoError:
        title = "made by another version"
    return IndexEntry(identity, f"comparisons/{identity}.html", (title,))


def _write_decision(home: Path, decision: Decision, record: PromptRecord | None) -> Path:
    page = decision_page(decision, record, place_of_run(home, decision.run))
    return _written(page_path(home, "decisions", decision.run), page)


def _written(path: Path, page: str) -> Path:
    write_whole(path, page)
    return path
