"""`gpo up`, `gpo down` and `gpo status`: the local stack of a state folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.cli.console import exit_on_error, print_error, print_json
from flows.cli.options import AsJson, Debug, Home
from flows.cli.state import state_folder
from gpo.formatting import count

if TYPE_CHECKING:
    from flows.stack.start import Change

_MOST_WORKERS = 32

Workers = Annotated[
    int | None,
    typer.Option(min=1, max=_MOST_WORKERS, help="How many workers; by default as many as there were, or one."),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=1024,
        max=65500,
        help="The Prefect server's, by default that of last time, or 4200; Chroma and the prompts have the next ones.",
    ),
]


def up(
    workers: Workers = None, port: Port = None, home: Home = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Start the local stack of a state folder: Prefect server, Chroma, workers, deployments, prompt endpoint.

    What runs already is left alone, what died is started again. The deployments are those of the `prefect.yaml` in
    this folder, if there is one.
    """
    with exit_on_error(debug=debug):
        from flows.stack import stack

        folder = state_folder(home)
        if not stack.status(folder):
            print_error(
                "Starting Prefect, Chroma, a worker and the prompt endpoint; the first time takes half a minute."
            )
        raised = stack.up(folder, workers, port)
        if as_json:
            print_json(_rows(raised.changes) | {"deployed": raised.deployed})
            return
        _print(raised.changes)
        if raised.resumed:
            typer.echo(f"\n{count(raised.resumed, 'interrupted run')} begin again where they stopped.")
        if all(change.state == "runs" for change in raised.changes) and not raised.deployed:
            typer.echo("\nThe stack runs already; nothing had to be done.")
            return
        typer.echo(f"\n{_next_steps(raised.stack.ui_url, folder, deployed=bool(raised.stack.deployed))}")


def down(home: Home = None, debug: Debug = False) -> None:
    """Stop what `gpo up` started for a state folder, runs of its workers too; nothing is lost."""
    with exit_on_error(debug=debug):
        from flows.stack import stack

        lowered = stack.down(state_folder(home))
        typer.echo(f"Stopped: {', '.join(lowered.parts)}" if lowered.parts else "No stack runs here.")
        if lowered.resumed:
            typer.echo(f"{count(lowered.resumed, 'run')} interrupted: to begin again at the next `gpo up`.")


def status(home: Home = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Show what runs of the local stack. Exit code 1 unless all of it does."""
    with exit_on_error(debug=debug):
        from flows.stack import stack

        folder = state_folder(home)
        found = stack.status(folder)
        if as_json:
            print_json(_rows(found))
        elif found:
            _print(found)
        else:
            typer.echo(f"No stack runs for {folder}; start it with `gpo up`.")
        if not found or any(change.state == "stopped" for change in found):
            raise typer.Exit(1)


def migrate(home: Home = None, debug: Debug = False) -> None:
    """Make the database of a state folder, or bring it up to this version; every run does so as well."""
    with exit_on_error(debug=debug):
        from gpo.database.engine import REVISION, open_database
        from gpo.settings import load_settings

        open_database(load_settings().database_for(state_folder(home))).dispose()
        typer.echo(f"The database is at {REVISION}.")


def _rows(changes: "tuple[Change, ...]") -> dict[str, object]:
    return {"parts": [change._asdict() for change in changes]}


def _print(changes: "tuple[Change, ...]") -> None:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("part", "state", "address", "log"):
        table.add_column(name, no_wrap=True)
    for change in changes:
        table.add_row(change.name, change.state, change.where, change.log)
    Console(width=200).print(table)


def _next_steps(ui_url: str, folder: Path, *, deployed: bool) -> str:
    lines = [f"Watch it at {ui_url}"]
    if not deployed:
        lines.append("`gpo deploy SPEC` re-optimises that prompt on a schedule and when its dataset changes.")
    lines.append(f"State: {folder}; stop it all with `gpo down`.")
    return "\n".join(lines)
