"""`gpo examples`: lists what ships beside the code, and copies it to where a person can change it."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import exit_on_error
from flows.cli.options import Debug
from flows.cli.panels import IMPROVE

commands = typer.Typer()


@commands.command(rich_help_panel=IMPROVE)
def examples(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which one; without it they are listed.")] = None,
    to: Annotated[Path, typer.Option("--to", help="The folder to copy into.")] = Path(),
    debug: Debug = False,
) -> None:
    """List the bundled examples, or copy one: its spec and its data, to change as you like.

    `deployments` is a `prefect.yaml` with what it names, and the compose file of a team.

    Example: `gpo examples review-sentiment`
    """
    with exit_on_error(debug=debug):
        from flows.cli.examples import copy_example, example_names

        lines = example_names() if name is None else [str(copy_example(name, to))]
        typer.echo("\n".join(lines))
