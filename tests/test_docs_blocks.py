"""What the pages show is what there is: commands, parts of specs and code. And each block has a test that tries it.

`tests/support/pages.py` says which block is typed or run where, and which is only read, and why.
"""

import ast
import asyncio
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import yaml

import gpo
from flows.cli.app import app
from gpo.spec.task import TaskSpec
from tests.support.pages import (
    LONG,
    NEWCOMERS,
    NO_SPECS,
    NOT_TYPED,
    OF_TICKETS,
    PAGES,
    PYTHON,
    blocks,
    why_not_typed,
)
from tests.support.paths import ROOT
from tests.test_docs import is_there

BLOCKS = [block for page in PAGES for block in blocks(page)]
OTHERS = {
    *("alias", "cat", "cd", "cp", "docker", "echo", "export", "mkdir", "prefect", "python", "stack", "tar", "uv"),
}
"""Commands of the shell, of Prefect and of containers."""
KINDS = {"console", "yaml", "python", "text", "mermaid", ""}
"""What blocks are written in; the last is what a model is sent."""
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

SPEC: dict[str, Any] = {
    "name": "tickets",
    "prompt": {"description": "a label", "instruction": "Sort it."},
    "dataset": {
        "path": "tickets.jsonl",
        "input": "input",
        "reference": "label",
        "split": {"train": 4, "dev": 9, "test": 9},
    },
    "answer": {"kind": "choice", "labels": ["positive", "negative"]},
    "metric": "exact_match",
    "models": {
        "task": {"model": "openai:a", "price": {"input": 1, "output": 1}},
        "optimizer": "openai:b",
        "embedding": "openai:c",
    },
}


def of_kind(*kinds: str) -> list[Any]:
    return [
        pytest.param(block.page, block.text, id=f"{block.page}-{number}")
        for number, block in enumerate(BLOCKS)
        if block.kind in kinds
    ]


@pytest.fixture(scope="module")
def group() -> Any:
    """The command `gpo`."""
    return typer.main.get_command(app)


@pytest.mark.parametrize(("page", "text"), of_kind("console"))
def test_every_command_on_a_page_is_one(page: str, text: str, group: Any) -> None:
    # A program in quotes has lines of its own.
    for line in re.sub(r'"\n[^"]*"', "CODE", text).splitlines():
        program, *words = shlex.split(line.partition(" && ")[0], comments=True) or ["cd"]
        if program == "make":
            assert {word for word in words if "=" not in word} <= TARGETS, line
        elif program.removeprefix(".venv/bin/") == "gpo":
            command, context = group, group.make_context("gpo", words[:1], resilient_parsing=True)
            while hasattr(command, "commands"):
                _, command, words = command.resolve_command(context, words)
            # Ends the test with a usage error where the command does not take it.
            command.make_context("gpo", words, parent=context)
        else:
            assert program.removeprefix(".venv/bin/").partition("=")[0] in OTHERS | {"GPO_HOME"}, line


@pytest.mark.parametrize(("page", "text"), of_kind("yaml"))
def test_every_part_of_a_spec_on_a_page_fits_into_one(page: str, text: str) -> None:
    part = yaml.safe_load(text)
    if page in NO_SPECS:
        return
    if set(part) == {"extract"}:
        part = {"answer": {"kind": "number", **part}}
    whole = {**SPEC, **part}
    # Where a page shows a part of a section, the rest of it is ours.
    whole["models"] = {**SPEC["models"], **part.get("models", {})}
    if "messages" not in part.get("prompt", {}):
        question = f"{{{{{whole['dataset']['input']}}}}}"
        whole["prompt"] = {**SPEC["prompt"], "question": question, **part.get("prompt", {})}
    if "prompts" in part:
        del whole["prompt"]
    TaskSpec.model_validate(whole)


@pytest.mark.parametrize(("page", "text"), of_kind("python"))
def test_all_code_on_a_page_is_code_and_names_what_there_is(page: str, text: str) -> None:
    code = ast.parse(code_of(text))
    assert not {name for name in gpo_names(code) if not is_there(name)}


def code_of(text: str) -> str:
    """The code of a block, without the output of an interpreter where it shows one."""
    if not text.startswith(">>> "):
        return text
    return "\n".join(line[4:] for line in text.splitlines() if line.startswith((">>> ", "... ")))


def gpo_names(code: ast.AST) -> Iterator[str]:
    """What code takes of the library."""
    for node in ast.walk(code):
        match node:
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] == "gpo":
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Attribute(value=ast.Name(id="gpo"), attr=name):
                yield f"gpo.{name}"


def test_the_metrics_on_the_page_about_answers_score() -> None:
    names: dict[str, Any] = {}
    for block in BLOCKS:
        if (block.page, block.kind) == ("docs/answers.md", "python"):
            exec(block.text, names)
    assert names["polite"]("Please wait", "", words=2) == 0.5
    found = asyncio.run(names["cites"]("See [a].", {"sources": "[a] [b]"}))
    assert found == {"score": False, "feedback": "not cited: ['[b]']"}


def test_every_block_is_tried_or_named_with_the_reason_why_it_is_not() -> None:
    typed = {*NEWCOMERS, *LONG, *OF_TICKETS}
    for block in BLOCKS:
        assert block.kind in KINDS, block
        if block.kind == "console":
            assert block.page in typed or block.needs_stack or not block.lines, block
        elif block.kind == "python":
            assert block.page.rpartition("/")[2] in (ROOT / PYTHON[block.page]).read_text(encoding="utf-8"), block


def test_no_reason_is_kept_of_a_line_that_is_gone() -> None:
    lines = [line for block in BLOCKS if block.kind == "console" for line in block.text.splitlines()]
    used = {why for line in lines if (why := why_not_typed(line)) is not None}
    assert used == set(NOT_TYPED.values())
    starts = [
        start for start in NOT_TYPED if not any(line.removeprefix(".venv/bin/").startswith(start) for line in lines)
    ]
    assert not starts


def test_no_block_is_indented_and_so_left_out() -> None:
    for page in PAGES:
        outside = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        assert not re.findall(r"^    \S.*$", outside, re.MULTILINE), page


def test_what_is_imported_from_the_library_is_listed() -> None:
    assert set(gpo.__all__) <= set(dir(gpo))
