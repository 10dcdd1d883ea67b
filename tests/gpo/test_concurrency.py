"""Slots for calls: how many, in which order, and what a cancelled caller leaves behind."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.concurrency import Limiter
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


@given(slots=st.integers(1, 5), seed=st.integers(0, 10_000), cancelling=st.booleans())
def test_never_more_than_the_slots_and_every_slot_comes_back(slots: int, seed: int, cancelling: bool) -> None:
    rng = random.Random(seed)

    async def run() -> None:
        limiter = Limiter(slots)
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
