"""Options that commands share, declared once in a dataclass."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from flows.cli.options import with_options

app = typer.Typer()


@dataclass(frozen=True)
class Drink:
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="What to drink.")]
    size: Annotated[int, typer.Option(help="In millilitres.")] = 200
    is_hot: Annotated[bool, typer.Option("--hot")] = False


@app.command()
@with_options(Drink)
def pour(*, where: Annotated[str, typer.Option(help="Into what.")] = "cup", options: Drink) -> None:
    """Pour a drink."""
    typer.echo(f"{where}: {options}")


@app.command()
@with_options(Drink)
def spill(*, options: Drink) -> None:
    typer.echo(f"oh no: {options}")


def test_the_fields_are_options_of_the_command_and_come_as_one_record() -> None:
    result = CliRunner().invoke(app, ["pour", "tea", "milk", "--size", "300", "--hot", "--where", "mug"])
    assert result.stdout == f"mug: {Drink(names=['tea', 'milk'], size=300, is_hot=True)}\n"


def test_defaults_are_those_of_the_fields_in_every_command() -> None:
    assert CliRunner().invoke(app, ["pour", "tea"]).stdout == f"cup: {Drink(names=['tea'])}\n"
    assert CliRunner().invoke(app, ["spill", "tea"]).stdout == f"oh no: {Drink(names=['tea'])}\n"


def test_help_explains_own_and_shared_options_and_nothing_named_options() -> None:
    shown = CliRunner().invoke(app, ["pour", "--help"]).stdout
    for text in ("Pour a drink.", "--where", "Into what.", "--size", "In millilitres.", "What to drink.", "200"):
        assert text in shown
    assert "--options" not in shown


def test_a_field_without_a_default_is_required() -> None:
    result = CliRunner().invoke(app, ["spill"])
    assert result.exit_code == 2
    assert "NAME" in result.stderr
