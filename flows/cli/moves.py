"""What a command does after it has moved an alias of a prompt: it says so, and tells the Prefect server."""

from pathlib import Path

from flows.cli.console import print_error
from flows.cli.state import state_folder
from gpo.prompts.version import Move


def tell_of_move(move: Move, home: Path | None) -> None:
    """Tell the Prefect server, if one is known; a person is told where it could not be."""
    from flows.stack.telling import tell_server  # noqa: PLC0415 - for these commands alone
    from tasks.telling.events import prompt_moved  # noqa: PLC0415

    if problem := tell_server(state_folder(home), prompt_moved(move)):
        print_error(f"The prompt has moved; {problem}")


def show_move(move: Move, home: Path | None, *, as_json: bool) -> None:
    """Where an alias points now, and where it pointed before."""
    from flows.cli.display.prompts import print_move  # noqa: PLC0415

    print_move(move, as_json=as_json)
    tell_of_move(move, home)
