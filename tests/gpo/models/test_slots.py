"""Slots that several share: never more than there are, an even part for each who wants it, and none for the dead."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert

from gpo.database.engine import open_database, utc_now, write_transaction
from gpo.database.tables import call_claims
from gpo.errors import StateError
from gpo.models.claims.calls import new_owner
from gpo.models.claims.slots import SharedLimit, ShareOfSlots
from gpo.models.ledger import Ledger
from gpo.models.limiter import AdaptiveLimiter, Limiter
from tests.support.fakes import chat_model, in_time, scripted
from tests.support.keys import PLAIN, key


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('slots') / 'gpo.db'}")
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def nobody(engine: Engine) -> None:
    forget(engine)


def forget(engine: Engine) -> None:
    with write_transaction(engine) as connection:
        connection.execute(delete(call_claims))


def look(share: ShareOfSlots, wanted: int) -> int:
    return share.hold(share.aim(wanted))


def test_who_is_alone_may_have_all_and_who_comes_gets_an_even_part(engine: Engine) -> None:
    one, two, three = (ShareOfSlots(engine, "model", 8) for _ in range(3))
    assert look(one, 20) == 8
    assert look(two, 20) == 0  # it has said that it wants some
    assert look(one, 20) == 4
    assert look(two, 20) == 4
    assert (look(one, 20), look(two, 20)) == (4, 4)
    assert look(three, 1) == 0
    assert look(one, 20) == 2
    assert look(three, 1) == 1
    assert (look(two, 20), look(one, 20)) == (5, 2)  # what nobody wants is anybody's
    two.close()
    assert look(one, 20) == 7
    assert look(ShareOfSlots(engine, "another model", 8), 20) == 8


def test_who_wants_little_leaves_the_rest_to_others(engine: Engine) -> None:
    one, two = (ShareOfSlots(engine, "model", 8) for _ in range(2))
    assert look(one, 1) == 1
    assert look(two, 20) == 7
    assert look(one, 20) == 1
    assert look(two, 20) == 4
    assert look(one, 20) == 4
    assert look(one, 0) == 0
    assert look(two, 20) == 8


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans()), max_size=20))
def test_no_more_than_there_are_is_ever_held(engine: Engine, looks: list[tuple[int, int, bool]]) -> None:
    shares = [ShareOfSlots(engine, "model", 5) for _ in range(4)]
    held = [0] * 4
    for who, wanted, at_once in looks:
        aim = shares[who].aim(wanted)
        if at_once:
            held[who] = shares[who].hold(aim)
        assert sum(held) <= 5
    for share in shares:
        share.close()
    assert look(ShareOfSlots(engine, "model", 5), 9) == 5
    forget(engine)


def test_slots_of_a_dead_process_are_free_and_those_of_another_machine_when_their_time_is_over(engine: Engine) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    here = new_owner().partition("/")[0]
    share = ShareOfSlots(engine, "model", 3)
    names = sorted(share._names)
    owners = [(f"{here}/{gone.pid}/x", timedelta(hours=-1)), ("elsewhere/1/x", timedelta(hours=-1))]
    owners.append(("elsewhere/1/y", timedelta(seconds=1)))
    with write_transaction(engine) as connection:
        rows = [
            {"digest": name, "owner": owner, "until": utc_now(ago)}
            for name, (owner, ago) in zip(names, owners, strict=True)
        ]
        connection.execute(insert(call_claims), rows)
    assert look(share, 3) == 2


@pytest.mark.slow
def test_a_limiter_keeps_to_its_share_and_a_call_that_is_out_keeps_its_slot(engine: Engine) -> None:
    async def run() -> None:
        limiter, other = Limiter(4), ShareOfSlots(engine, "model", 4)
        async with aclosing(SharedLimit(limiter, ShareOfSlots(engine, "model", 4))):
            for _ in range(3):
                await limiter.acquire()
            later = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
            while other.aim(4) < 2:
                assert other.hold(other.aim(4)) <= 1  # three calls are out
                await asyncio.sleep(0.01)
                if limiter.limit == 2 and limiter.busy > 2:
                    limiter.release()
            assert other.hold(2) == 2
            other.close()
            await later[0]
            for task in later[1:]:
                limiter.release()
                await task

    in_time(run())


def test_who_waits_for_slots_of_a_database_that_is_gone_is_told() -> None:
    class Gone:
        def aim(self, wanted: int) -> int:
            raise StateError("the database is gone")

        def hold(self, slots: int) -> int:
            raise StateError("the database is gone")

        def close(self) -> None:
            """Nothing is held."""

    async def run() -> None:
        limiter = AdaptiveLimiter(2)
        async with aclosing(SharedLimit(limiter, Gone())):
            with pytest.raises(StateError, match="is gone"):
                await limiter.acquire()

    in_time(run())


@pytest.mark.slow
def test_two_runs_together_keep_to_the_limit_of_their_model(database_url: str) -> None:
    engine = open_database(database_url)

    async def run() -> None:
        fake = scripted("yes")
        ledgers = Ledger(engine), Ledger(engine)
        models = [chat_model(fake, each, "openai:x", max_concurrency=3) for each in ledgers]
        keys = [[key(model, f"{place}-{number}") for number in range(15)] for place, model in enumerate(models)]
        asked = [model.ask(each, PLAIN) for model, own in zip(models, keys, strict=True) for each in own]
        assert len(await asyncio.gather(*asked)) == len(fake.calls) == 30
        assert fake.most_in_flight == 3
        for ledger in ledgers:
            await ledger.aclose()

    in_time(run())
    engine.dispose()
