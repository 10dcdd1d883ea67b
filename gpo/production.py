"""What production rests on, opened together: the registry, the decisions and the history of one database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gpo.database import open_database
from gpo.decisions import Decisions
from gpo.history import History
from gpo.registry import Registry

if TYPE_CHECKING:
    from sqlalchemy import Engine


class Production:
    """The registry of prompts, the decisions about challengers and the history of runs, in one database."""

    def __init__(self, engine: "Engine") -> None:
        """Use `engine`, which the caller disposes of."""
        self.engine = engine
        self.registry = Registry(engine)
        self.decisions = Decisions(engine)
        self.history = History(engine)


@contextmanager
def open_production(url: str) -> Iterator[Production]:
    """Production in the database of an SQLAlchemy URL, open until the context ends.

    Raises:
        StateError: the database cannot be used.
    """
    engine = open_database(url)
    try:
        yield Production(engine)
    finally:
        engine.dispose()
