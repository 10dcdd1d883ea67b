"""Alembic migrations: the schema of the database, revision by revision, and the upgrade of an older database.

A change of the schema is one more file in `versions/`, never an edit of one that is there. `REVISION` in `glance.py`
names the last; a database that is at it, or a new one of SQLite, is opened without loading Alembic: half a second.
"""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

VERSION_TABLE = "gpo_revision"
"""A name of our own: Prefect keeps `alembic_version`, maybe in the same PostgreSQL database."""

BEFORE_ALEMBIC = "0001"
"""The revision whose tables a database has that was made before migrations existed."""

# Alembic's operations go through proxies that the whole process shares.
_ONE_AT_A_TIME = threading.Lock()


def upgrade(connection: Connection, *, taken_over: bool) -> None:
    """Bring the schema up to date inside the connection's transaction, which the caller commits.

    `taken_over`: the tables of `BEFORE_ALEMBIC` are there already, and only that is noted.
    """
    config = _config()
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME:
        if taken_over:
            command.stamp(config, BEFORE_ALEMBIC)
        command.upgrade(config, "head")


def last_revision() -> str:
    """The newest revision in `versions/`."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _config() -> Config:
    config = Config()
    # The value goes through a parser to which a percent sign means something.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
