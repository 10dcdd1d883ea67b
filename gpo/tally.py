"""Counting calls by role."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

ROLES = ("task", "optimizer", "judge", "embedding")


@dataclass
class Tally:
    """Calls of one role, counted as they happen; of the embedding model, its texts."""

    paid: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


_tallies: ContextVar[Mapping[str, Tally] | None] = ContextVar("gpo_tallies", default=None)


def tallies() -> Mapping[str, Tally]:
    """The tallies of this context by role; new ones where nothing counts together."""
    return _tallies.get() or _fresh()


@contextmanager
def counting_together() -> Iterator[None]:
    """Models opened inside, one after the other, count the calls of a role in one tally: the outermost one's."""
    if _tallies.get() is not None:
        yield
        return
    token = _tallies.set(_fresh())
    try:
        yield
    finally:
        _tallies.reset(token)


def _fresh() -> Mapping[str, Tally]:
    return {role: Tally() for role in ROLES}
