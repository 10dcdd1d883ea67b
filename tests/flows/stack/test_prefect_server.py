import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from flows.stack.prefect_server import _begin_immediate, queue_writers

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
