"""Events that a run emits while it works, such as a finished call or a new best prompt, and how to listen to them.

Without a listener an event is dropped.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from gpo.records import Scored


class Event:
    """Base of all events."""


@dataclass(frozen=True)
class Began(Event):
    """A phase began: `start`, `step 3/18`, `test`. `calls` is the most model calls it makes, cached ones included."""

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
    """The listener of this context; None when there is none."""
    return _listener.get()


def emit(event: Event) -> None:
    """Hand an event to the listener of this context, if there is one."""
    listener = current_listener()
    if listener is not None:
        listener(event)


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Hand the events of everything that runs inside to `listener`, in place of an outer listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
