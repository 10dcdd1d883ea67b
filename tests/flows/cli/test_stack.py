"""`gpo ui`: which state folder it works with; tests/flows/stack has the stack itself."""

from pathlib import Path

import pytest

from tests.support.commands import gpo

pytestmark = pytest.mark.usefixtures("folder")


def test_the_ui_of_a_state_folder_is_found_where_the_state_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("flows.stack.ui.stop_server", lambda home: bool(asked.append(home)))
    assert gpo("ui", "stop").stdout == "none runs\n"
    monkeypatch.setenv("GPO_HOME", str(folder / "state"))
    gpo("ui", "stop")
    gpo("ui", "stop", "--home", "other")
    assert asked == [folder / ".gpo", folder / "state", folder / "other"]
