"""Settings of the machine."""

import getpass
import os

import pytest

from gpo.settings import Settings


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_has_a_runtime_folder(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def nameless() -> str:
        raise error("uid not found")

    monkeypatch.delenv("GPO_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(getpass, "getuser", nameless)
    assert Settings().runtime_dir.name == f"gpo-{os.getuid()}"
