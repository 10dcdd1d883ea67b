"""The database on a real PostgreSQL server: opened by several at once, used by several at once, frozen and lost."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Connection, Text, create_engine, func, insert, select, text

from benchmarks.databases import database_on
from gpo.database import postgresql as limits
from gpo.database.engine import (
    _ADVISORY_LOCK,
    REVISION,
    open_database,
    open_read_only,
    read_transaction,
    schema_revision,
    write_transaction,
)
from gpo.database.statements import upsert
from gpo.database.tables import runs
from gpo.errors import StateError
from gpo.prompts.loader import PromptLoader
from gpo.prompts.registry import Registry
from gpo.prompts.server import PromptServer
from tests.gpo.database.test_engine import RUN, before_alembic, check_taken_over, differences, open_at_once
from tests.gpo.prompts.test_loader import FOREVER, NAME, content, version
from tests.services.servers import Postgres, listens, postgresql, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.services]

BRIEF = limits.Limits(connect_s=2, lock_s=0.3, statement_s=1.5)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that these tests may stop and freeze."""
    with postgresql() as server:
        yield server


@pytest.fixture
def url(server: Postgres) -> Iterator[str]:
    with database_on(server.url) as url:
        yield url


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs that a test can wait for. How long they are decides nothing else."""
    for name in ("READ_LIMITS", "WRITE_LIMITS"):
        monkeypatch.setattr(f"gpo.database.engine.{name}", BRIEF)


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    """A prompt with two versions, of which the first is in production."""
    engine = open_database(url)
    registry = Registry(engine)
    for instruction in ("Is it good?", "Is it bad?"):
        registry.register(NAME, content(instruction))
    registry.promote(NAME, 1, who="ada", why="")
    yield registry
    engine.dispose()


def test_a_database_from_before_the_migrations_is_taken_over(url: str) -> None:
    before_alembic(url)
    open_at_once(url)
    check_taken_over(url)


def test_several_processes_may_open_a_new_database_at_once_and_it_has_the_same_tables(url: str) -> None:
    open_at_once(url)
    engine = open_database(url)
    for _ in range(2):
        with write_transaction(engine) as connection:
            connection.execute(upsert(connection, runs).values(RUN).on_conflict_do_nothing())
    with read_transaction(engine) as connection:
        assert connection.execute(select(runs.c.key)).all() == [("r",)]
        assert differences(connection) == []
    engine.dispose()


def test_several_threads_may_open_a_new_database_at_once(url: str) -> None:
    def opened(_: int) -> str | None:
        engine = open_database(url)
        with read_transaction(engine) as connection:
            revision = schema_revision(connection)
        engine.dispose()
        return revision

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(opened, range(16))) == {REVISION}


def test_a_migration_that_is_under_way_is_waited_for_longer_than_any_lock(url: str, brief: None) -> None:
    waits = text(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND NOT granted "
        "AND now() - query_start > make_interval(secs => :seconds)"
    )
    engine = create_engine(url)
    with ThreadPoolExecutor(1) as threads, engine.connect() as holder:
        holder.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        holder.commit()
        opening = threads.submit(open_database, url)
        wait_until(lambda: holder.execute(waits, {"seconds": 2 * BRIEF.silent_s}).scalar() or holder.rollback())
        holder.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _ADVISORY_LOCK})
        opened = opening.result()
    with read_transaction(opened) as connection:
        assert schema_revision(connection) == REVISION
    opened.dispose()
    engine.dispose()


def test_a_held_lock_and_a_slow_statement_end_with_an_error_and_nothing_is_written(url: str, brief: None) -> None:
    engine, other = open_database(url), open_database(url)
    with write_transaction(engine) as connection:
        connection.execute(insert(runs).values(RUN))
        with pytest.raises(StateError, match=r"postgresql.*lock timeout"), write_transaction(other) as waiting:
            waiting.execute(upsert(waiting, runs).values(RUN | {"task": "other"}).on_conflict_do_nothing())
    slow = insert(runs).values(RUN | {"key": "slow", "task": func.pg_sleep(60).cast(Text)})
    with pytest.raises(StateError, match="statement timeout"), write_transaction(other) as connection:
        connection.execute(slow)
    with read_transaction(other) as connection:
        assert connection.execute(select(runs.c.key, runs.c.task)).all() == [("r", "t")]
    engine.dispose()
    other.dispose()


def test_limits_end_with_their_transaction_and_the_options_of_the_url_win(url: str) -> None:
    def shown(connection: Connection) -> list[object]:
        names = ("lock_timeout", "statement_timeout", "application_name")
        return [connection.execute(text(f"SHOW {name}")).scalar() for name in names]

    reader = open_read_only(f"{url}?application_name=shop&connect_timeout=7")
    with read_transaction(reader) as connection:
        assert shown(connection) == ["3s", "4s", "shop"]
        driver = connection.connection.driver_connection
        assert driver is not None
        assert "connect_timeout=7" in driver.info.dsn
        assert "tcp_user_timeout=20000" in driver.info.dsn
    reader.dispose()


def test_a_server_that_freezes_in_the_middle_of_a_statement_is_given_up(
    server: Postgres, url: str, brief: None
) -> None:
    engine = open_database(url)

    def write() -> None:
        with write_transaction(engine) as connection:
            connection.execute(insert(runs).values(RUN))
            with server.frozen():
                connection.execute(select(runs))

    with pytest.raises(StateError, match=r"the server has said nothing for 2\.5 s"):
        write()
    with read_transaction(engine) as connection:
        assert connection.execute(select(runs)).all() == []
    engine.dispose()


def test_a_frozen_server_and_one_that_is_away_fail_alike_and_are_back_at_once(
    server: Postgres, url: str, registry: Registry, brief: None
) -> None:
    engine = open_read_only(url)
    reader = Registry(engine)
    assert reader.resolve(NAME).version == 1
    for trouble in (server.frozen, server.down):
        with trouble(), pytest.raises(StateError, match=r"postgresql\+psycopg://gpo@127\.0\.0\.1:\d+/gpo_test_\w+ "):
            reader.resolve(NAME)
        assert reader.resolve(NAME).version == 1
    engine.dispose()


def test_a_prompt_stays_while_the_server_is_frozen_and_its_refresh_ends(
    server: Postgres, url: str, registry: Registry, brief: None
) -> None:
    loader = PromptLoader(url, FOREVER)
    prompt = loader.load(NAME)
    for trouble in (server.frozen, server.down):
        with trouble():
            assert not loader.refresh()
            assert loader.load(NAME) is prompt
    registry.promote(NAME, 2, who="ada", why="")
    assert loader.refresh()
    assert version(loader.load(NAME)) == 2
    loader.close()


def test_callers_that_come_to_a_frozen_server_wait_together(
    server: Postgres, url: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []
    monkeypatch.setattr("gpo.prompts.lookup.open_read_only", counted(tries, url))
    monkeypatch.setattr("gpo.database.engine.READ_LIMITS", BRIEF)
    loader = PromptLoader(url, FOREVER)
    together = threading.Barrier(24)

    def first(number: int) -> str:
        together.wait()
        with pytest.raises(StateError) as caught:
            loader.load(NAME, number)
        return str(caught.value)

    with server.frozen(), ThreadPoolExecutor(24) as threads:
        messages = set(threads.map(first, range(24)))
    assert len(messages) <= len(tries) <= 3
    assert version(loader.load(NAME)) == 1
    loader.close()


def counted(tries: list[str], url: str) -> Callable[..., object]:
    def opened(asked: str, **options: float) -> object:
        tries.append(asked)
        return open_read_only(url, **options)

    return opened


def test_the_endpoint_serves_the_last_good_answer_of_a_frozen_server(
    server: Postgres, url: str, registry: Registry, brief: None
) -> None:
    prompts = PromptServer(url)

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(prompts.app), base_url="http://prompts", timeout=None
        ) as client:
            good = await client.get(f"/v1/prompts/{NAME}")
            with server.frozen():
                assert not await asyncio.to_thread(prompts.refresh)
                stale = await asyncio.gather(*(client.get(f"/v1/prompts/{NAME}") for _ in range(8)))
                health = await client.get("/healthz")
            return [good, *stale, health, await client.get("/healthz")]

    good, *stale, health, healthy = asyncio.run(ask())
    assert [(each.status_code, each.content, each.headers.get("warning")) for each in stale] == [
        (200, good.content, '111 - "Revalidation Failed"')
    ] * 8
    assert (health.json()["status"], healthy.json()["status"]) == ("stale", "ok")
    prompts.close()


PROMOTIONS = 100


def test_a_reader_never_notices_promotions_an_outage_or_a_frozen_server(
    server: Postgres, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two readers all the while; 100 promotions, a server that goes away in between, and one that hangs."""
    monkeypatch.setattr("gpo.database.engine.READ_LIMITS", BRIEF)
    engine = open_database(url)
    registry = Registry(engine)
    registry.register("p", content("0 " + "{x}" * 2000))
    registry.promote("p", 1, who="ada", why="")
    loader = PromptLoader(url, refresh_s=0.002)
    loader.load("p")
    ended = threading.Event()

    def read() -> list[int]:
        seen: list[int] = []
        while not ended.is_set():
            prompt = loader.load("p")
            body = str(prompt.invoke({"review": "{r}"}).to_messages()[1].content)
            head, rest = body.split("\n")
            number, tail = rest.split(" ")
            assert (head, tail) == ("{r}", "{x}" * 2000)
            assert int(number) == version(prompt) - 1
            if seen[-1:] != [int(number)]:
                seen.append(int(number))
            time.sleep(0)
        return seen

    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        try:
            for number in range(1, PROMOTIONS + 1):
                made = registry.register("p", content(f"{number} " + "{x}" * 2000)).version
                registry.promote("p", made.version, who="writer", why="")
                if number == PROMOTIONS // 3:
                    with server.down():
                        wait_until(lambda: not loader.refresh())
                        assert version(loader.load("p")) <= made.version
                if number == 2 * PROMOTIONS // 3:
                    with server.frozen():
                        wait_until(lambda: not loader.refresh())
                        assert version(loader.load("p")) <= made.version
                if number % 10 == 0:
                    wait_until(lambda wanted=made.version: version(loader.load("p")) == wanted)
        finally:
            ended.set()
        seen = [reader.result() for reader in readers]
    loader.close()
    history = registry.history("p")
    assert [move.to_version for move in history] == list(range(1, PROMOTIONS + 2))
    for numbers in seen:
        assert numbers == sorted(numbers)
        assert len(numbers) >= PROMOTIONS // 10
    engine.dispose()


def test_the_writer_of_a_lost_server_says_so_and_goes_on_when_it_is_back(
    server: Postgres, url: str, registry: Registry, brief: None
) -> None:
    with server.down(), pytest.raises(StateError, match="connection"):
        registry.promote(NAME, 2, who="ada", why="")
    assert registry.promote(NAME, 2, who="ada", why="").number == 2
    assert [move.to_version for move in registry.history(NAME)] == [1, 2]
    assert listens(int(server.url.rpartition(":")[2].partition("/")[0]))
