"""What a run tells of itself while it works. Nobody listening costs nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from gpo.records import Scored


class Event:
    """Something that a run tells of itself."""


@dataclass(frozen=True)
class Began(Event):
    """A phase began: `start`, `step 3/18`, `test`; `calls` is what it will ask at most, cached ones included."""

    phase: str
    calls: int


@dataclass(frozen=True)
class Answered(Event):
    """`count` answers came: paid for now, or from the ledger."""

    paid: bool
    count: int = 1


@dataclass(frozen=True)
class Dropped(Event):
    """`calls` of the phase will not be made: the race ended a candidate."""

    calls: int


@dataclass(frozen=True)
class Evaluated(Event):
    """A candidate has its dev score."""

    scored: Scored


@dataclass(frozen=True)
class BestFound(Event):
    """The best prompt of the trajectory so far."""

    scored: Scored


@dataclass(frozen=True)
class Note(Event):
    """Something a person should know."""

    text: str


Listener = Callable[[Event], None]

_listener: ContextVar[Listener | None] = ContextVar("gpo_progress_listener", default=None)


def current_listener() -> Listener | None:
    """Who listens in this context."""
    return _listener.get()


def emit(event: Event) -> None:
    """Tell whoever listens in this context."""
    listener = current_listener()
    if listener is not None:
        listener(event)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear the events of everything that runs inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
