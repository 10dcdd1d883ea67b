"""What the modules of this project import of each other, read from their text."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from gpo.spec.source_closure import statements
from tests.support.paths import ROOT

PACKAGES = ("gpo", "tasks", "flows")


def modules() -> list[Path]:
    """Every module of the project, below the root."""
    return sorted(path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a module below the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


@cache
def import_statements(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """The imports of a module, also those inside functions and for the type checker alone."""
    return tuple(node for node in statements(parsed(path)) if isinstance(node, ast.Import | ast.ImportFrom))


def imported(path: Path) -> Iterator[Path]:
    """The modules that a module names in its imports, also inside functions and for the type checker alone.

    `from gpo.data import rows` names `gpo/data/rows.py`, `from flows.stack import POOL` that folder's `__init__.py`.
    """
    for node in import_statements(path):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(module=str(module)):
                names = [f"{module}.{alias.name}" for alias in node.names]
            case _:
                continue
        for name in names:
            if name.partition(".")[0] in PACKAGES and (found := file_of(name) or file_of(name.rpartition(".")[0])):
                yield found


def file_of(name: str) -> Path | None:
    """The file of a module by its dotted name; None when there is no such module."""
    base = Path(*name.split("."))
    return next((each for each in (base.with_suffix(".py"), base / "__init__.py") if (ROOT / each).is_file()), None)
