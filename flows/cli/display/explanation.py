"""What a person sees of a method: the text that a step shows to the optimizer model, and the list of presets."""

import json
import textwrap
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.cli.console import stdout_console
from gpo.formatting import count, printable
from gpo.runs.explain import ExplainedPart, Explanation
from gpo.spec.method import DEFAULT_PRESET, PRESETS, Method, OptimizerSpec

_TOLD = ("preset", "information", "trajectory", "k", "refinement", "word budget")
_TAKEN = ("preset", "accept", "current", "restart", "ways")
_MARK = f"* {DEFAULT_PRESET} is the default. `gpo spec schema` describes each option."
_USE = "In a spec, `optimizer: NAME`, or `optimizer: {preset: NAME, ...}` to change some of it."
_INDENT = 2


def print_explanation(explanation: Explanation, *, as_json: bool) -> None:
    """The meta-prompt to stdout, part by part: one JSON object, or text that is wrapped on a terminal only."""
    if as_json:
        typer.echo(explanation.model_dump_json())
        return
    console = stdout_console()
    wraps = console.is_terminal
    limit = "no word limit" if explanation.budget is None else f"at most {count(explanation.budget, 'word')} changed"
    head = Text(explanation.task, style="bold")
    head.append(f"  step {explanation.step} of {explanation.max_steps}, seed {explanation.seed}, {limit}", "not bold")
    console.print(head, soft_wrap=not wraps)
    console.print(Text(explanation.note, style="dim" if explanation.run else "yellow"), soft_wrap=not wraps)
    for part in explanation.parts:
        console.print()
        _print_part(console, part, wraps=wraps)


def _print_part(console: Console, part: ExplainedPart, *, wraps: bool) -> None:
    title = Text(part.name, style="bold cyan")
    title.append(f"  {part.choice}", style="not bold dim")
    console.print(title, soft_wrap=not wraps)
    text = Text(printable(part.text), style="default" if part.known else "yellow")
    if wraps:
        console.print(Padding(text, (0, 0, 0, _INDENT), expand=False))
    else:
        console.print(Text(textwrap.indent(text.plain, " " * _INDENT)), soft_wrap=True)


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
    for line in (_MARK, _USE):
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
