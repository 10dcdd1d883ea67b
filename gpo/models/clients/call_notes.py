"""What the HTTP client notes of one call for those who asked: they meet through the context, past SDK and LangChain."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


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
