import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from gpo.database.engine import open_database, read_transaction
from gpo.database.tables import claims
from gpo.production.lock import PromptLock, lock_prompt


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path / 'gpo.db'}")
    yield opened
    opened.dispose()


def holders(engine: Engine) -> list[str]:
    with read_transaction(engine) as connection:
        return list(connection.execute(select(claims.c.holder)).scalars())


@pytest.mark.slow
def test_runs_of_one_prompt_take_turns_and_the_second_is_told_who_is_first(engine: Engine) -> None:
    order, told = [], list[PromptLock]()

    async def work(number: int, prompt: str) -> None:
        async with lock_prompt(engine, prompt, f"holder {number}", f"run {number}", told.append):
            order.append((prompt, "in", number))
            await asyncio.sleep(0)
            order.append((prompt, "out", number))

    async def both() -> None:
        async with lock_prompt(engine, "reviews", "holder 0", "run 0", told.append):
            waiting = [asyncio.create_task(work(number, "reviews")) for number in (1, 2)]
            await work(3, "other")
            while len(told) < 2:  # noqa: ASYNC110 - another thread counts
                await asyncio.sleep(0.01)
            assert all(place == "other" for place, _, _ in order)
        await asyncio.gather(*waiting)

    asyncio.run(asyncio.wait_for(both(), 60))
    ours = [each for each in order if each[0] == "reviews"]
    assert [each[1] for each in ours] == ["in", "out", "in", "out"]
    assert ours[0][2] == ours[1][2]
    assert {each.what for each in told} <= {"run 0", "run 1", "run 2"}
    assert told[0].what == "run 0"
    assert holders(engine) == []


def test_a_holder_that_died_is_replaced_and_a_run_that_is_resumed_goes_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpo.production.lock.DEAD_S", 0.0)
    monkeypatch.setattr("gpo.production.lock.LOOK_S", 0.01)
    told = list[PromptLock]()

    async def take(holder: str) -> None:
        async with lock_prompt(engine, "reviews", holder, "a run", told.append):
            assert holders(engine) == [holder]

    async def die() -> None:
        async with lock_prompt(engine, "reviews", "resumed", "a run", lambda _: None):
            await take("resumed")
        async with lock_prompt(engine, "reviews", "dead", "a run", lambda _: None):
            await take("alive")

    asyncio.run(asyncio.wait_for(die(), 60))
    assert holders(engine) == []
    assert [each.holder for each in told] == ["dead"]


def test_the_claim_is_given_up_when_the_work_fails(engine: Engine) -> None:
    async def fail() -> None:
        async with lock_prompt(engine, "reviews", "one", "a run", lambda _: None):
            raise ValueError

    with pytest.raises(ValueError):
        asyncio.run(fail())
    assert holders(engine) == []
