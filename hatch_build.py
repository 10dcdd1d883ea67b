"""Lays out the wheel: it claims one name, `gpo`, and works beside folders `flows` and `tasks` of whoever installs it.

In the repository `flows/` and `tasks/` stand beside `gpo/`. In the wheel they are `gpo.flows` and `gpo.tasks`: every
import of them, and every string that as a whole names a module or a file of them, is rewritten on the way. An editable
install is left as it is, since it works on the folders themselves.
"""

import ast
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MOVED = ("flows", "tasks")
_ROOTS = "|".join(MOVED)
_IMPORT = re.compile(rf"from\s+(?={_ROOTS})")
_NAME = re.compile(rf"(?:{_ROOTS})(?:[./][\w*]+)+")
_ENTRYPOINT = re.compile(rf"(entrypoint:\s*)(?=(?:{_ROOTS})\.)")

SHIPPED = ("prefect.yaml", "deployments", "examples")
"""What a person copies with `gpo examples`: in the wheel below `gpo/shipped`, as it lies in the repository."""
_NOT_SHIPPED = {".gpo", "__pycache__", "Dockerfile", "Dockerfile.dockerignore", ".env"}


class WheelLayout(BuildHookInterface[Any]):
    """The build hook of `pyproject.toml`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the rewritten files into the wheel, and let the command begin where it now lies."""
        if version == "editable":
            return
        root, self._laid_out = Path(self.root), Path(tempfile.mkdtemp(prefix="gpo-wheel-"))
        for name, content in (*moved_files(root), *rewritten_files(root), *shipped_files(root)):
            target = self._laid_out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            build_data["force_include"][str(target)] = name
        core = self.metadata.core
        for entries in (core.scripts, *core.entry_points.values()):
            entries.update({name: f"gpo.{entry}" for name, entry in entries.items() if entry.startswith(MOVED)})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was laid out."""
        if version != "editable":
            shutil.rmtree(self._laid_out)


def moved_files(root: Path) -> Iterator[tuple[str, bytes]]:
    """The files of the moved folders by their names in the wheel."""
    for folder in MOVED:
        for path in _files(root / folder):
            yield f"gpo/{path.relative_to(root).as_posix()}", _content(path)


def rewritten_files(root: Path) -> Iterator[tuple[str, bytes]]:
    """The files of the library that name the moved folders."""
    for path in _files(root / "gpo"):
        if path.suffix == ".py" and (content := _content(path)) != path.read_bytes():
            yield path.relative_to(root).as_posix(), content


def shipped_files(root: Path) -> Iterator[tuple[str, bytes]]:
    """What ships beside the code; entry points of deployments name the flows as they are in the wheel."""
    for path in (each for name in SHIPPED for each in _files(root / name)):
        content = path.read_bytes()
        if path.suffix == ".yaml":
            content = _ENTRYPOINT.sub(r"\1gpo.", content.decode()).encode()
        yield f"gpo/shipped/{path.relative_to(root).as_posix()}", content


def rewrite(source: str) -> str:
    """A module's source with the moved folders under their new names.

    `from flows.stack import POOL` becomes `from gpo.flows.stack import POOL`, and `"tasks/**"` `"gpo/tasks/**"`; the
    string `"flows"` stays, and so does whatever a sentence says.

    Raises:
        ValueError: an import that would bind a moved folder's name, or that does not stand on one line.
    """
    lines = source.splitlines(keepends=True)
    for line, column, old, new in sorted(_changes(ast.parse(source), lines), reverse=True):
        text = lines[line - 1].encode()
        head, tail = text[:column].decode(), text[column:].decode()
        lines[line - 1] = head + tail.replace(old, new, 1)
    return "".join(lines)


def _changes(module: ast.Module, lines: list[str]) -> Iterator[tuple[int, int, str, str]]:
    """Line, column in bytes, what stands there and what is to stand there."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import) and any(alias.name.partition(".")[0] in MOVED for alias in node.names):
            raise ValueError(f"line {node.lineno}: {lines[node.lineno - 1].strip()}: write `from ... import ...`")
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] in MOVED:
            found = _IMPORT.match(lines[node.lineno - 1].encode()[node.col_offset :].decode())
            if found is None:
                raise ValueError(f"line {node.lineno}: `from {node.module}` must stand on one line")
            yield node.lineno, node.col_offset, found.group(), f"{found.group()}gpo."
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
            separator = "/" if "/" in node.value else "."
            yield node.lineno, node.col_offset, node.value, f"gpo{separator}{node.value}"


def _content(path: Path) -> bytes:
    return rewrite(path.read_text(encoding="utf-8")).encode() if path.suffix == ".py" else path.read_bytes()


def _files(start: Path) -> Iterator[Path]:
    """The files of a folder and below it, in a fixed order, without state and caches."""
    # By name, not by what git knows: an sdist has no git.
    found = sorted(start.rglob("*")) if start.is_dir() else [start]
    for path in found:
        below = {start.name, *path.relative_to(start).parts}
        if path.is_file() and path.suffix != ".env" and not below & _NOT_SHIPPED:
            yield path
