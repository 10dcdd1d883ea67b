"""Which state folder a command works with, and its database."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine


def state_folder(home: Path | None) -> Path:
    """The state folder that `home` or the settings name, whole."""
    from gpo.files import real_path
    from gpo.settings import load_settings

    return real_path(home or load_settings().home_here())


@contextmanager
def open_state_folder(home: Path | None, *, made_if_missing: bool = False) -> Iterator["Engine"]:
    """The database of a state folder; without `made_if_missing`, one that is there.

    Raises:
        PromptError: there is none.
        InputError: it cannot be opened.
    """
    from gpo.database.engine import open_state
    from gpo.database.writable import before_paying
    from gpo.errors import PromptError
    from gpo.prompts.missing import HOW_TO_BEGIN
    from gpo.settings import DATABASE_FILE, load_settings

    settings = load_settings()
    folder = (home or settings.home_here()).absolute()
    if not made_if_missing and not settings.has_database(folder):
        raise PromptError(
            f"{folder} holds no {DATABASE_FILE}: name the state folder, .gpo beside the spec, with --home or GPO_HOME; "
            f"if there is none yet, {HOW_TO_BEGIN}"
        )
    with ExitStack() as stack:
        with before_paying():
            engine = stack.enter_context(open_state(settings, folder))
        yield engine
