"""Opens the database of a state folder: engine, read and write transactions, schema upgrade, clear errors.

SQLite by default, PostgreSQL by URL, with the same tables. The functions block: asynchronous code calls them through
`asyncio.to_thread`.

SQLite runs in WAL mode with `synchronous=NORMAL`: what was committed survives the death of the process at any moment;
a power cut may lose the last moments before it, never more, and never leaves the file damaged. WAL needs a local
disk, not a network file system.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NoSuchModuleError,
    NotSupportedError,
    ProgrammingError,
    TimeoutError,  # noqa: A004 - waiting for a free connection of the pool
)
from sqlalchemy.pool import NullPool

from gpo.database.glance import REVISION
from gpo.database.postgresql import MIGRATION_LIMITS, READ_LIMITS, WRITE_LIMITS, create_postgresql, extend_limits
from gpo.database.tables import has_tables, make_tables, revisions, schema_info
from gpo.errors import DatabaseUnusableError, InputError
from gpo.settings import Settings

BUSY_S = 30.0
"""How many seconds SQLite waits for another writer."""

_ADVICE = {
    sqlite3.SQLITE_BUSY: "is locked by another process: wait for it or stop it, then run the same command again",
    sqlite3.SQLITE_LOCKED: "is locked by another connection: run the same command again",
    sqlite3.SQLITE_READONLY: "is read-only: make the file and its folder writable",
    sqlite3.SQLITE_PERM: "may not be opened: make the file and its folder readable and writable",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: make the file and its folder readable and writable",
    sqlite3.SQLITE_FULL: "does not fit on the disk: free some space and run the same command again",
    sqlite3.SQLITE_IOERR: "cannot be read or written: check the disk, then run the same command again",
    sqlite3.SQLITE_CORRUPT: "is damaged: put a backup in its place, or move it away to start with an empty one",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database: set GPO_DATABASE_URL to another file, or move this one away",
}
# These say that a statement of ours is wrong, not that the database is out of order.
_OUR_FAULT = (IntegrityError, ProgrammingError, DataError, NotSupportedError)
_ADVISORY_LOCK = 0x67706F


def utc_now(ago: timedelta = timedelta()) -> str:
    """The time, or that of some time ago, as ISO text in UTC; texts sort like the times."""
    return (datetime.now(UTC) - ago).isoformat(timespec="milliseconds")


def open_database(url: str, busy_s: float = BUSY_S) -> Engine:
    """Open a database and bring its schema up to date; safe when several processes do so at once.

    The caller disposes of the engine. `busy_s` is how long SQLite waits, in seconds, for another writer.

    Raises:
        InputError: the URL is malformed, or its database or driver is not supported or not installed.
        StateError: the database cannot be used, or was made by a newer version.
    """
    parsed = _parse_url(url)
    with database_errors(parsed):
        engine = _create_engine(parsed, busy_s)
    try:
        _ensure_schema(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def open_state(settings: Settings, home: Path) -> Iterator[Engine]:
    """The database of a state folder, open until the context ends; it is made if there is none.

    `settings.has_database(home)` tells whether there is one, where none must be made.

    Raises:
        InputError: GPO_DATABASE_URL is malformed, or its database or driver is not supported or not installed.
        StateError: the database cannot be used, or was made by a newer version.
    """
    engine = open_database(settings.database_for(home))
    try:
        yield engine
    finally:
        engine.dispose()


def open_read_only(url: str, busy_s: float = BUSY_S) -> Engine:
    """Open an existing database for reading only: nothing is made or changed, not even an empty file.

    Of an SQLite file no connection is kept, so that it may be replaced meanwhile. A database of a newer version is
    read as far as it has what is asked for. The caller disposes of the engine.

    Raises:
        InputError: the URL is malformed, or its database or driver is not supported or not installed.
        StateError: there is no such file.
    """
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "sqlite" and not _is_file_uri(parsed):
        path = Path(str(parsed.database)).absolute()
        if not path.is_file():
            raise DatabaseUnusableError(f"database {path}: there is no such file")
        query = {**parsed.query, "mode": "rw", "uri": "true"}
        parsed = parsed.set(database=f"file:{quote(str(path))}", query=query)
    with database_errors(parsed):
        return _create_engine(parsed, busy_s, to_read=True)


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """A connection to read from, with one consistent view: later writes are not seen, and no writer has to wait.

    Raises:
        StateError: the database cannot be used.
    """
    with database_errors(engine.url), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction to write in, committed on leaving. SQLite takes its write lock at once, so reads in it hold.

    Raises:
        StateError: the database cannot be used; nothing was written.
    """
    with database_errors(engine.url), engine.connect() as connection:
        connection.execution_options(gpo_begin="IMMEDIATE")
        with connection.begin():
            yield connection


