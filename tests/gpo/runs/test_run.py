"""What a run is known by: the version of the code that decides its course."""

from pathlib import Path

import pytest

from gpo.runs.run import code_version, source_hash
from tests.support.paths import ROOT

DECIDE = ("gpo/run.py", "gpo/migrations/versions/v0001.py", "tasks/refine.py", "flows/optimize.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (*DECIDE, "flows/cli.py", "gpo/py.typed", "elsewhere/gpo.py"):
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


@pytest.mark.parametrize("name", ["flows/cli.py", "gpo/py.typed", "elsewhere/gpo.py"])
def test_the_version_stays_when_something_else_changes(tree: Path, name: str) -> None:
    before = source_hash(tree)
    (tree / name).write_text("one = 2\n", encoding="utf-8")
    assert source_hash(tree) == before


def test_a_file_under_another_name_is_another_version(tree: Path) -> None:
    before = source_hash(tree)
    (tree / "gpo" / "run.py").rename(tree / "gpo" / "runs.py")
    assert source_hash(tree) != before


def test_the_version_is_that_of_the_code_that_runs() -> None:
    assert code_version() == source_hash(ROOT)
