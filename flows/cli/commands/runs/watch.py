"""`gpo watch RUN`: a run as it goes, from another terminal."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from flows.cli.console import exit_on_error, print_error, stdout_console
from flows.cli.options import Debug, Home, RunName
from flows.cli.panels import INSPECT
from flows.cli.state import open_state_folder, state_folder

if TYPE_CHECKING:
    from gpo.records import Scored
    from gpo.runs.history import History
    from gpo.runs.outcome import Outcome

commands = typer.Typer()

_PAUSE_S = 1.0


@commands.command(rich_help_panel=INSPECT)
def watch(run: RunName, *, home: Home = None, debug: Debug = False) -> None:
    """Show the prompts that a run scores as it goes, and its verdict at the end. Ctrl-C ends the watching alone."""
    with exit_on_error(debug=debug), open_state_folder(home) as engine:
        from flows.cli.display.run import print_last, scored_line
        from gpo.formatting import minute
        from gpo.report.page.material import report_path
        from gpo.runs.history import History
        from gpo.runs.outcome import Outcome
        from gpo.runs.results.lookup import find_run

        history, console = History(engine), stdout_console()
        found = find_run(history.runs(), run)
        print_error(f"{found.id}, begun at {minute(found.started_at)} UTC")
        for seen in follow(history, found.key):
            if isinstance(seen, Outcome):
                print_last(console, seen, [str(report_path(state_folder(home), found.id))])
            else:
                console.print(scored_line(seen), soft_wrap=True)


def follow(history: "History", run_key: str, pause_s: float = _PAUSE_S) -> "Iterator[Scored | Outcome]":
    """Each scored prompt of a run, once it is there, and last what the run came to.

    Raises:
        StateError: the database cannot be used.
    """
    told: set[tuple[int, str]] = set()
    while True:
        # Before the prompts: what was scored before the end is told before it.
        outcome = history.outcome(run_key)
        for scored in history.scored(run_key):
            name = (scored.candidate.step, scored.candidate.id)
            if name not in told:
                told.add(name)
                yield scored
        if outcome is not None:
            yield outcome
            return
        time.sleep(pause_s)
