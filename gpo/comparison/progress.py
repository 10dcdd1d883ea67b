"""Events that a comparison emits: a run began, something happened in a run, a run ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gpo.progress import Event, current_listener, listen
from gpo.runs.outcome import Outcome


@dataclass(frozen=True)
class RunBegan(Event):
    """A run of a comparison began; runs are numbered from 0."""

    number: int


@dataclass(frozen=True)
class InRun(Event):
    """An event of a run of a comparison, with the run's number."""

    number: int
    event: Event


@dataclass(frozen=True)
class RunEnded(Event):
    """A run of a comparison ended, with an outcome or an error."""

    number: int
    outcome: Outcome | None
    error: str | None = None


@contextmanager
def emit_as_run(number: int) -> Iterator[None]:
    """Hand the events of everything inside to the outer listener as events of run `number`."""
    outer = current_listener()
    with listen(lambda event: outer(InRun(number, event)) if outer is not None else None):
        yield
