"""PostgreSQL engines with time limits: for a connection, a lock, a statement, and for a server that sends nothing.

The server limits locks, statements and idle transactions itself, transaction by transaction, which also holds behind a
connection pooler. A server that is frozen or cut off limits nothing: for that case the client counts how long it has
heard nothing, then gives the connection up.
"""

import time
from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL

if TYPE_CHECKING:
    import psycopg

PSYCOPG = "psycopg"
_T = TypeVar("_T")


class Limits(NamedTuple):
    """How long to wait, in seconds: for a connection, for another's lock, and for a statement."""

    connect_s: int
    lock_s: float
    statement_s: float

    @property
    def silent_s(self) -> float:
        """How long nothing may be heard during a statement: the server's own limit gets to speak first."""
        return self.statement_s + _GRACE_S


_GRACE_S = 1.0

READ_LIMITS = Limits(connect_s=5, lock_s=3.0, statement_s=4.0)
"""For read-only engines, which serve prompts: the last good prompt is better than a late one."""

WRITE_LIMITS = Limits(connect_s=15, lock_s=30.0, statement_s=120.0)
"""For all other engines."""

MIGRATION_LIMITS = Limits(connect_s=15, lock_s=600.0, statement_s=600.0)
"""For a change of the schema, which may rewrite tables."""

_IDLE_S = 60.0
"""A process that is frozen in its transaction lets go of its locks after this."""

# For connections that rest in the pool, and for what is sent: libpq's own, where the URL does not say otherwise.
_TCP = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}

_SET = text(
    "SELECT set_config('lock_timeout', :lock, true), set_config('statement_timeout', :statement, true), "
    "set_config('idle_in_transaction_session_timeout', :idle, true)"
)


def create_postgresql(url: URL, limits: Limits) -> Engine:
    """An engine that keeps to `limits`. Only with psycopg do they hold for a silent server, too.

    Raises:
        ImportError: the driver is not installed.
    """
    is_psycopg = url.get_driver_name() == PSYCOPG
    defaults = {"connect_timeout": limits.connect_s, **_TCP} if is_psycopg else {}
    options = {name: value for name, value in defaults.items() if name not in url.query}
    engine = create_engine(url, pool_pre_ping=True, max_overflow=-1, connect_args=options)
    if is_psycopg:
        attentive = _connection_class()

        @event.listens_for(engine, "do_connect")
        def connect(_dialect: object, _record: object, args: list[Any], options: dict[str, Any]) -> object:
            return attentive.connect(*args, **options)

        @event.listens_for(engine, "connect")
        @event.listens_for(engine, "checkin")
        def limit_silence(connection: Any, _record: object) -> None:
            if connection is not None:
                connection.silent_s = limits.silent_s

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        _set_limits(connection, limits)

    return engine


def extend_limits(connection: Connection, limits: Limits) -> None:
    """Replace the limits of this transaction, as for a change of the schema."""
    driver: Any = connection.connection.driver_connection
    driver.silent_s = limits.silent_s
    _set_limits(connection, limits)


def _set_limits(connection: Connection, limits: Limits) -> None:
    seconds = {"lock": limits.lock_s, "statement": limits.statement_s, "idle": _IDLE_S}
    connection.execute(_SET, {name: f"{round(1000 * value)}ms" for name, value in seconds.items()})


@cache
def _connection_class() -> "type[psycopg.Connection[Any]]":
    """Psycopg's connection class with a time limit for a silent server; made late, since psycopg is an extra."""
    import psycopg  # noqa: PLC0415

    class Attentive(psycopg.Connection[Any]):
        silent_s = READ_LIMITS.silent_s

        def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
            return super().wait(self._heard(gen), *args, **options)

        def _heard(self, answers: Generator[Any, int, _T]) -> Generator[Any, int, _T]:
            """Pass on what psycopg waits for; it says 0 several times a second while nothing comes."""
            heard = time.monotonic()
            try:
                awaited = next(answers)
                while True:
                    ready = yield awaited
                    if ready:
                        heard = time.monotonic()
                    elif time.monotonic() - heard > self.silent_s:
                        self.close()
                        raise psycopg.OperationalError(f"the server has said nothing for {self.silent_s:g} s")
                    awaited = answers.send(ready)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]

    return Attentive
