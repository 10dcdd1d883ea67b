"""`gpo ledger ...`: the answers that were paid for, counted and taken back."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import exit_on_error, format_time, print_json, print_table, stdout_console
from flows.cli.options import AsJson, Debug, Home
from flows.cli.panels import INSPECT
from flows.cli.state import open_state_folder

ledger_app = typer.Typer(help="The answers that were paid for: count them, or take some back.", no_args_is_help=True)
commands = typer.Typer()
commands.add_typer(ledger_app, name="ledger", rich_help_panel=INSPECT)

_COLUMNS = ("model", "role", "answers", "empty", "cut", "input tokens", "output tokens", "first", "last")
_MOST_DAYS = 36_500

if TYPE_CHECKING:
    from gpo.models.ledger_admin import AnswerFilter

Model = Annotated[str | None, typer.Option(help="Only of models whose name holds this, as the provider reports it.")]
Role = Annotated[str | None, typer.Option(help="Only of one role: task, optimizer, judge or langchain.")]
Since = Annotated[str | None, typer.Option(help="Only answers from this date or time on, such as 2026-03-01.")]
OlderThan = Annotated[float | None, typer.Option(help="Only answers older than so many days.", min=0)]
Empty = Annotated[bool, typer.Option("--empty", help="Only answers without visible text.")]


@ledger_app.command("show")
def show(
    *,
    model: Model = None,
    role: Role = None,
    since: Since = None,
    older_than: OlderThan = None,
    empty: Empty = False,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Count the kept answers by model and role."""
    with exit_on_error(debug=debug):
        from gpo.models.ledger_admin import count_kept

        choice = _choice(model, role, since, older_than, empty=empty)
        with open_state_folder(home) as engine:
            found = count_kept(engine, choice)
        if as_json:
            print_json([each.model_dump() for each in found])
            return
        console = stdout_console()
        rows = [
            (
                each.model,
                each.role,
                *(
                    f"{number}"
                    for number in (each.answers, each.empty, each.cut, each.input_tokens, each.output_tokens)
                ),
                format_time(console, each.first),
                format_time(console, each.last),
            )
            for each in found
        ]
        print_table(console, _COLUMNS, rows)


@ledger_app.command("forget")
def forget_answers(
    *,
    model: Model = None,
    role: Role = None,
    since: Since = None,
    older_than: OlderThan = None,
    empty: Empty = False,
    everything: Annotated[bool, typer.Option("--all", help="All answers, where no other option says which.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without this, it is only told what would be done.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Take answers out of the ledger, so that they are asked for anew. Without --yes nothing is changed.

    Scores that runs have made of them already stay as they are.
    """
    with exit_on_error(debug=debug):
        from gpo.errors import InputError
        from gpo.models.ledger_admin import count_kept, forget

        choice = _choice(model, role, since, older_than, empty=empty)
        if choice.is_all != everything:
            raise InputError(
                "say which answers to forget: --model, --role, --since, --older-than or --empty, or --all alone"
            )
        with open_state_folder(home) as engine:
            found = sum(each.answers for each in count_kept(engine, choice))
            forgotten = forget(engine, choice) if yes else 0
        if as_json:
            print_json({"found": found, "forgotten": forgotten})
        elif yes:
            typer.echo(f"{forgotten} answers forgotten")
        else:
            typer.echo(f"{found} answers would be forgotten; --yes does it")


def _choice(
    model: str | None, role: str | None, since: str | None, older_than: float | None, *, empty: bool
) -> "AnswerFilter":
    from gpo.database.engine import utc_now
    from gpo.models.ledger_admin import AnswerFilter, read_time

    return AnswerFilter(
        model=model,
        role=role,
        since=None if since is None else read_time(since),
        before=None if older_than is None else utc_now(_days(older_than)),
        empty=empty,
    )


def _days(number: float) -> timedelta:
    from gpo.errors import InputError

    if not number <= _MOST_DAYS:
        raise InputError(f"--older-than: received {number:g}; give a number of days up to {_MOST_DAYS:,}")
    return timedelta(days=number)
