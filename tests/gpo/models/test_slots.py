"""Slots that several share: never more than there are, an even part for each who wants it, and none for the dead."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, update

from gpo.database.engine import open_database, utc_now, write_transaction
from gpo.database.tables import call_claims
from gpo.errors import StateError
from gpo.models.claims import slots
from gpo.models.claims.calls import new_owner
from gpo.models.claims.slots import SharedLimit, ShareOfSlots
from gpo.models.ledger import Ledger
from gpo.models.limiter import AdaptiveLimiter, Limiter
from gpo.progress import Event, Note, listen
from tests.support.drawn import at_most
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


class Clock:
    """The time as a test has it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def oversleep(engine: Engine, share: ShareOfSlots) -> None:
    """Let an hour pass by for what a share has claimed, as if its machine slept."""
    with write_transaction(engine) as connection:
        own = update(call_claims).where(call_claims.c.owner == share._owner)
        connection.execute(own.values(until=utc_now(timedelta(hours=1))))


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
@settings(max_examples=at_most(25))
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans(), st.booleans()), max_size=20),
    st.sampled_from([2, 5]),
)
def test_no_more_than_there_are_is_ever_held(
    engine: Engine, looks: list[tuple[int, int, bool, bool]], number: int
) -> None:
    clock = Clock()
    shares = [ShareOfSlots(engine, "model", number, clock) for _ in range(4)]
    for who, wanted, at_once, sleeps in looks:
        aim = shares[who].aim(wanted)
        if at_once:
            shares[who].hold(aim)
        assert sum(share.held for share in shares) <= number
        clock.now += slots.TURN_S
        if sleeps:
            oversleep(engine, shares[who])
            clock.now += 3600
            for share in shares:  # each looks before it goes on
                share.aim(wanted)
    for share in shares:
        share.close()
    assert look(ShareOfSlots(engine, "model", number), 9) == number
    forget(engine)


def test_with_more_users_than_slots_each_has_its_turn(engine: Engine) -> None:
    clock, turns = Clock(), Counter[int]()
    shares = [ShareOfSlots(engine, "model", 2, clock) for _ in range(5)]
    for _ in range(40):
        held = [look(share, 20) for share in shares]
        assert sum(held) <= 2
        turns.update(who for who, has in enumerate(held) if has)
        clock.now += slots.TURN_S / 2
    assert len(turns) == 5
    assert max(turns.values()) <= 2 * min(turns.values())
    for share in shares[:3]:
        share.close()
    assert [look(share, 20) for _ in range(3) for share in shares[3:]][-2:] == [1, 1]


def test_who_waits_longest_has_the_next_free_slot(engine: Engine) -> None:
    clock = Clock()
    holder, *waiting = [ShareOfSlots(engine, "model", 1, clock) for _ in range(4)]
    assert look(holder, 1) == 1
    for share in waiting:
        assert look(share, 1) == 0
        clock.now += 1
    holder.close()
    for share in waiting:
        assert [look(each, 1) for each in reversed(waiting)] == [int(each is share) for each in reversed(waiting)]
        share.close()


def test_who_overslept_has_lost_what_others_took_and_keeps_what_nobody_did(engine: Engine) -> None:
    clock = Clock()
    one, two = (ShareOfSlots(engine, "model", 3, clock) for _ in range(2))
    assert look(one, 3) == 3
    oversleep(engine, one)
    clock.now += 3600
    assert look(one, 3) == 3
    assert look(two, 3) == 0
    oversleep(engine, one)
    assert look(two, 3) == 3
    clock.now += 3600
    assert one.aim(3) == 0
    assert one.held == 0
    assert look(two, 3) == 1  # the other has said that it wants some
    assert look(one, 3) == 2


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


@pytest.mark.slow
def test_calls_of_who_overslept_do_not_go_beyond_the_limit(engine: Engine) -> None:
    async def run() -> None:
        clock = Clock()
        limiter, other = Limiter(2), ShareOfSlots(engine, "model", 2)
        own = ShareOfSlots(engine, "model", 2, clock)
        async with aclosing(SharedLimit(limiter, own)):
            await limiter.acquire()
            await limiter.acquire()
            oversleep(engine, own)
            assert look(other, 2) == 2
            clock.now += 3600
            while limiter.limit:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            later = asyncio.create_task(limiter.acquire())
            limiter.release()
            limiter.release()
            assert own.aim(2) == 0
            assert not later.done()
            other.close()
            await later
            assert own.held >= 1

    in_time(run())


def test_a_run_that_waits_for_a_slot_says_so_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "TOLD_S", 0.0)
    notes: list[Event] = []
    other = ShareOfSlots(engine, "openai:x", 3)
    assert look(other, 3) == 3

    async def run() -> None:
        limiter, told = Limiter(3), asyncio.Event()
        with listen(lambda event: (notes.append(event), told.set())[0]):
            async with aclosing(SharedLimit(limiter, ShareOfSlots(engine, "openai:x", 3), "openai:x")):
                waiting = asyncio.create_task(limiter.acquire())
                await told.wait()
                other.close()
                await waiting

    in_time(run())
    told = "waits for its turn: 1 other user of the database had all 3 slots (`max_concurrency`)"
    assert notes == [Note(f"openai:x: {told}")]


def test_who_waits_for_slots_of_a_database_that_is_gone_is_told() -> None:
    class Gone:
        held = others = 0

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
