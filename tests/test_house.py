"""The rules of the house that no linter checks: see CONTRIBUTING.md."""

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from gpo.spec.source_closure import statements
from tests.support.imports import import_statements, imported, modules, parsed
from tests.support.paths import ROOT

FILES_A_FOLDER = 14
LINES_A_FILE = 300

INIT_WITH_CODE = {
    "gpo/__init__.py": "finds the public names when they are asked for",
    "gpo/data/sources/__init__.py": "imports the files of its folder, which register themselves",
    "gpo/datasets/formats/__init__.py": "likewise",
    "gpo/database/migrations/__init__.py": "is what Alembic is run by",
    "gpo/prompts/publishers/__init__.py": "is the protocol of a publisher, which packages of others import from here",
    "flows/stack/__init__.py": "names the work pool without importing anything: `gpo --help` needs it",
}

ANNOTATED_ONLY = {
    ("gpo/scoring/calling.py", "gpo/scoring/spec.py"): "names the spec of a metric in annotations",
}
"""Imports for the type checker that would close a circle."""


def test_no_folder_holds_too_many_files() -> None:
    counts: dict[str, int] = defaultdict(int)
    for path in modules():
        counts[path.parent.as_posix()] += path.name != "__init__.py"
    assert not {folder: count for folder, count in counts.items() if count > FILES_A_FOLDER}


def test_no_file_is_too_long() -> None:
    lines = {path.as_posix(): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert not {path: count for path, count in lines.items() if count > LINES_A_FILE}


def test_no_imports_form_a_circle_not_even_inside_functions_or_for_the_type_checker() -> None:
    graph = {
        path.as_posix(): {
            other.as_posix() for other in imported(path) if (path.as_posix(), other.as_posix()) not in ANNOTATED_ONLY
        }
        for path in modules()
    }
    assert len(graph) > 100, "the modules were not found"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        raise AssertionError(f"a circle of imports: {circle}") from None


def test_a_class_name_is_used_once_in_the_library() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in modules():
        for node in statements(parsed(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path.as_posix())
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_the_init_of_a_room_is_one_docstring() -> None:
    with_code = {path.as_posix() for path in modules() if path.name == "__init__.py" and not _is_docstring(path)}
    assert with_code == set(INIT_WITH_CODE)


def test_a_name_with_an_underscore_is_used_in_its_own_file_alone() -> None:
    borrowed = {
        f"{path.as_posix()}: {alias.name}"
        for path in modules()
        for node in import_statements(path)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    }
    assert not borrowed


def test_a_file_that_the_tests_leave_unread_holds_no_example(pytestconfig: pytest.Config) -> None:
    unread = [option.removeprefix("--ignore=") for option in pytestconfig.getini("addopts") if "--ignore=" in option]
    assert unread
    assert not [name for name in unread if ">>>" in (ROOT / name).read_text(encoding="utf-8")]


def _is_docstring(path: Path) -> bool:
    module = parsed(path)
    return len(module.body) == 1 and ast.get_docstring(module) is not None
