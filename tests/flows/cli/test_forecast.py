from pathlib import Path

import pytest

from tests.support.commands import gpo
from tests.support.paths import EXAMPLES


def test_a_dry_run_says_what_a_run_would_take_and_how_sure_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPO_HOME", str(folder / "state"))
    shown = gpo("optimize", EXAMPLES / "synthetic" / "demo.yaml", "--calls", "900", "--dry-run")
    assert shown.exit_code == 0, shown.stderr
    assert "calls   task: at most 1,188, 900 in the search and 288 for the proof" in shown.stdout
    assert "may be off by half" in shown.stdout
    assert shown.stdout.endswith("Nothing was called or written.\n")
    assert list(folder.iterdir()) == []
