"""The reference pages, made of the code: commands, spec, Python, settings."""

import ast
import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import Any

import typer

import gpo
from flows.cli.app import app
from gpo import settings
from gpo.api.migrate import MigrationResult
from gpo.api.results import ComparisonResult, Evaluation, Result
from gpo.spec.task import TaskSpec


def commands_page() -> str:
    """Every command with its options, in the order of `gpo --help`."""
    parts = ["# Commands", "", "What `gpo COMMAND --help` says.", ""]
    for path, command in _leaves(typer.main.get_command(app), ()):
        parts += [f"## gpo {' '.join(path)}", "", _prose(command.help or ""), ""]
        rows = [_parameter(each) for each in command.params if not getattr(each, "hidden", False)]
        parts += _table(("argument or option", "what it is"), [row for row in rows if row[0] != "`--help`"])
        parts += [_prose(command.epilog or ""), ""]
    return "\n".join(parts)


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name in command.list_commands(None):
        yield from _leaves(command.get_command(None, name), (*path, name))


def _parameter(found: Any) -> tuple[str, str]:
    if found.param_type_name == "argument":
        return f"`{found.metavar or found.name.upper()}`", _cell(getattr(found, "help", "") or "")
    names = ", ".join(f"`{name}`" for name in (*found.opts, *found.secondary_opts))
    value = "" if found.is_flag else f" `{found.metavar or found.name.upper()}`"
    default = found.default
    is_shown = default not in (None, False, "", ()) and not callable(default) and not found.is_flag
    return names + value, _cell(found.help or "") + (f" Default: `{default}`." if is_shown else "")


def spec_page() -> str:
    """Every section of a spec with its fields, from the schema that `gpo spec schema` prints."""
    schema = TaskSpec.model_json_schema()
    known: Mapping[str, Any] = schema.get("$defs", {})
    sections = {name for name, part in known.items() if part.get("properties")}
    head = "What a spec may say; `gpo spec schema` prints it as JSON Schema. `gpo spec init` writes a commented one."
    parts = ["# The spec", "", head, "", "## TaskSpec", "", *_fields(schema, sections)]
    for name in sorted(sections):
        part = known[name]
        parts += [f"## {name}", "", _prose(part.get("description", "")), "", *_fields(part, sections)]
    return "\n".join(parts)


def _fields(part: Mapping[str, Any], sections: Collection[str]) -> list[str]:
    needed = part.get("required", ())
    rows = []
    for name, field in part["properties"].items():
        default = field.get("default")
        shown = "needed" if name in needed else f"`{default}`" if isinstance(default, str | int | float) else ""
        rows.append((f"`{name}`", _type(field, sections), shown, _cell(field.get("description", ""))))
    return _table(("field", "value", "default", "what it is"), rows)


def _type(field: Mapping[str, Any], sections: Collection[str]) -> str:
    """The type of a field in a few words, with a link where it is a section."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if name in sections else name
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    for kind in ("anyOf", "oneOf", "allOf"):
        if kind in field:
            return " or ".join(
                dict.fromkeys(_type(each, sections) for each in field[kind] if each.get("type") != "null")
            )
    if field.get("type") == "array":
        items = field.get("items") or {}
        return f"list of {_type(items, sections)}" if items else "list"
    return str(field.get("type", "any"))


def python_page() -> str:
    """Every name of `gpo` with its parameters and its docstring, and the same of what these return."""
    head = "What `import gpo` offers, and what comes back. [From Python](../python.md) says how it goes together."
    parts = ["# Python", "", head, ""]
    for name in gpo.__all__:
        parts += _documented(f"gpo.{name}", getattr(gpo, name))
    for kind in (Result, Evaluation, ComparisonResult, MigrationResult):
        parts += _documented(kind.__name__, kind)
    return "\n".join(parts)


def _documented(name: str, found: Any) -> Iterator[str]:
    yield from (f"## {name}", "", "```python", f"{name}{_signature(found)}", "```", "", *_docstring(found), "")
    if not inspect.isclass(found):
        return
    for each, member in vars(found).items():
        if each.startswith("_") or not (inspect.isroutine(member) or isinstance(member, property | classmethod)):
            continue
        plain = member.fget if isinstance(member, property) else getattr(found, each)
        called = "" if isinstance(member, property) else _signature(plain)
        yield from (f"**`{each}{called}`**", "", *_docstring(plain), "")


def _signature(found: Any) -> str:
    """The parameters without their types, which are long and in the docstring's words anyway."""
    shown = []
    for each in inspect.signature(found).parameters.values():
        if each.name == "self":
            continue
        stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        default = "" if each.default is each.empty else f"={each.default!r}"
        if each.kind is each.KEYWORD_ONLY and "*" not in shown and not any(name.startswith("*") for name in shown):
            shown.append("*")
        shown.append(f"{stars}{each.name}{default}")
    return f"({', '.join(shown)})"


def _docstring(found: Any) -> Iterator[str]:
    """A docstring as Markdown: what it says of parameters and errors is a list."""
    for line in _prose(found.__doc__ or "").splitlines():
        section = re.fullmatch(r"(Args|Raises|Returns|Yields):", line)
        if section is not None:
            yield from ("", f"{section[1]}:", "")
        elif entry := re.fullmatch(r" {4}(\*{0,2}\w+): (.*)", line):
            yield f"- `{entry[1]}`: {entry[2]}"
        else:
            yield line


def settings_page() -> str:
    """Every environment variable, with what stands beside its field."""
    tree = ast.parse(inspect.getsource(settings.Settings)).body[0]
    rows = []
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for node, after in pairwise(body):
        match node, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                rows.append((f"`GPO_{name.upper()}`", _cell(text)))
    head = "What belongs to a machine is an environment variable; what belongs to a task stands in its spec."
    return "\n".join(["# Settings", "", head, "", *_table(("variable", "what it is"), rows)])


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]
    return [*lines, ""]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _prose(text: str) -> str:
    return inspect.cleandoc(text).replace("<", "&lt;")
