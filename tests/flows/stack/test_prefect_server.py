import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from flows.stack import prefect_server
from flows.stack.prefect_server import _begin_immediate, place_database, queue_writers
from gpo.errors import StateError

pytestmark = [pytest.mark.slow]


@pytest.fixture
def queued() -> Iterator[None]:
    queue_writers()
    queue_writers()
    yield
    event.remove(Engine, "before_cursor_execute", _begin_immediate)


async def count(folder: Path, writers: int) -> tuple[int, list[BaseException | None]]:
    """Writers who all read a number before any of them writes the next one, in transactions as Prefect begins them."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    configured = AioSqliteConfiguration(f"sqlite+aiosqlite:///{folder / 'prefect.db'}")
    engine = await configured.engine()

    async def add_one() -> None:
        async with await configured.session(engine) as session, configured.begin_transaction(session):
            number = (await session.execute(text("SELECT number FROM counter"))).scalar_one()
            await asyncio.sleep(0.05)
            await session.execute(text("UPDATE counter SET number = :next"), {"next": number + 1})

    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE counter (number INTEGER)"))
        await connection.execute(text("INSERT INTO counter VALUES (0)"))
    ended = await asyncio.gather(*(add_one() for _ in range(writers)), return_exceptions=True)
    async with engine.connect() as connection:
        number = (await connection.execute(text("SELECT number FROM counter"))).scalar_one()
    await engine.dispose()
    return number, ended


def test_writers_wait_for_each_other(tmp_path: Path, queued: None) -> None:
    assert asyncio.run(count(tmp_path, writers=4)) == (4, [None] * 4)


def test_prefect_alone_still_needs_it(tmp_path: Path) -> None:
    """Where this fails, Prefect lets its writers queue by itself, and the module may go."""
    number, ended = asyncio.run(count(tmp_path, writers=4))
    assert number < 4
    assert any(isinstance(each, OperationalError) and "database is locked" in str(each) for each in ended)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder whose database Prefect is to use."""
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

    url = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", url)
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}):
        yield tmp_path


def shipped() -> str:
    return prefect_server._EMPTY.read_text(encoding="utf-8")


def ship(statements: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = folder / "other.sql"
    other.write_text(statements, encoding="utf-8")
    monkeypatch.setattr(prefect_server, "_EMPTY", other)


def kept(home: Path) -> tuple[str, list[str]]:
    """The revision of a database, and the names of what is in it."""
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        ((revision,),) = database.execute("SELECT version_num FROM alembic_version")
        return revision, sorted(name for (name,) in database.execute("SELECT name FROM sqlite_master"))


def test_what_a_newer_prefect_made_is_not_placed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect would not start on it, since it cannot go back; it makes its own."""
    revision = prefect_server._REVISION.search(shipped())
    assert revision is not None
    ship(shipped().replace(revision[1], "0123456789ab"), home, monkeypatch)
    assert not place_database(home)
    assert not (home / "prefect.db").exists()


def test_a_database_that_a_newer_prefect_has_written_is_named(home: Path) -> None:
    assert place_database(home)
    assert not place_database(home)
    with closing(sqlite3.connect(home / "prefect.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0123456789ab'")
    with pytest.raises(StateError, match=r"prefect\.db is of a newer Prefect .* move the file away"):
        place_database(home)


def test_what_an_older_prefect_made_is_brought_up_to_date(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.server.database import provide_database_interface

    database = provide_database_interface()
    assert place_database(home)
    newest = kept(home)
    asyncio.run(database.run_migrations_downgrade("-1"))
    with closing(sqlite3.connect(home / "prefect.db")) as older:
        ship("\n".join(older.iterdump()), home, monkeypatch)
    (home / "prefect.db").unlink()

    assert place_database(home)
    assert kept(home)[0] != newest[0]
    asyncio.run(database.create_db())
    assert kept(home) == newest