@contextmanager
def database_errors(url: URL) -> Iterator[None]:
    """Turn the database's own failures into StateError; wrong statements of ours stay as they are."""
    try:
        yield
    except _OUR_FAULT:
        raise
    except (DatabaseError, InterfaceError) as error:
        code = getattr(error.orig, "sqlite_errorcode", None)
        advice = _ADVICE.get(code & 0xFF) if isinstance(code, int) else None
        problem = f"{advice} ({error.orig})" if advice else f"cannot be used: {error.orig}"
    except TimeoutError:
        problem = "has no free connection: lower the number of runs at once"
    else:
        return
    # Out here the driver's error is no context of this one: it would hold a half-opened connection open.
    raise DatabaseUnusableError(f"database {database_label(url)} {problem}")


def database_label(url: URL) -> str:
    """The URL for messages: the path of an SQLite file, else without password and options."""
    if url.get_backend_name() == "sqlite":
        return unquote(str(url.database).removeprefix("file:")) if _is_file_uri(url) else str(url.database)
    return url.set(query={}).render_as_string(hide_password=True)


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text may hold a password, so it is not repeated.
        raise InputError(
            "GPO_DATABASE_URL is not a database URL; allowed: sqlite:///FILE, postgresql+psycopg://USER@HOST/DATABASE"
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise InputError(
            f"database {database_label(parsed)}: unsupported '{parsed.drivername}'; allowed: sqlite, postgresql"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise InputError("an SQLite database in memory would lose every paid answer; allowed: sqlite:///FILE")
    return parsed


def _is_file_uri(url: URL) -> bool:
    return str(url.database).startswith("file:")


def _create_engine(url: URL, busy_s: float, *, to_read: bool = False) -> Engine:
    try:
        if url.get_dialect().is_async:
            raise InputError(
                f"database {database_label(url)}: '{url.drivername}' is asynchronous; use postgresql+psycopg://"
            )
        if url.get_backend_name() != "sqlite":
            return create_postgresql(url, READ_LIMITS if to_read else WRITE_LIMITS)
        return _create_sqlite(url, busy_s, to_read=to_read)
    except (ImportError, NoSuchModuleError) as error:
        raise InputError(
            f"database {database_label(url)}: the driver is not installed ({error}); install psycopg[binary] and write "
            "postgresql+psycopg://"
        ) from None


def _create_sqlite(url: URL, busy_s: float, *, to_read: bool) -> Engine:
    if not _is_file_uri(url):
        folder = Path(str(url.database)).parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # prompts and answers are its owner's
        except OSError as error:
            raise DatabaseUnusableError(f"database {database_label(url)}: its folder cannot be made: {error}") from None
    # With isolation_level None the driver starts no transactions of its own: the listener below does.
    connect_args = {"timeout": busy_s, "isolation_level": None}
    if to_read:
        engine = create_engine(url, poolclass=NullPool, connect_args=connect_args)
    else:
        engine = create_engine(url, max_overflow=-1, connect_args=connect_args)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        _use_wal(connection, busy_s)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA query_only = {'ON' if to_read else 'OFF'}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('gpo_begin', 'DEFERRED')}")

    return engine


def _use_wal(connection: sqlite3.Connection, busy_s: float) -> None:
    """Switch the file to WAL. SQLite does not wait for its lock here, so that is done by hand."""
    deadline = time.monotonic() + busy_s
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _ensure_schema(engine: Engine) -> None:
    with read_transaction(engine) as connection:
        revision = schema_revision(connection)
    if revision != REVISION:
        _upgrade_schema(engine)


def schema_revision(connection: Connection) -> str | None:
    """The revision of a database's schema; None before the first."""
    if not inspect(connection).has_table(revisions.name):
        return None
    return connection.execute(select(revisions.c.version_num)).scalar_one_or_none()


def _upgrade_schema(engine: Engine) -> None:
    """Make or change the tables, in one transaction: all of it, or nothing.

    SQLite's write lock, or PostgreSQL's lock below, lets one process at a time through; the others then find it done.
    """
    try:
        with write_transaction(engine) as connection:
            if connection.dialect.name == "postgresql":
                extend_limits(connection, MIGRATION_LIMITS)
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            revision = schema_revision(connection)
            if revision is not None and revision > REVISION:
                raise DatabaseUnusableError(
                    f"database {database_label(engine.url)} was made by a newer version: its schema is {revision}, "
                    f"this version knows {REVISION}; upgrade gpo-pipeline, or name another database in GPO_DATABASE_URL"
                )
            if revision is None and connection.dialect.name == "sqlite" and not has_tables(connection):
                make_tables(connection, REVISION)
                return
            from gpo.database import migrations  # noqa: PLC0415 - Alembic takes half a second, and is seldom needed

            taken_over = revision is None and inspect(connection).has_table(schema_info.name)
            migrations.upgrade(connection, taken_over=taken_over)
    except ProgrammingError as error:
        raise DatabaseUnusableError(
            f"database {database_label(engine.url)}: its tables cannot be made ({error.orig}); name a database in "
            "GPO_DATABASE_URL that no other program uses, or ask for the right to make tables"
        ) from None
