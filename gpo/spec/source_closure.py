"""The source of a module and of all that it imports from the same place: what decides the answers of a program."""

import ast
from collections.abc import Iterator
from pathlib import Path


def source_closure(module: str, root: Path) -> dict[str, Path]:
    """The files of a module and of what it imports, directly or not, by module name; those below `root` alone.

    Packages of others are left out: a version of the program names them, if it should. Empty where there is no such
    module. Imports inside functions count; those by a name that is computed cannot be seen.
    """
    found: dict[str, Path] = {}
    waiting = _with_packages(module)
    while waiting:
        name = waiting.pop()
        if name not in found and (path := _file_of(name, root)) is not None:
            found[name] = path
            waiting += _imports(name, path)
    return found


def _file_of(name: str, root: Path) -> Path | None:
    stem = root.joinpath(*name.split("."))
    places = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))
    return next((path for path in places if path.is_file()), None)


def _imports(name: str, path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:
        return  # importing it tells what is wrong
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            yield from _with_packages(base)
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


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
