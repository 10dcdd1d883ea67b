"""What the documentation names is there: files, modules, functions, and the pages that it links to."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.imports import file_of, parsed
from tests.support.pages import PAGES
from tests.support.paths import ROOT

PACKAGES = "gpo|flows|tasks|tests|benchmarks"
FILE = re.compile(rf"(?<![\w./-])(?:{PACKAGES})/[\w./*-]*[\w*/]")
DOTTED = re.compile(rf"(?<![\w./-])(?:{PACKAGES})(?:\.[A-Za-z_]\w*)+")
EVENT = re.compile(r"gpo\.(?:run|decision|prompt|dataset)\.[a-zA-Z]")
"""Events of Prefect and what they are about: docs/events.md."""
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
STATION = re.compile(r"^\| `([\w./]+\.py)` \| `(\w+)` \|", re.MULTILINE)

NO_MODULES = {
    "benchmarks.md": "a page",
    "gpo.db": "the database of a state folder",
    "gpo.dump": "a backup of a database",
    "gpo.publishers": "an entry point group",
    "gpo.runners": "likewise",
    "tasks.py": "a file of somebody else's",
}


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    assert not {name for name in FILE.findall(text_of(page)) if not list(ROOT.glob(name.rstrip("/")))}


@pytest.mark.parametrize("page", PAGES)
def test_every_module_or_name_in_one_that_a_page_names_is_there(page: str) -> None:
    names = {name for name in DOTTED.findall(text_of(page)) if not EVENT.match(name)}
    assert not {name for name in names if name not in NO_MODULES and not is_there(name)}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_that_a_page_links_to_is_there(page: str) -> None:
    targets = {name for name in LINK.findall(text_of(page)) if "://" not in name}
    assert not {name for name in targets if not ((ROOT / page).parent / name).exists()}


def test_the_way_of_a_prompt_leads_through_functions_that_are_there() -> None:
    stations = STATION.findall(text_of("docs/architecture.md"))
    assert len(stations) > 20
    assert not [(file, name) for file, name in stations if name not in set(names_in(Path(file)))]


def test_the_decision_about_layers_names_every_room_and_every_door() -> None:
    text = text_of("docs/decisions/0001-layers.md")
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    doors = {
        line.partition(" -> ")[0].removesuffix(".**") for each in contracts for line in each.get("ignore_imports", ())
    }
    rooms = next(each for each in contracts if each["name"] == "the rooms of the library")["layers"]
    assert [[*re.findall(r"`(\w+)`", line)] for line in re.findall(r"^\| \d+ \| (.*) \|$", text, re.MULTILINE)] == [
        floor.split(" | ") for floor in rooms
    ]
    assert not {door for door in doors if f"`{door}`" not in text}


def test_names_that_are_none_are_noticed() -> None:
    assert is_there("gpo.runs.run.open_run")
    assert is_there("gpo.load_prompt")
    assert not is_there("gpo.runs.run.close_run")
    assert not is_there("gpo.nowhere")


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, a folder of modules, or something that a module defines or imports."""
    # In the wheel: see hatch_build.py.
    name = re.sub(r"^gpo\.(?=flows\b|tasks\b)", "", name)
    base, _, last = name.rpartition(".")
    if file_of(name) or (ROOT / Path(*name.split("."))).is_dir():
        return True
    module = file_of(base)
    return module is not None and last in set(names_in(module))


def names_in(path: Path) -> Iterator[str]:
    """What a module defines or imports, wherever in it."""
    for node in ast.walk(parsed(path)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.alias(name=name):
                yield name
