"""What a run is known by: the version of the code that decides its course."""

from pathlib import Path

import pytest

from gpo.runs.job import DECIDING, code_version, source_hash
from tests.support.imports import imported
from tests.support.paths import ROOT

DECIDE = ("gpo/words.py", "gpo/search/local/deep.py", "gpo/runs/run.py", "tasks/refine.py", "flows/optimize.py")
ELSEWHERE = ("flows/cli/app.py", "gpo/report/run.css", "gpo/report/page.py", "gpo/scoring/notes.txt", "other/gpo.py")

REACHED_BUT_NOT_DECIDING = {
    "flows/stack/": "finds Prefect's server, and tells it later how a run ended that it did not hear of",
    "gpo/migration/": "gives the run of a migration its name; the runs that it makes are runs like others",
    "gpo/database/": "stores what it is given",
    "gpo/datasets/": "fetches the rows of a version; the fingerprint of the data is in the key of the run",
    "gpo/report/": "shows what a run came to, when it is over",
    "gpo/serving/": "shares servers and shuts them to strangers; what they answer is their models'",
    "gpo/production/": "what a decision is, which events tell",
    "gpo/prompts/": "keeps and moves prompts; answers of a program name those of others that it reads",
    "tasks/spread/": "says in which process examples are scored; what is done there is in gpo/runs/spread/chunks.py",
    "tasks/telling/": "tells people and automations what a run has come to",
    "gpo/runs/": "explains a run, scores a prompt without one, or keeps and shows the examples behind a score",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (*DECIDE, *ELSEWHERE):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("one = 1\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", DECIDE)
def test_the_version_changes_with_all_that_decides_the_course_of_a_run(tree: Path, name: str) -> None:
    before = source_hash(tree)
    (tree / name).write_text("one = 2\n", encoding="utf-8")
    changed = source_hash(tree)
    (tree / name).unlink()
    assert len({before, changed, source_hash(tree)}) == 3


@pytest.mark.parametrize("name", ELSEWHERE)
def test_the_version_stays_when_something_else_changes(tree: Path, name: str) -> None:
    before = source_hash(tree)
    (tree / name).write_text("one = 2\n", encoding="utf-8")
    assert source_hash(tree) == before


def test_a_file_under_another_name_is_another_version(tree: Path) -> None:
    before = source_hash(tree)
    (tree / "gpo" / "words.py").rename(tree / "gpo" / "terms.py")
    assert source_hash(tree) != before


def test_the_version_is_that_of_the_code_that_runs() -> None:
    assert code_version() == source_hash(ROOT)


@pytest.mark.parametrize("pattern", DECIDING)
def test_what_decides_a_run_is_named_as_it_is(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


def test_whatever_a_run_reaches_is_part_of_its_version_or_has_a_reason_not_to_be() -> None:
    deciding = {path.relative_to(ROOT) for pattern in DECIDING for path in ROOT.glob(pattern)}
    left_out = {path.as_posix() for path in reached(Path("flows/optimize.py"))} - {each.as_posix() for each in deciding}
    unexplained = [name for name in left_out if not name.startswith(tuple(REACHED_BUT_NOT_DECIDING))]
    assert not sorted(unexplained)
    assert all(any(name.startswith(room) for name in left_out) for room in REACHED_BUT_NOT_DECIDING)


def reached(start: Path) -> set[Path]:
    """The modules of this project that a module imports, also inside functions, and theirs."""
    found, waiting = set(), [start]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported(path)
    return found
