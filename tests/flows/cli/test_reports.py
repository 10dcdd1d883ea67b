"""`gpo report` and `gpo reports`: where pages lie, and what became of each run."""

import json
import webbrowser
from pathlib import Path

import pytest

from flows.cli.commands.runs.watch import follow
from gpo.database.engine import open_database
from gpo.records import Score, Scored
from gpo.report.page.material import report_path
from gpo.runs.history import History, RunRow
from tests.support.commands import gpo, refused
from tests.support.results import BEST, KEY, RUN, START, keep_run

UNFINISHED = RunRow(key="f" * 16, task="later", scope="s", started_at="2026-02-01T10:00:00+00:00")


@pytest.fixture
def page(folder: Path) -> Path:
    """A state folder with a finished run, its page, and a run that has not finished."""
    engine = open_database(f"sqlite:///{folder / '.gpo' / 'gpo.db'}")
    keep_run(engine, [0.0, 1.0, 0.0], [1.0, 1.0, 1.0])
    History(engine).begin(UNFINISHED)
    engine.dispose()
    path = report_path(folder / ".gpo", RUN)
    path.parent.mkdir()
    path.write_text("<!DOCTYPE html>", encoding="utf-8")
    return path


def test_a_report_is_found_by_its_run_or_task_and_opened(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) is None)
    assert gpo("report", RUN).stdout == f"{page}\n"
    assert gpo("report", "reviews", "--open").stdout == ""
    assert opened == [page.as_uri()]
    refused(gpo("report", "later"), "has not finished")
    page.unlink()
    refused(gpo("report", RUN), "has no report here", "pays nothing twice")


def test_all_runs_are_listed_with_what_became_of_them_also_as_a_page(page: Path) -> None:
    index = page.with_name("index.html")
    assert gpo("reports").stdout.splitlines()[-1] == str(index)
    text = index.read_text(encoding="utf-8")
    assert f'<a href="{page.name}">{RUN}</a>' in text
    assert text.index("later-ffffffff") < text.index(RUN)
    rows = json.loads(gpo("reports", "--json").stdout)
    assert (rows[0]["task"], rows[0]["verdict"], rows[1]["run"]) == ("later", "has not finished", RUN)


def test_a_run_is_watched_until_its_end(page: Path) -> None:
    shown = gpo("watch", "reviews")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert [line.split()[0] for line in lines[:2]] == [START.label, BEST.label]
    assert lines[-1] == str(page)
    assert BEST.instruction in lines

    engine = open_database(f"sqlite:///{page.parents[1] / 'gpo.db'}")
    history = History(engine)
    seen = follow(history, UNFINISHED.key, pause_s=0)
    for candidate in (START, BEST):
        scored = Scored(candidate=candidate, score=Score(values={"a": 1.0}, planned=1))
        history.record(UNFINISHED.key, "s", [scored])
        assert next(seen) == scored
    outcome = history.outcome(KEY)
    assert outcome is not None
    history.finish(UNFINISHED.key, outcome)
    assert list(seen) == [outcome]
    engine.dispose()
