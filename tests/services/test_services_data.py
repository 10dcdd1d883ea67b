"""Rows of a real PostgreSQL server: it is only read, whatever the query says."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from benchmarks.databases import database_on, execute
from gpo.data.sources.files import FileReading
from gpo.data.sources.sql import rows_of_query
from gpo.errors import DatasetError
from gpo.spec.dataset import DatasetSpec
from tests.services.servers import postgresql

pytestmark = [pytest.mark.slow, pytest.mark.services]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgresql() as server, database_on(server.url) as url:
        execute(url, "CREATE TABLE t (q text, a text)")
        execute(url, "INSERT INTO t SELECT 'q' || n, mod(n, 2) FROM generate_series(1, 3000) AS n")
        execute(url, "CREATE SEQUENCE s")
        yield url


def state_of(url: str) -> tuple[object, ...]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            query = "SELECT count(*), sum(a::int), (SELECT is_called FROM s) FROM t"
            return tuple(connection.execute(text(query)).one())
    finally:
        engine.dispose()


def rows(query: str) -> int:
    dataset = DatasetSpec(sql=query, input=("q",), reference="a")
    return len(list(rows_of_query(dataset, FileReading())))


def test_a_select_is_answered_from_a_cursor(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPO_DATASET_URL", url)
    assert rows("SELECT q, a FROM t") == 3000
    assert rows("WITH x AS (SELECT * FROM t WHERE a = '1') SELECT q, a FROM x -- 100%") == 1500


@pytest.mark.parametrize(
    "query",
    [
        "SELECT nextval('s') AS q, 1 AS a",
        "WITH x AS (DELETE FROM t RETURNING q, a) SELECT q, a FROM x",
        "WITH x AS (UPDATE t SET a = '9' RETURNING q, a) SELECT q, a FROM x",
        "SELECT q, a INTO other FROM t",
        "SELECT set_config('transaction_read_only', 'off', true) AS q, nextval('s') AS a",
        "SELECT setval('s', 7) AS q, 1 AS a",
    ],
)
def test_a_query_that_writes_is_refused(url: str, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPO_DATASET_URL", url)
    before = state_of(url)
    with pytest.raises(DatasetError, match="the database refuses the query"):
        rows(query)
    assert state_of(url) == before
