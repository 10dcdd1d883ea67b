"""Statements that are the same in SQLite and PostgreSQL, made once."""

from sqlalchemy import Table, TextClause, text


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
