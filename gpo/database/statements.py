"""Statements for SQLite and PostgreSQL alike."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, CursorResult, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_or_update(table: Table, where: str) -> str:
    """The statement that inserts a row, or puts it in the place of one with its key, `where` that may be.

    Its parameters are the columns of the table in order, and those of `where`. For `execute_plain`.
    """
    names = [column.name for column in table.c]
    key = [column.name for column in table.primary_key]
    new = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608 - names of our own
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {new} WHERE {where}"
    )


Plain = str | int | float | None


def execute_plain(
    connection: Connection, sql: str, parameters: tuple[Plain, ...] | Sequence[tuple[Plain, ...]]
) -> CursorResult[Any]:
    """Execute SQL of both dialects, once or for many tuples, as the driver takes it: `?` stands for a parameter.

    SQLAlchemy takes ten times as long to translate what it composes, for each execution.
    """
    given = parameters if isinstance(parameters, tuple) else list(parameters)
    options = {"preserve_rowcount": True}
    return connection.exec_driver_sql(_in_dialect(sql, connection.dialect.paramstyle), given, options)


def select_in(connection: Connection, sql: str, values: Sequence[str]) -> Iterator[Any]:
    """The rows of a query that ends before a list of values, which is asked for in parts where it is long."""
    for part in parts_of(values):
        yield from execute_plain(connection, f"{sql} ({', '.join('?' * len(part))})", part)


def parts_of(values: Sequence[str]) -> list[tuple[str, ...]]:
    """Values in lists that a statement can take."""
    return [tuple(values[start : start + _AT_ONCE]) for start in range(0, len(values), _AT_ONCE)]


_AT_ONCE = 500


@lru_cache(maxsize=256)
def _in_dialect(sql: str, paramstyle: str) -> str:
    return sql if paramstyle == "qmark" else sql.replace("?", "%s")


def upsert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`, in the connection's dialect."""
    # A dialect loads each of its drivers: 0.1 s that who only reads an SQLite database does not wait for.
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415

    return postgresql.insert(table)
