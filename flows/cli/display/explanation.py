"""What a person sees of a step: the text that it shows to the optimizer model."""

import textwrap

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from flows.cli.console import stdout_console
from gpo.formatting import count, printable
from gpo.runs.explain import ExplainedPart, Explanation

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
