"""The page of what may go wrong is as its table says, and every test that it names is there."""

import ast
from pathlib import Path

import pytest

from tests.support.fault_matrix import MATRIX, PAGE, page
from tests.support.imports import parsed


def test_the_page_is_made_of_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.support.fault_matrix"


@pytest.mark.parametrize("file", sorted({file for kind in MATRIX for each in kind.faults for file, _ in each.seen}))
def test_the_tests_of_a_file_that_it_names_are_there(file: str) -> None:
    named = {name for kind in MATRIX for each in kind.faults for place, name in each.seen if place == file}
    there = {node.name for node in ast.walk(parsed(Path(file))) if isinstance(node, ast.FunctionDef)}
    assert named <= there


def test_every_fault_is_seen_by_a_test() -> None:
    assert not [each.fault for kind in MATRIX for each in kind.faults if not each.seen]
