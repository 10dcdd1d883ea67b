"""Statements that SQLite and PostgreSQL both know."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, TextClause, text

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_or_update(table: Table, where: str) -> TextClause:
    """The statement that inserts a row by name, or puts it in the place of one with its key, `where` that may be.

    It is a text, which is the same in both dialects: SQLAlchemy translates its own form anew for each execution.
    """
    names = [column.name for column in table.c]
    key = [column.name for column in table.primary_key]
    new = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    return text(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) "  # noqa: S608 - names of our own
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {new} WHERE {where}"
    )


def upsert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`, in the connection's dialect."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - each dialect takes a moment, and one is used

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - likewise

    return postgresql.insert(table)
