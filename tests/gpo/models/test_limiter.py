"""Slots for calls: how many, in which order, and what a cancelled caller leaves behind."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.models.limiter import AdaptiveLimiter, Limiter, Place
from tests.support.fakes import in_time


async def turns(count: int) -> None:
    """Let the loop go round a few times."""
    for _ in range(count):
        await asyncio.sleep(0)


@asynccontextmanager
async def slot(limiter: Limiter, priority: int = 0) -> AsyncIterator[None]:
    await limiter.acquire(priority)
    try:
        yield
    finally:
        limiter.release()


async def free_slots(limiter: Limiter) -> int:
    """How many can go in at once now."""
    inside = 0
    leave = asyncio.Event()

    async def enter() -> None:
        nonlocal inside
        async with slot(limiter):
            inside += 1
            await leave.wait()

    tasks = [asyncio.create_task(enter()) for _ in range(20)]
    await turns(3)
    found = inside
    leave.set()
    await asyncio.gather(*tasks)
    return found


@given(slots=st.integers(1, 5), group=st.integers(1, 5), seed=st.integers(0, 10_000), cancelling=st.booleans())
def test_never_more_than_the_slots_and_every_slot_comes_back(
    slots: int, group: int, seed: int, cancelling: bool
) -> None:
    rng = random.Random(seed)

    async def run() -> None:
        limiter = Limiter(slots, min(group, slots))
        inside = most = done = 0

        async def work(priority: int, length: int, fails: bool) -> None:
            nonlocal inside, most, done
            async with slot(limiter, priority):
                inside += 1
                most = max(most, inside)
                try:
                    await turns(length)
                    if fails:
                        raise ValueError
                finally:
                    inside -= 1
                done += 1

        tasks = []
        for _ in range(30):
            work_now = work(rng.randrange(4), rng.randrange(4), rng.random() < 0.1)
            tasks.append(asyncio.create_task(work_now))
            await turns(rng.randrange(2))
            if cancelling:
                rng.choice(tasks).cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert most <= slots
        assert done == sum(result is None for result in results)
        assert cancelling or done + sum(isinstance(result, ValueError) for result in results) == 30
        assert await free_slots(limiter) == slots

    in_time(run())


def test_the_lowest_priority_number_goes_first_then_the_longest_wait() -> None:
    async def run() -> list[tuple[int, int]]:
        limiter = Limiter(1)
        order = []

        async def work(priority: int, number: int) -> None:
            async with slot(limiter, priority):
                order.append((priority, number))

        async with slot(limiter):
            waiting = [asyncio.create_task(work(priority, n)) for n, priority in enumerate([2, 0, 1, 2, 0, 1])]
            await turns(2)
            assert order == []
        await asyncio.gather(*waiting)
        return order

    assert in_time(run()) == [(0, 1), (0, 4), (1, 2), (1, 5), (2, 0), (2, 3)]


def test_a_group_goes_in_together_and_nobody_who_comes_then_goes_before_it() -> None:
    async def run() -> list[list[str]]:
        limiter, inside, seen = Limiter(4, group=2), list[str](), []

        async def enter(name: str) -> None:
            await limiter.acquire()
            inside.append(name)

        async def look() -> None:
            await turns(2)
            seen.append(list(inside))

        tasks = [asyncio.create_task(enter(name)) for name in "abcdef"]
        await look()
        limiter.release()
        tasks.append(asyncio.create_task(enter("g")))
        await look()
        limiter.release()
        await look()
        limiter.release()
        limiter.release()
        await look()
        await asyncio.gather(*tasks)
        return seen

    four, six = list("abcd"), list("abcdef")
    assert in_time(run()) == [four, four, six, [*six, "g"]]


def test_cancelled_when_its_turn_has_just_come_it_passes_the_turn_on() -> None:
    async def run() -> list[str]:
        limiter = Limiter(1)
        entered = []

        async def work(name: str) -> None:
            async with slot(limiter):
                entered.append(name)

        async with slot(limiter):
            first, second = asyncio.create_task(work("first")), asyncio.create_task(work("second"))
            await turns(2)
        # The slot is the first one's now, who has not run since.
        first.cancel()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await free_slots(limiter) == 1
        return entered

    assert in_time(run()) == ["second"]


def test_the_limit_is_halved_once_for_calls_that_were_out_and_grows_while_they_are_quick() -> None:
    async def run() -> list[int]:
        limiter, seen = AdaptiveLimiter(16), []
        now = asyncio.get_running_loop().time
        out = now()
        for _ in range(5):
            limiter.too_much(out)  # all of these had gone out before it was known
        seen += [limiter.limit, await free_slots(limiter)]
        await asyncio.sleep(0.001)
        limiter.too_much(now())
        seen.append(limiter.limit)
        for _ in range(4 * 8):
            limiter.went_well(1.0)
        seen.append(limiter.limit)
        for _ in range(3 * 8):
            limiter.went_well(3.0)
        seen.append(limiter.limit)
        for _ in range(400):
            limiter.went_well(1.0)
        return [*seen, limiter.limit, await free_slots(limiter)]

    assert in_time(run()) == [8, 8, 4, 8, 8, 16, 16]


def test_one_call_at_once_is_always_let_in() -> None:
    async def run() -> tuple[int, int]:
        limiter = AdaptiveLimiter(3)
        for _ in range(4):
            limiter.too_much(asyncio.get_running_loop().time())
            await asyncio.sleep(0.001)
        return limiter.limit, await free_slots(limiter)

    assert in_time(run()) == (1, 1)


def test_nobody_is_let_in_before_the_server_said_and_then_the_first_goes_first() -> None:
    async def run() -> tuple[list[int], bool]:
        limiter, came = AdaptiveLimiter(1), list[int]()
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.05
        limiter.too_much(loop.time(), retry_after=0.05)

        async def enter(number: int) -> None:
            async with slot(limiter, number):
                came.append(number)

        await asyncio.gather(*map(enter, (2, 1, 3)))
        return came, loop.time() >= until

    assert in_time(run()) == ([1, 2, 3], True)


def test_who_rests_leaves_the_slot_to_others_and_waits_for_one_again() -> None:
    async def run() -> list[str]:
        limiter, came = Limiter(1), list[str]()
        place = Place(limiter)
        await place.take()

        async def other() -> None:
            async with slot(limiter):
                came.append("other")

        waiting = asyncio.create_task(other())
        await place.rest(0.001)
        came.append("first")
        place.leave()
        place.leave()
        await waiting
        return [*came, str(await free_slots(limiter))]

    assert in_time(run()) == ["other", "first", "1"]


def test_who_was_refused_first_goes_first_again_when_the_server_is_ready() -> None:
    async def run() -> list[int]:
        limiter, came = AdaptiveLimiter(1), list[int]()
        loop = asyncio.get_running_loop()

        async def ask(number: int, refusals: int) -> None:
            place = Place(limiter)
            await place.take()
            for _ in range(refusals):
                limiter.too_much(place.began, retry_after=0.01)
                await place.rest(0.01)
            came.append(number)
            place.leave()

        tasks = [loop.create_task(ask(number, refusals)) for number, refusals in enumerate((2, 1, 0))]
        await asyncio.gather(*tasks)
        return came

    assert in_time(run()) == [0, 1, 2]


def test_who_is_cancelled_while_it_rests_holds_nothing() -> None:
    async def run() -> int:
        limiter = Limiter(1)
        place = Place(limiter)
        await place.take()
        resting = asyncio.create_task(place.rest(60))
        await turns(3)
        resting.cancel()
        await asyncio.gather(resting, return_exceptions=True)
        place.leave()
        return await free_slots(limiter)

    assert in_time(run()) == 1
