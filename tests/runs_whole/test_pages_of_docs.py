"""The pages for newcomers: every command in them is typed as it stands, in their order, on synthetic models."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpo.spec.models import ModelsSpec
from gpo.spec.task import BudgetSpec
from tests.runs_whole.test_python_pages import fresh_loader
from tests.support.commands import environment, gpo
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """The kind and the text of each block of a page."""
    return _BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))


def type_in(lines: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the commands of a block print."""
    shown = ""
    for line in lines.splitlines():
        words = shlex.split(line)
        if words[0] == "cd":
            monkeypatch.chdir(Path.cwd() / words[1])
            continue
        assert words[0] == "gpo", line
        if words[1] in ("optimize", "migrate") and "--dry-run" not in words:
            shown += in_a_process(words[1:])
            continue
        result = gpo(*words[1:])
        assert result.exit_code == 0, (line, result.stdout, result.stderr)
        shown += result.stdout + result.stderr
    return shown


def in_a_process(words: list[str]) -> str:
    """A whole run: Prefect leaves connections open in its process."""
    command = [sys.executable, "-m", "flows.cli.entry", *words]
    result = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("page", ["quickstart.md", "concepts.md", "troubleshooting.md", "migration.md"])
def test_every_command_of_a_page_does_what_the_page_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown, typed = "", 0
    with fresh_loader():
        for kind, text in blocks(page):
            if kind == "console":
                shown, typed = type_in(text, monkeypatch), typed + 1
            elif kind == "text":
                for line in filter(None, text.splitlines()):
                    assert line in shown, f"{line!r} is not what the command prints: {shown}"
            elif kind == "python":
                names: dict[str, Any] = {}
                exec(text, names)
                assert names["messages"].to_messages()
    assert typed


@pytest.mark.parametrize("page", ["quickstart.md", "providers.md"])
def test_every_spec_on_a_page_is_one(page: str) -> None:
    found = [yaml.safe_load(text) for kind, text in blocks(page) if kind == "yaml"]
    assert found
    for content in found:
        ModelsSpec.model_validate(content["models"])
        BudgetSpec.model_validate(content.get("budget", {}))
