"""Who follows a page: types the commands of its blocks, one after the other, in a working folder."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import environment, gpo
from tests.support.pages import Block, blocks

_RUNS = ("optimize", "migrate", "reoptimize")
"""Commands with a process of their own: Prefect leaves connections open in its process."""

_ANSWERS = {"check": (0, 3, 4), "migrate": (0, 3, 4)}
"""Exit codes that say what came of it, of commands that have more of them than 0."""


class Reader:
    """Types blocks; `stand_ins` are what stands there for what a page cannot know, as the id of a run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stand_ins: Mapping[str, str] | None = None) -> None:
        """Work where the process works, which `cd` on a page changes."""
        self._monkeypatch, self.stand_ins = monkeypatch, dict(stand_ins or {})
        self.typed = 0

    def type_block(self, block: Block, between: Callable[[str], None] | None = None) -> str:
        """What the commands of a block print; `between` is done after each line."""
        shown = ""
        for line in block.lines:
            shown += self._type(self._with_stand_ins(line))
            self.typed += 1
            if between is not None:
                between(line)
        return shown

    def _with_stand_ins(self, line: str) -> str:
        for name, there in self.stand_ins.items():
            line = line.replace(name, there)
        return line

    def _type(self, line: str) -> str:
        program, *words = shlex.split(line, comments=True)
        if program == "cd":
            self._monkeypatch.chdir(Path.cwd() / words[0])
            return ""
        assert program.removeprefix(".venv/bin/") == "gpo", line
        code, out, err = _in_a_process(words) if is_a_run(words) else _here(words)
        assert code in _ANSWERS.get(words[0], (0,)), (line, out, err)
        return out + err


def follow_page(page: str, reader: Reader) -> None:
    """Follow a page that brings all that it needs, and find in what is printed what it promises."""
    shown = ""
    for block in blocks(page):
        if block.kind == "console" and not block.needs_stack:
            shown = reader.type_block(block) or shown
        elif block.kind == "text":
            for line in filter(None, block.text.splitlines()):
                assert line in shown, f"{line!r} is not what the command prints: {shown}"
        elif block.kind == "yaml" and (file := re.match(r"# (\S+\.\w+)\n", block.text)):
            Path(file[1]).write_text(block.text, encoding="utf-8")
        elif block.kind == "python" and "load_prompt" in block.text:
            names: dict[str, Any] = {}
            exec(block.text, names)
            assert names["messages"].to_messages()
    assert reader.typed


def is_a_run(words: list[str]) -> bool:
    """Whether a command searches."""
    return words[0] in _RUNS and "--dry-run" not in words


def _here(words: list[str]) -> tuple[int, str, str]:
    result = gpo(*words)
    return result.exit_code, result.stdout, result.stderr


def _in_a_process(words: list[str]) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "flows.cli.entry", *words]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
