"""The list of all runs of a state folder as one HTML page beside their reports."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from gpo import formatting
from gpo.files import write_whole
from gpo.report import findings
from gpo.report.gate import DECISIONS
from gpo.report.page.material import report_path
from gpo.report.page.templates import fill_page
from gpo.runs.history import History, RunRow
from gpo.runs.outcome import Outcome


class NumberCell(NamedTuple):
    """A number as it is shown, and as it is sorted by."""

    text: str = "-"
    order: float = -1.0


class IndexRow(NamedTuple):
    """One run. `page` is the address of its report, empty where there is none; `tone` is a class of the style sheet."""

    started: str
    task: str
    run: str
    page: str
    verdict: str
    tone: str
    gain: NumberCell
    dev: NumberCell
    calls: NumberCell
    cost: NumberCell


def index_rows(home: Path, history: History) -> Iterator[IndexRow]:
    """A row for each run, the latest start first.

    Raises:
        StateError: the database cannot be used, or holds what another version wrote.
    """
    for run in history.runs():
        outcome = history.outcome(run.key) if run.finished_at else None
        yield _row(home, run, outcome)


class IndexEntry(NamedTuple):
    """Something that is kept, with the address of its page, empty where it has none; `tone` colours the first cell."""

    name: str
    page: str
    cells: Sequence[str] = ()
    tone: str = ""


class IndexGroup(NamedTuple):
    """A table of the list: prompts, decisions, datasets or comparisons."""

    title: str
    head: Sequence[str]
    entries: Sequence[IndexEntry]


def write_index(home: Path, rows: Iterable[IndexRow], groups: Sequence[IndexGroup] = ()) -> Path:
    """Write the page, whole or not at all, and return its path.

    Raises:
        OSError: the folder `reports` cannot be written.
    """
    page = fill_page(
        "index.html.j2",
        kind="Prompt optimisation",
        title="Reports",
        home=str(home),
        rows=list(rows),
        groups=groups,
    )
    path = home / "reports" / "index.html"
    write_whole(path, page)
    return path


def _row(home: Path, run: RunRow, outcome: Outcome | None) -> IndexRow:
    has_page = report_path(home, run.id).exists()
    start = formatting.minute(run.started_at)
    page = quote(f"{run.id}.html") if has_page else ""
    if outcome is None:
        return IndexRow(start, run.task, run.id, page, "has not finished", "note", *([NumberCell()] * 4))
    verdict = outcome.verdict
    before, after = outcome.start.score.mean, outcome.best.score.mean
    called = sum(calls.paid for role, calls in outcome.calls.items() if role != "embedding")
    gain, paid = NumberCell(), outcome.cost_paid
    if verdict is not None and findings.count_compared(outcome):
        spread = f"{formatting.signed(outcome.gain.low)} to {formatting.signed(outcome.gain.high)}"
        gain = NumberCell(f"{formatting.signed(outcome.gain.value)} ({spread})", outcome.gain.value)
    return IndexRow(
        started=start,
        task=run.task,
        run=run.id,
        page=page,
        verdict=DECISIONS[verdict.decision] if verdict else findings.headline(outcome).claim.lower(),
        tone=f"decision {findings.headline(outcome).tone}",
        gain=gain,
        dev=NumberCell(f"{formatting.fraction(before, 2)} → {formatting.fraction(after, 2)}", after - before),
        calls=NumberCell(f"{called:,}", called),
        cost=NumberCell() if paid is None else NumberCell(formatting.money(paid), paid),
    )
