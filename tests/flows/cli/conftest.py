"""A working folder and an endpoint for the tests of commands."""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.support.commands import right
from tests.support.endpoint import Endpoint, serving


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, and an environment of one's own: the command line tells Prefect where it lives."""
    names = [name for name in os.environ if name.startswith(("GPO_", "OPENAI_", "PREFECT_"))]
    with patch.dict(os.environ):
        for name in names:
            del os.environ[name]
        os.environ["NO_PROXY"] = "127.0.0.1"
        monkeypatch.chdir(tmp_path)
        yield tmp_path


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving(right) as running:
        yield running
