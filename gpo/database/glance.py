"""A glance at the SQLite file of a state folder, without SQLAlchemy: loading that takes half a second and more."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

REVISION = "0010"
"""The schema that this version works with; `gpo.database.migrations` makes it, and revisions sort by age."""


def glance(path: Path, query: str, parameters: Sequence[str]) -> str | None:
    """The one value that a query finds; None where it finds none, or the file cannot be read or is of another version.

    Whoever gets None looks in the usual way, which says what is wrong. Nothing is made or changed.
    """
    address = f"file:{quote(str(path.absolute()))}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.execute("PRAGMA query_only = ON")
            if connection.execute("SELECT version_num FROM gpo_revision").fetchone() != (REVISION,):
                return None
            found = connection.execute(query, parameters).fetchone()
    except sqlite3.Error:
        return None
    return None if found is None or found[0] is None else str(found[0])
