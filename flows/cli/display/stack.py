"""What a person sees of the local stack: its parts with their addresses, and what to do next."""

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from flows.stack.environment import key_path, place_of_prompts_key
from flows.stack.stack import StopReport
from flows.stack.start import PartStatus, StartReport
from gpo.formatting import count

_WIDE = 200


def changes_json(changes: Sequence[PartStatus]) -> dict[str, object]:
    """The parts as JSON has them."""
    return {"parts": [change._asdict() for change in changes]}


def print_changes(console: Console, changes: Sequence[PartStatus]) -> None:
    """One part a line. A narrow terminal wraps it: addresses and paths are to be copied whole."""
    console.width = max(console.width, _WIDE)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("part", "state", "address", "log"):
        table.add_column(name, no_wrap=True)
    for change in changes:
        table.add_row(change.name, change.state, change.where, change.log)
    console.print(table)


def print_started(console: Console, started: StartReport, folder: Path) -> None:
    """What `gpo up` did, and where to go from here."""
    print_changes(console, started.changes)
    if started.resumed:
        typer.echo(f"\n{count(started.resumed, 'interrupted run')} begin again where they stopped.")
    if all(change.state == "runs" for change in started.changes) and not started.deployed:
        typer.echo("\nThe stack runs already; nothing had to be done.")
        return
    typer.echo(f"\nWatch it at {started.stack.ui_url}; the page asks once for the key in {key_path(folder)}.")
    typer.echo(f"Prompts are for who sends `Authorization: Bearer` and the key in {place_of_prompts_key(folder)}.")
    if not started.stack.deployed:
        typer.echo("`gpo deploy SPEC` re-optimises that prompt on a schedule and when its dataset changes.")
    typer.echo(f"State: {folder}; stop it all with `gpo down`.")


def print_stopped(stopped: StopReport) -> None:
    """What `gpo down` stopped, and what becomes of the runs that it interrupted."""
    typer.echo(f"Stopped: {', '.join(stopped.parts)}" if stopped.parts else "No stack runs here.")
    if stopped.resumed:
        typer.echo(f"{count(stopped.resumed, 'run')} interrupted: to begin again at the next `gpo up`.")
