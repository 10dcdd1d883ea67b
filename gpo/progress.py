"""What a run tells of itself while it works. Nobody listening costs nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from gpo.outcome import Outcome
from gpo.records import Scored


@dataclass(frozen=True)
class Began:
    """A phase began: `start`, `step 3/18`, `test`; `calls` is what it will ask at most, cached ones included."""

    phase: str
    calls: int


@dataclass(frozen=True)
class Answered:
    """`count` answers came: paid for now, or from the ledger."""

    paid: bool
    count: int = 1


@dataclass(frozen=True)
class Dropped:
    """`calls` of the phase will not be made: the race ended a candidate."""

    calls: int


@dataclass(frozen=True)
class Evaluated:
    """A candidate has its dev score."""

    scored: Scored


@dataclass(frozen=True)
class BestFound:
    """The best prompt of the trajectory so far."""

    scored: Scored


@dataclass(frozen=True)
class Note:
    """Something a person should know."""

    text: str


@dataclass(frozen=True)
class RunBegan:
    """A run of a comparison began; runs are numbered from 0."""

    number: int


@dataclass(frozen=True)
class InRun:
    """What a run of a comparison tells of itself."""

    number: int
    event: "Event"


@dataclass(frozen=True)
class RunEnded:
    """A run of a comparison ended, with an outcome or an error."""

    number: int
    outcome: Outcome | None
    error: str | None = None


Event = Began | Answered | Dropped | Evaluated | BestFound | Note | RunBegan | InRun | RunEnded
Listener = Callable[[Event], None]

_listener: ContextVar[Listener | None] = ContextVar("gpo_progress_listener", default=None)


def emit(event: Event) -> None:
    """Tell whoever listens in this context."""
    listener = _listener.get()
    if listener is not None:
        listener(event)


@contextmanager
def in_run(number: int) -> Iterator[None]:
    """Tell whoever listens outside that the events inside are those of one run of a comparison."""
    outer = _listener.get()
    with listening(lambda event: outer(InRun(number, event)) if outer is not None else None):
        yield


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear the events of everything that runs inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
