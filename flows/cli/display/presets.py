"""What a person sees of the presets; it loads no more than they need, since the list is a constant."""

import json
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.console import stdout_console
from gpo.spec.method import DEFAULT_PRESET, PRESETS, Method, OptimizerSpec

_TOLD = ("preset", "information", "trajectory", "k", "refinement", "word budget")
_TAKEN = ("preset", "accept", "current", "restart", "ways")
_MARK = f"* {DEFAULT_PRESET} is the default. `gpo spec schema` describes each option."
_NEAR = "`-like`: the point here that is nearest to GEPA, ProTeGi or COPRO."
_USE = "In a spec, `optimizer: NAME`, or `optimizer: {preset: NAME, ...}` to change some of it."


def print_presets(*, as_json: bool) -> None:
    """The methods with a name to stdout: two tables that fit 80 columns, or one JSON object."""
    methods = {name: OptimizerSpec(preset=name) for name in PRESETS}
    if as_json:
        typer.echo(json.dumps({name: _as_content(method) for name, method in methods.items()}))
        return
    console = stdout_console()
    _print_table(console, _TOLD, [_told(method) for method in methods.values()])
    console.print()
    _print_table(console, _TAKEN, [_taken(method) for method in methods.values()])
    console.print()
    for line in (_MARK, _NEAR, _USE):
        console.print(Text(line), soft_wrap=not console.is_terminal)


def _print_table(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if console.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for name in head:
            table.add_column(name, style="bold" if name == "preset" else None)
        for row in rows:
            table.add_row(*row)
        console.print(table)
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _as_content(method: OptimizerSpec) -> dict[str, object]:
    names = (*Method.model_fields, "candidates", "batch", "k")
    return {**method.model_dump(include=set(names)), "default": method.preset == DEFAULT_PRESET}


def _told(method: OptimizerSpec) -> tuple[str, ...]:
    """What the optimizer model is told and asked for."""
    decay = f"{method.decay}, warm-up" if method.warmup else method.decay
    shown = "-" if method.trajectory in ("none", "summary") else str(method.k)
    return _marked(method), method.information, method.trajectory, shown, method.refinement, decay


def _taken(method: OptimizerSpec) -> tuple[str, ...]:
    """What becomes of its proposals, and the ways in which it is asked."""
    ways = ", ".join(method.ways) or "-"
    return _marked(method), method.accept, method.current, "yes" if method.restart else "no", ways


def _marked(method: OptimizerSpec) -> str:
    return f"{method.preset}*" if method.preset == DEFAULT_PRESET else method.preset
