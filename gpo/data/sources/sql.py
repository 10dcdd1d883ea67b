"""The source `sql`: rows that a database answers a SELECT with.

The database's URL holds a password, so it is in no spec and in no message.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gpo.data.sources.files import FileReading, NumberedRow, check_columns
from gpo.data.sources.frames import number_rows
from gpo.data.sources.registry import Table, Tables, source
from gpo.errors import DatasetError, SourceUnreachableError
from gpo.settings import load_settings, read_secret
from gpo.spec.dataset import DatasetSpec

if TYPE_CHECKING:
    from sqlalchemy import Engine

_ROWS_AT_ONCE = 1000
_READ_ONLY: dict[str, dict[str, Any]] = {"postgresql": {"postgresql_readonly": True}}
"""How a dialect is told that a connection only reads."""
_EXAMPLES = "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"


@source("sql")
def sql_tables(dataset: DatasetSpec, reading: FileReading) -> Tables:
    """The one table that the query answers."""
    return Tables(whole=(Table("dataset.sql", "dataset.sql", rows_of_query(dataset, reading)),))


def rows_of_query(dataset: DatasetSpec, reading: FileReading) -> Iterator[NumberedRow]:
    """The rows of `dataset.sql` in the order in which they come, from a server-side cursor where there is one.

    The database stays as it is: SQLite and PostgreSQL are opened to be read only, and refuse a query that writes; of
    others nothing is committed.

    Raises:
        DatasetError: the URL is missing or wrong, the database cannot be reached, or it refuses the query.
    """
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError  # noqa: PLC0415 - half a second, for few datasets

    variable = dataset.url_env or "GPO_DATASET_URL"
    engine = _engine(dataset, variable)
    try:
        try:
            connection = engine.connect()
        except SQLAlchemyError as error:
            # The driver's text may repeat parts of the URL.
            raise SourceUnreachableError(
                f"the database that {variable} names cannot be reached ({type(error).__name__}); check that it runs"
                " and that name, password and database are right"
            ) from None
        with connection:
            # As it is written: a colon or a percent sign in it is no parameter.
            options = {"yield_per": _ROWS_AT_ONCE, "no_parameters": True}
            streaming = connection.execution_options(**options, **_READ_ONLY.get(engine.dialect.name, {}))
            if engine.dialect.name == "sqlite":
                # What `mode=ro` does not cover, such as a URL that opens its file otherwise.
                connection.exec_driver_sql("PRAGMA query_only = ON")
            rows = streaming.exec_driver_sql(str(dataset.sql))
            columns = list(rows.keys())
            check_columns(columns, "dataset.sql", reading)
            yield from number_rows(dict(zip(columns, row, strict=True)) for row in rows)
    except DBAPIError as error:
        raise DatasetError(f"dataset.sql: the database refuses the query: {error.orig}") from None
    except SQLAlchemyError as error:
        raise DatasetError(f"dataset.sql: the query cannot be run: {error}") from None
    finally:
        engine.dispose()


def _engine(dataset: DatasetSpec, variable: str) -> "Engine":
    from sqlalchemy import create_engine, make_url  # noqa: PLC0415 - as above
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError  # noqa: PLC0415 - as above

    found = read_secret(dataset.url_env) if dataset.url_env else load_settings().dataset_url
    if found is None or not found.get_secret_value():
        raise DatasetError(
            f"dataset.sql: {variable} is not set; set this environment variable to the database's URL, as {_EXAMPLES}"
        )
    try:
        url = make_url(found.get_secret_value())
        if url.get_dialect().is_async:
            raise DatasetError(f"{variable} names an asynchronous driver; write it as {_EXAMPLES}")
        # SQLite would make an empty database of a misspelt name.
        if url.get_backend_name() == "sqlite" and not str(url.database).startswith("file:"):
            path = Path(str(url.database))
            if not path.is_file():
                raise DatasetError(f"the SQLite file that {variable} names is not there; correct {variable}")
            address = f"file:{quote(str(path.absolute()))}"
            url = url.set(database=address).update_query_dict({"mode": "ro", "uri": "true"})
        return create_engine(url)
    except (ImportError, NoSuchModuleError) as error:
        raise DatasetError(f"{variable} needs a driver that is not installed ({error}); install it with pip") from None
    except (ArgumentError, ValueError):
        raise DatasetError(f"{variable} is not a database URL; write it as {_EXAMPLES}") from None
