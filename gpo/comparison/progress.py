"""What a comparison tells of its runs while it works."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gpo.progress import Event, current_listener, listening
from gpo.runs.outcome import Outcome


@dataclass(frozen=True)
class RunBegan(Event):
    """A run of a comparison began; runs are numbered from 0."""

    number: int


@dataclass(frozen=True)
class InRun(Event):
    """What a run of a comparison tells of itself."""

    number: int
    event: Event


@dataclass(frozen=True)
class RunEnded(Event):
    """A run of a comparison ended, with an outcome or an error."""

    number: int
    outcome: Outcome | None
    error: str | None = None


@contextmanager
def in_run(number: int) -> Iterator[None]:
    """Tell whoever listens outside that the events inside are those of one run of a comparison."""
    outer = current_listener()
    with listening(lambda event: outer(InRun(number, event)) if outer is not None else None):
        yield
