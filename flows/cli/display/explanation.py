"""What a person sees of a method: the text that a step shows to the optimizer model, and the list of presets."""

import json
import textwrap

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.cli.console import stdout_console
from gpo.formatting import count, printable
from gpo.runs.explain import ExplainedPart, Explanation
from gpo.spec.method import PRESETS, Method

_HEAD = ("preset", "current information", "trajectory", "edit distance", "refinement")
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
    """The published methods to stdout: a table, or one JSON object."""
    if as_json:
        typer.echo(json.dumps({name: method.model_dump() for name, method in PRESETS.items()}))
        return
    console = stdout_console()
    rows = [(name, *_cells(method)) for name, method in PRESETS.items()]
    if console.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for name in _HEAD:
            table.add_column(name, style="bold" if name == "preset" else None)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    else:
        widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
        for row in (_HEAD, *rows):
            typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    console.print()
    console.print(Text(_USE), soft_wrap=not console.is_terminal)


def _cells(method: Method) -> tuple[str, str, str, str]:
    decay = f"{method.decay}, warm-up" if method.warmup else method.decay
    return method.information, method.trajectory, decay, method.refinement
