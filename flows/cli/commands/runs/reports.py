"""`gpo report` and `gpo reports`: the page of a run, a prompt, a dataset or a comparison, and the list of all."""

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import exit_on_error, print_json, print_table, stdout_console
from flows.cli.options import AsJson, Debug, Home
from flows.cli.panels import INSPECT
from flows.cli.state import open_state_folder, state_folder

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from gpo.production.decision_log import Production

commands = typer.Typer()

Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]
MaybeRun = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="A run's id, the start of one, or a task, whose last run it is."),
]
OfPrompt = Annotated[
    str | None, typer.Option("--prompt", metavar="NAME", help="The page of a prompt: what is live, and its history.")
]
OfDataset = Annotated[
    str | None, typer.Option("--dataset", metavar="NAME", help="The page of a dataset: versions, labels, changes.")
]
OfDecision = Annotated[
    str | None,
    typer.Option("--decision", metavar="RUN", help="The page of what was decided about a run, or in a check."),
]
OfComparison = Annotated[
    str | None, typer.Option("--comparison", metavar="ID", help="The page of what `gpo compare` came to.")
]


@commands.command(rich_help_panel=INSPECT)
def report(
    run: MaybeRun = None,
    *,
    prompt: OfPrompt = None,
    dataset: OfDataset = None,
    decision: OfDecision = None,
    comparison: OfComparison = None,
    opened: Open = False,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Print where the report of a run lies, or open it; or make the page of a prompt, a dataset, a decision.

    Example: `gpo report tickets --open`
    """
    with exit_on_error(debug=debug):
        from gpo.errors import InputError

        wanted = {
            "RUN": run,
            "--prompt": prompt,
            "--dataset": dataset,
            "--decision": decision,
            "--comparison": comparison,
        }
        named = {name: value for name, value in wanted.items() if value is not None}
        if len(named) != 1:
            found = " and ".join(named) or "none"
            raise InputError(f"name one of {', '.join(wanted)}; received {found}. `gpo reports` lists what there is")
        (kind, name), *_ = named.items()
        with open_state_folder(home) as engine:
            show_page(_page(engine, state_folder(home), kind, name), opened=opened)


def _page(engine: "Engine", folder: Path, kind: str, name: str) -> Path:
    """The page of a run, which is there already, or of something else, which is made."""
    from gpo.datasets.registry import Datasets
    from gpo.errors import DecisionError, suggestion
    from gpo.production.decision_log import Production
    from gpo.report.kept.write import write_comparison, write_dataset, write_decision, write_prompt
    from gpo.settings import load_settings

    production = Production(engine)
    match kind:
        case "--prompt":
            return write_prompt(folder, production, name)
        case "--dataset":
            return write_dataset(folder, Datasets(load_settings(), folder), production, name)
        case "--comparison":
            return write_comparison(folder, name)
        case "--decision":
            known = production.decisions.list_decisions()
            found = next((each for each in known if name in (each.run, each.id)), None)
            if found is None:
                hint = suggestion(name, [each.run for each in known]) if known else "; there are none yet"
                raise DecisionError(f"nothing was decided about a run '{name}'{hint}")
            return write_decision(folder, production, found)
        case _:
            return _page_of_run(production, folder, name)


def _page_of_run(production: "Production", folder: Path, name: str) -> Path:
    from gpo.errors import InputError
    from gpo.report.run_html import report_path
    from gpo.runs.results.lookup import find_run

    found = find_run(production.history.runs(), name)
    path = report_path(folder, found.id)
    if not path.exists():
        why = "has not finished" if found.finished_at is None else "has no report here"
        raise InputError(f"run {found.id} {why}; the same `gpo optimize` goes on with it, and pays nothing twice")
    return path


@commands.command(rich_help_panel=INSPECT)
def reports(*, opened: Open = False, home: Home = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """List all runs with what became of them, and write the pages of prompts, decisions, datasets and comparisons.

    The list is a page, too, beside the reports of the runs. All of it can be opened from a file.

    Example: `gpo reports --open`
    """
    with exit_on_error(debug=debug):
        from gpo.datasets.registry import Datasets
        from gpo.production.decision_log import Production
        from gpo.report.index_html import index_rows
        from gpo.report.kept.write import write_all
        from gpo.settings import load_settings

        folder = state_folder(home)
        with open_state_folder(home) as engine:
            production = Production(engine)
            rows = list(index_rows(folder, production.history))
            path = write_all(folder, production, Datasets(load_settings(), folder))
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
