"""The versions of datasets in the database: added once, in order; only when Prefect was told of one comes later."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, RowMapping, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gpo.database.engine import database_label, open_state, read_transaction, utc_now, write_transaction
from gpo.database.tables import dataset_versions
from gpo.datasets.version import DatasetFields, DatasetVersion
from gpo.errors import DatasetError, StateError, suggestion
from gpo.settings import Settings

_TABLE = dataset_versions.c
_PLAIN = {"name", "version", "digest", "rows", "source", "note", "who", "created_at", "announced_at"}

HOW_TO_BEGIN = "`gpo dataset push NAME FILE` makes a first one"


class DatasetVersions:
    """The versions of one database. Every method raises StateError when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        """Keep versions in `engine`, which the caller opens and disposes of."""
        self._engine = engine

    def add(self, version: DatasetVersion) -> bool:
        """Keep a version; False, and nothing is kept, if another one has its number or is not yet before it."""
        try:
            with write_transaction(self._engine) as connection:
                if _highest(connection, version.name) != version.version - 1:
                    return False
                connection.execute(insert(dataset_versions).values(_row(version)))
        except IntegrityError:  # PostgreSQL lets two read the same number
            return False
        return True

    def note_announced(self, version: DatasetVersion) -> None:
        """Keep that Prefect was told of a version; the first time counts."""
        this = (_TABLE.name == version.name) & (_TABLE.version == version.version)
        query = update(dataset_versions).where(this, _TABLE.announced_at.is_(None)).values(announced_at=utc_now())
        with write_transaction(self._engine) as connection:
            connection.execute(query)

    def newest(self, name: str) -> DatasetVersion | None:
        """The newest version of a dataset; None when there is no such dataset."""
        query = select(dataset_versions).where(_TABLE.name == name).order_by(_TABLE.version.desc()).limit(1)
        with read_transaction(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else self._version(row)

    def get(self, name: str, version: int | None = None) -> DatasetVersion:
        """One version, by default the newest.

        Raises:
            DatasetError: there is no such dataset or version; the message names those that there are.
        """
        newest = self.newest(name)
        if newest is None:
            raise DatasetError(unknown_dataset(name, database_label(self._engine.url), self.names()))
        if version is None or version == newest.version:
            return newest
        query = select(dataset_versions).where(_TABLE.name == name, _TABLE.version == version)
        with read_transaction(self._engine) as connection:
            row = None
            if 1 <= version < newest.version:
                row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise DatasetError(f"dataset {name} has no version {version}; allowed: 1 to {newest.version}")
        return self._version(row)

    def names(self) -> list[str]:
        """The names of all datasets, sorted."""
        with read_transaction(self._engine) as connection:
            return sorted(connection.execute(select(_TABLE.name).distinct()).scalars())

    def history(self, name: str) -> list[DatasetVersion]:
        """All versions of a dataset, the first one first.

        Raises:
            DatasetError: there is no such dataset.
        """
        query = select(dataset_versions).where(_TABLE.name == name).order_by(_TABLE.version)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        if not rows:
            raise DatasetError(unknown_dataset(name, database_label(self._engine.url), self.names()))
        return [self._version(row) for row in rows]

    def _version(self, row: RowMapping) -> DatasetVersion:
        known: dict[str, Any] = {name: row[name] for name in _PLAIN}
        try:
            fields = DatasetFields.model_validate_json(row["fields"])
            return DatasetVersion(**known, fields=fields, **json.loads(row["content"]))
        except (ValidationError, ValueError, TypeError):
            raise StateError(
                f"database {database_label(self._engine.url)}: version {row['version']} of dataset {row['name']} was "
                "kept by another version of gpo-pipeline, whose records differ: use that one"
            ) from None


@contextmanager
def open_versions(settings: Settings, home: Path) -> Iterator[DatasetVersions | None]:
    """The versions of a state folder; None, and nothing is made, where there is no database yet."""
    if not settings.has_database(home):
        yield None
        return
    with made_versions(settings, home) as versions:
        yield versions


@contextmanager
def made_versions(settings: Settings, home: Path) -> Iterator[DatasetVersions]:
    """The same; the database is made if there is none."""
    with open_state(settings, home) as engine:
        yield DatasetVersions(engine)


def unknown_dataset(name: str, where: str, known: list[str]) -> str:
    """What to say of a name that is none."""
    if known:
        return f"{where} has no dataset '{name}'{suggestion(name, known)}"
    return f"{where} has no datasets yet; {HOW_TO_BEGIN}, and --home or GPO_HOME names another state folder"


def _highest(connection: Connection, name: str) -> int:
    query = select(func.coalesce(func.max(_TABLE.version), 0)).where(_TABLE.name == name)
    return int(connection.execute(query).scalar_one())


def _row(version: DatasetVersion) -> dict[str, Any]:
    return {
        **{name: getattr(version, name) for name in _PLAIN},
        "fields": version.fields.model_dump_json(),
        "content": version.model_dump_json(exclude={*_PLAIN, "fields"}),
    }
