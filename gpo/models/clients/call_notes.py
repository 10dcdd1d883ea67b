"""What is told past SDK and LangChain, through the context: what a call is about, and what was seen of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Exchange:
    """One request and its reply: how long they were under way, and numbers of tokens that cannot be true."""

    seconds: float | None = None
    odd_usage: Mapping[str, object] = field(default_factory=dict)


_exchange: ContextVar[Exchange | None] = ContextVar("gpo_exchange", default=None)


def current_exchange() -> Exchange:
    """Where to note what is seen of the call under way; outside of any, nowhere."""
    return _exchange.get() or Exchange()


@contextmanager
def exchanging() -> Iterator[Exchange]:
    """What is noted of the call that is made inside."""
    exchange = Exchange()
    token = _exchange.set(exchange)
    try:
        yield exchange
    finally:
        _exchange.reset(token)


_subject: ContextVar[Mapping[str, str | int] | None] = ContextVar("gpo_subject", default=None)


def current_subject() -> Mapping[str, str | int]:
    """What calls that are made here are about."""
    return _subject.get() or {}


def trace_options() -> Any:
    """What LangChain's traces say of a call that is made here: tags to group by, and all of it as metadata."""
    subject = current_subject()
    tags = [f"{name}:{subject[name]}" for name in ("step", "candidate") if name in subject]
    return {"tags": ["gpo", *tags], "metadata": {f"gpo_{name}": value for name, value in subject.items()}}


@contextmanager
def calls_about(**subject: str | int) -> Iterator[None]:
    """Calls that are made inside are about these: `run`, `step`, `candidate`, `example`; LangChain's traces show it."""
    token = _subject.set({**(_subject.get() or {}), **subject})
    try:
        yield
    finally:
        _subject.reset(token)
