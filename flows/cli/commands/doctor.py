"""`gpo doctor`: whether a run can work here. Nothing heavy is imported, and nothing is written.

Only with a spec the models are asked a few questions, as before every run; what they answer is kept when all is well.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import exit_on_error, stdout_console
from flows.cli.options import Debug
from flows.cli.panels import INSPECT

if TYPE_CHECKING:
    from flows.cli.checks.check import Check

commands = typer.Typer()


@commands.command(rich_help_panel=INSPECT)
def doctor(
    spec: Annotated[Path | None, typer.Argument(metavar="SPEC", help="Also check this spec and its models.")] = None,
    debug: Debug = False,
) -> None:
    """Check what a run needs: Python, packages, embedded models, state, Prefect; with SPEC, its data and models."""
    with exit_on_error(debug=debug):
        from flows.cli.display.checks import print_checks

        if not print_checks(stdout_console(), make_checks(spec)):
            raise typer.Exit(1)


def make_checks(spec: Path | None) -> "Iterator[Check]":
    """All checks, each made as it is asked for; those of a spec's data and models where there is one."""
    from flows.cli.checks.check import Check
    from flows.cli.checks.machine import check_embedded_models, check_model_servers, check_packages, check_python
    from flows.cli.checks.spec import check_spec
    from flows.cli.checks.state import check_prefect, check_state
    from gpo.errors import InputError
    from gpo.settings import load_settings

    yield check_python()
    yield from check_packages()
    yield from check_embedded_models()
    try:
        settings = load_settings()
    except InputError as error:
        yield Check(name="settings", state="failed", text=str(error))
        return
    yield check_model_servers(settings)
    yield from check_state(settings, settings.home_for(spec or Path.cwd() / "spec.yaml"))
    yield check_prefect()
    if spec is not None:
        yield from check_spec(spec)
