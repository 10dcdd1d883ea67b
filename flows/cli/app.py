"""The command `gpo`, put together from the files of the folder `commands`, each of which holds its own commands."""

import importlib
import importlib.metadata
import os
import pkgutil
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated

import typer

from flows.cli import commands
from flows.cli.console import CLOSED_PIPE
from flows.cli.help_examples import EXIT_CODES, complete_help
from flows.cli.panels import OrderedCommands
from flows.cli.signals import INTERRUPTED_CODES

_DRAINED_S = 10.0


def command_files(package: ModuleType) -> Iterator[tuple[str, typer.Typer]]:
    """The commands of each module of a package and the packages in it, after the module's name, ordered by it.

    Raises:
        TypeError: a module defines no `commands`.
    """
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        if found.ispkg:
            yield from command_files(module)
            continue
        offered = getattr(module, "commands", None)
        if not isinstance(offered, typer.Typer):
            raise TypeError(
                f"{found.name}: `commands` is {type(offered).__name__}; define `commands = typer.Typer()` there, "
                "with a function for each command, or move the module out of the folder"
            )
        yield found.name, offered


def build_app(package: ModuleType) -> typer.Typer:
    """The command line with the commands of every module of a package.

    Raises:
        TypeError: a module defines no `commands`.
    """
    built = typer.Typer(
        name="gpo",
        cls=OrderedCommands,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        epilog=f"{EXIT_CODES} `gpo COMMAND --help` explains a command.",
        callback=gpo,
    )
    for _, offered in command_files(package):
        built.registered_commands += offered.registered_commands
        built.registered_groups += offered.registered_groups
    complete_help(built)
    return built


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        version = importlib.metadata.version("gpo-pipeline")
    except importlib.metadata.PackageNotFoundError:
        version = "of a folder that is not installed"
    typer.echo(f"gpo {version}")
    raise typer.Exit


def gpo(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Improve a production prompt with GPO, prove the gain on unseen data, watch every step in Prefect."""
    del version


app = build_app(commands)


def main() -> None:
    """Run the command that the arguments of this process name."""
    try:
        app()
    except SystemExit as ending:
        # Typer and Rich end with 1, as after an error, when whoever reads the output has gone: `gpo presets | head -1`.
        if isinstance(ending.__context__, BrokenPipeError):
            sys.exit(CLOSED_PIPE)
        if ending.code in INTERRUPTED_CODES:
            # Threads of libraries would be waited for, and tell of what was taken from them.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(ending.code))
        _leave_soon(ending.code)
        raise


def _leave_soon(code: object) -> None:
    """End the process after `_DRAINED_S`, if it has not ended by then.

    At its end Prefect sends what it has left of logs and events, and for one that is away it tries for minutes.
    """
    if "prefect" not in sys.modules or not isinstance(code, int | None):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    leaving = threading.Timer(_DRAINED_S, os._exit, [code or 0])
    leaving.daemon = True
    leaving.start()


if __name__ == "__main__":
    main()
