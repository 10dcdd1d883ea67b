"""`gpo report RUN` and `gpo reports`: the page of one run, and the list of all."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import exit_on_error, print_json, print_table, stdout_console
from flows.cli.options import AsJson, Debug, Home, RunName
from flows.cli.panels import INSPECT
from flows.cli.state import open_state_folder, state_folder

commands = typer.Typer()

Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]


@commands.command(rich_help_panel=INSPECT)
def report(run: RunName, *, opened: Open = False, home: Home = None, debug: Debug = False) -> None:
    """Print where the report of a run lies, or open it.

    Example: `gpo report tickets --open`
    """
    with exit_on_error(debug=debug):
        from gpo.errors import InputError
        from gpo.report.page.material import report_path
        from gpo.runs.history import History
        from gpo.runs.results.lookup import find_run

        with open_state_folder(home) as engine:
            found = find_run(History(engine).runs(), run)
        path = report_path(state_folder(home), found.id)
        if not path.exists():
            why = "has not finished" if found.finished_at is None else "has no report here"
            raise InputError(f"run {found.id} {why}; the same `gpo optimize` goes on with it, and pays nothing twice")
        show_page(path, opened=opened)


@commands.command(rich_help_panel=INSPECT)
def reports(*, opened: Open = False, home: Home = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """List all runs with what became of them, and write the list as a page beside their reports.

    Example: `gpo reports --open`
    """
    with exit_on_error(debug=debug):
        from gpo.report.index_html import index_rows, write_index
        from gpo.runs.history import History

        folder = state_folder(home)
        with open_state_folder(home) as engine:
            rows = list(index_rows(folder, History(engine)))
        path = write_index(folder, rows)
        if as_json:
            shown = ("started", "task", "run", "verdict")
            print_json([{name: getattr(row, name) for name in shown} | {"gain": row.gain.text} for row in rows])
            return
        columns = ("at (UTC)", "task", "run", "verdict", "gain")
        print_table(
            stdout_console(), columns, [(row.started, row.task, row.run, row.verdict, row.gain.text) for row in rows]
        )
        show_page(path, opened=opened)


def show_page(path: Path, *, opened: bool) -> None:
    """Print where a page lies, or open it; where there is no browser, it is printed too."""
    if not opened or not webbrowser.open(path.as_uri()):
        typer.echo(str(path))
