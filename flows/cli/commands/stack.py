"""`gpo up`, `down`, `status`, `ui`, `serve-prompts` and `upgrade`: the servers and the database of a state folder."""

from typing import Annotated

import typer

from flows.cli.console import exit_on_error, print_error, print_json, stdout_console
from flows.cli.options import AsJson, Debug, Home
from flows.cli.panels import PRODUCTION, STACK
from flows.cli.state import state_folder

ui_group = typer.Typer(help="The local Prefect server that `--ui` starts.", no_args_is_help=True)

commands = typer.Typer()
commands.add_typer(ui_group, name="ui", rich_help_panel=STACK)

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


@commands.command(rich_help_panel=STACK)
def up(
    workers: Workers = None, port: Port = None, home: Home = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Start the local stack of a state folder: Prefect server, Chroma, workers, deployments, prompt endpoint.

    What runs already is left alone, what died is started again. The deployments are those of the `prefect.yaml` in
    this folder, if there is one.
    """
    with exit_on_error(debug=debug):
        from flows.cli.display.stack import changes_json, print_started
        from flows.stack import stack

        folder = state_folder(home)
        if not stack.status(folder):
            print_error(
                "Starting Prefect, Chroma, a worker and the prompt endpoint; the first time takes half a minute."
            )
        started = stack.up(folder, workers, port)
        if as_json:
            print_json({**changes_json(started.changes), "deployed": started.deployed})
        else:
            print_started(stdout_console(), started, folder)


@commands.command(rich_help_panel=STACK)
def down(home: Home = None, debug: Debug = False) -> None:
    """Stop what `gpo up` started for a state folder, runs of its workers too; nothing is lost."""
    with exit_on_error(debug=debug):
        from flows.cli.display.stack import print_stopped
        from flows.stack import stack

        print_stopped(stack.down(state_folder(home)))


@commands.command(rich_help_panel=STACK)
def status(home: Home = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Show what runs of the local stack. Exit code 1 unless all of it does."""
    with exit_on_error(debug=debug):
        from flows.cli.display.stack import changes_json, print_changes
        from flows.stack import stack

        folder = state_folder(home)
        found = stack.status(folder)
        if as_json:
            print_json(changes_json(found))
        elif found:
            print_changes(stdout_console(), found)
        else:
            typer.echo(f"No stack runs for {folder}; start it with `gpo up`.")
        if not found or any(change.state == "stopped" for change in found):
            raise typer.Exit(1)


@commands.command(rich_help_panel=STACK)
def upgrade(home: Home = None, debug: Debug = False) -> None:
    """Make the database of a state folder, or bring it up to this version; every run does so as well."""
    with exit_on_error(debug=debug):
        from gpo.database.engine import open_database
        from gpo.database.glance import REVISION
        from gpo.settings import load_settings

        open_database(load_settings().database_for(state_folder(home))).dispose()
        typer.echo(f"The database is at {REVISION}.")


@ui_group.command("start")
def start_ui(home: Home = None, debug: Debug = False) -> None:
    """Start the local Prefect server of a state folder, or say where it runs."""
    with exit_on_error(debug=debug):
        from flows.stack.environment import key_path, prepare_prefect
        from flows.stack.ui import ensure_server

        folder = state_folder(home)
        prepare_prefect(folder)
        typer.echo(ensure_server(folder).url)
        print_error(f"The page asks once for the key in {key_path(folder)}.")


@ui_group.command("stop")
def stop_ui(home: Home = None, debug: Debug = False) -> None:
    """Stop the local Prefect server of a state folder."""
    with exit_on_error(debug=debug):
        from flows.stack.ui import stop_server

        typer.echo("stopped" if stop_server(state_folder(home)) else "none runs")


@commands.command("serve-prompts", rich_help_panel=PRODUCTION)
def serve_prompts(
    host: Annotated[
        str, typer.Option(help="The address to listen at. Without GPO_PROMPTS_KEY, prompts are served to everybody.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen at; 0 for any.", min=0, max=65535)] = 4300,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Serve prompts over HTTP, read-only, for applications that cannot import `gpo.load_prompt`.

    With GPO_PROMPTS_KEY set, to whoever sends `Authorization: Bearer KEY`. With GPO_REPORTS_KEY set, also the reports
    of the state folder at `/reports`, to whoever gives it as the password.
    """
    with exit_on_error(debug=debug, light=True):
        from gpo.prompts.server import serve
        from gpo.serving.pages import ServedPages
        from gpo.settings import load_settings

        settings = load_settings()
        folder = (home or settings.home_here()).absolute()
        key = settings.reports_key
        pages = ServedPages(folder / "reports", None if key is None else key.get_secret_value())
        prompts_key = None if settings.prompts_key is None else settings.prompts_key.get_secret_value()
        serve(settings.database_for(folder), host, port, print_error, pages=pages, key=prompts_key)
