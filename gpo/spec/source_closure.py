"""The source of a module and of all that it imports from the same place: what decides the answers of a program."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path


def source_closure(module: str, root: Path) -> dict[str, Path]:
    """The files of a module and of what it imports, directly or not, by module name; those below `root` alone.

    Packages of others are left out: a version of the program names them, if it should. Empty where there is no such
    module. Imports inside functions count; those by a name that is computed cannot be seen.
    """
    found: dict[str, Path] = {}
    seen: set[str] = set()
    waiting = {*_with_packages(module)}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if (path := _file_of(name, root)) is not None:
            found[name] = path
            waiting.update(_imports(name, path.read_bytes(), is_package=path.name == "__init__.py") - seen)
    return found


def _file_of(name: str, root: Path) -> Path | None:
    stem = root.joinpath(*name.split("."))
    places = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))
    return next((path for path in places if path.is_file()), None)


@lru_cache(maxsize=1000)
def _imports(name: str, source: bytes, *, is_package: bool) -> frozenset[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return frozenset()  # importing it tells what is wrong
    package = name if is_package else name.rpartition(".")[0]
    found: set[str] = set()
    for node in statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.update(_with_packages(alias.name))
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            found.update(_with_packages(base))
            found.update(f"{base}.{alias.name}" if base else alias.name for alias in node.names)
    return frozenset(found)


def statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements, also those inside others; expressions, which are most of a tree, hold no imports."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, field, ())


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that a `from ... import` names, with the dots before it resolved."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _with_packages(name: str) -> list[str]:
    """A module and the packages that it lies in, whose code runs when it is imported.

    >>> _with_packages("app.pipeline")
    ['app', 'app.pipeline']
    """
    pieces = name.split(".") if name else []
    return [".".join(pieces[: length + 1]) for length in range(len(pieces))]
