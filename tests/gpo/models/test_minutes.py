"""Limits of a minute that processes share: no minute has more, whoever sends; and who waits is not overtaken."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from gpo.database.engine import open_database, write_transaction
from gpo.database.tables import minute_bookings
from gpo.models.claims.minutes import Booking, MinuteBook, SharedRate
from gpo.models.clients.rate import MinuteLimits, RateLimit
from gpo.models.ledger import Ledger
from gpo.models.models import open_models
from gpo.settings import Settings
from tests.services.servers import wait_until
from tests.support.drawn import at_most
from tests.support.endpoint import Reply, serving
from tests.support.fakes import in_time
from tests.support.keys import PLAIN, key
from tests.support.minutes import WAITS, give_up_third_call, limited_models
from tests.support.paths import ROOT

PERIOD_S = 60.0


class Clock:
    """The time as a test has it."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('minutes') / 'gpo.db'}")
    yield engine
    engine.dispose()


def books(engine: Engine, number: int, limits: MinuteLimits, clock: Clock) -> list[MinuteBook]:
    with write_transaction(engine) as connection:
        connection.execute(delete(minute_bookings))
    return [MinuteBook(engine, "server", limits, PERIOD_S, clock) for _ in range(number)]


@pytest.mark.slow
@settings(max_examples=at_most(20))
@given(
    st.integers(1, 4),
    st.integers(30, 90),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30), st.floats(0, 30)), min_size=1, max_size=14),
)
def test_no_minute_has_more_whoever_sends(
    engine: Engine, requests: int, tokens: int, asked: list[tuple[int, int, float]]
) -> None:
    clock = Clock()
    own = books(engine, 3, MinuteLimits(requests, tokens), clock)
    sent: list[tuple[float, int]] = []
    for who, its, pause in asked:
        clock.now += pause
        booking = own[who].book(its)
        if booking.pause > 20:  # it looks again before it goes
            clock.now += 10
            again = own[who].look(booking)
            assert again.pause <= booking.pause - 10 + 1e-6
            booking = again
        sent.append((clock.now + max(0.0, booking.pause), its))
    for end, _ in sent:
        minute = [its for at, its in sent if end - PERIOD_S + 1e-6 < at <= end]
        assert len(minute) <= requests
        assert sum(minute) <= tokens
    assert [at for at, _ in sent] == sorted(at for at, _ in sent), "the first who comes goes first"


def test_a_call_beyond_a_whole_minute_goes_alone_and_is_not_overtaken(engine: Engine) -> None:
    one, two = books(engine, 2, MinuteLimits(tokens=100), Clock())
    assert one.book(60).pause == 0
    large = two.book(500)
    assert large.pause == PERIOD_S
    small = one.book(1)
    assert small.pause == 2 * PERIOD_S
    two.drop(large.id)
    two.close()
    assert one.look(small).pause == 0


def test_a_reply_with_fewer_tokens_lets_the_next_call_of_another_out(engine: Engine) -> None:
    one, two = books(engine, 2, MinuteLimits(tokens=100), Clock())
    first, second = one.book(90), two.book(50)
    assert second.pause == PERIOD_S
    one.correct(first.id, 40)
    one.close()
    assert two.look(second).pause == 0
    assert one.book(10).pause == 0


def test_a_call_that_was_sent_long_ago_is_in_no_minute(engine: Engine) -> None:
    clock = Clock()
    one, two = books(engine, 2, MinuteLimits(requests=1), clock)
    assert one.book(1).pause == 0
    waits = two.book(1)
    clock.now += 3600
    assert two.look(waits).pause <= 0
    assert one.book(1).pause == 0


def test_a_clock_that_was_put_back_stops_nobody(engine: Engine) -> None:
    clock = Clock()
    [book] = books(engine, 1, MinuteLimits(2, None), clock)
    for _ in range(3):
        book.book(1)
    clock.now -= 3600
    assert [book.book(1).pause <= 0 for _ in range(3)] == [True, True, False]


def test_who_is_cancelled_while_the_database_books_holds_up_nobody(engine: Engine) -> None:
    [book] = books(engine, 1, MinuteLimits(1, None), Clock())
    entered, leave = threading.Event(), threading.Event()

    class Slow(MinuteBook):
        def book(self, tokens: int) -> Booking:
            entered.set()
            leave.wait()
            return book.book(tokens)

        def drop(self, booking: str) -> None:
            book.drop(booking)

    async def cancel() -> None:
        rate = SharedRate(RateLimit(MinuteLimits(1, None)), Slow(engine, "slow", MinuteLimits(1, None)))
        task = asyncio.create_task(rate.take(1))
        await asyncio.to_thread(entered.wait)
        task.cancel()
        await asyncio.wait([task])
        leave.set()

    asyncio.run(cancel())
    assert book.book(1).pause <= 0


def test_who_gives_up_holds_up_nobody(engine: Engine) -> None:
    one, two = books(engine, 2, MinuteLimits(requests=1), Clock())

    async def run() -> None:
        rates = [SharedRate(RateLimit(MinuteLimits(requests=5)), book) for book in (one, two)]
        await rates[0].take(1)
        told = asyncio.Event()
        waiting = asyncio.create_task(rates[1].take(1, told.set))
        await told.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        two.close()

    in_time(run())
    assert one.book(1).pause == PERIOD_S


def test_models_of_two_ledgers_keep_one_limit(database_url: str) -> None:
    async def run(url: str) -> list[object]:
        spec = limited_models(url)
        engine = open_database(database_url)
        async with AsyncExitStack() as stack:
            stack.callback(engine.dispose)
            ledgers = [await stack.enter_async_context(aclosing(Ledger(engine))) for _ in range(2)]
            one, two = [await stack.enter_async_context(open_models(spec, Settings(), each)) for each in ledgers]
            await one.task.ask(key(one.task, "1"), PLAIN)
            await two.task.ask(key(two.task, "2"), PLAIN)
            return await give_up_third_call(two.task)

    with serving(lambda _: Reply("yes")) as endpoint:
        assert in_time(run(endpoint.url)) == WAITS
        assert len(endpoint.requests) == 2


PROCESS = """
import asyncio, sys
from contextlib import aclosing
from gpo.database.engine import open_database
from gpo.models.claims.minutes import MinuteBook, SharedRate
from gpo.models.clients.rate import MinuteLimits, ModelRate, RateLimit
from gpo.models.ledger import Ledger
from gpo.models.models import open_models
from gpo.progress import listen
from gpo.settings import Settings
from gpo.spec.models import ModelSpec, ModelsSpec
from tests.support.keys import PLAIN, key

database, url, who = sys.argv[1:]
LIMITS, HOUR = MinuteLimits(requests=5), 3600.0

async def main():
    model = ModelSpec.model_validate({"model": "openai:x", "base_url": url})
    spec = ModelsSpec(task=model, optimizer=model, embedding=ModelSpec(model="synthetic:words"))
    engine = open_database(database)
    async with aclosing(Ledger(engine)) as ledger, open_models(spec, Settings(), ledger) as models:
        # Alone, a process would let all of its calls out.
        rate = SharedRate(RateLimit(MinuteLimits(requests=100), HOUR), MinuteBook(engine, "x", LIMITS, HOUR))
        models.task.rate = ModelRate("openai:x", rate)
        with listen(lambda event: print(event.text, flush=True)):
            await asyncio.gather(*(models.task.ask(key(models.task, f"{who} {n}"), PLAIN) for n in range(6)))

asyncio.run(main())
"""


@pytest.mark.slow
def test_two_processes_together_keep_to_the_limit(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    open_database(database_url).dispose()
    with serving(lambda _: Reply("yes")) as endpoint:
        command = [sys.executable, "-c", PROCESS, database_url, endpoint.url]
        running = [
            subprocess.Popen([*command, who], stdout=subprocess.PIPE, text=True, cwd=ROOT) for who in ("one", "two")
        ]
        try:
            for process in running:
                assert process.stdout is not None
                assert process.stdout.readline().startswith("openai:x: calls wait for the limit")
            wait_until(lambda: len(endpoint.requests) == 5)
        finally:
            for process in running:
                process.kill()
                process.communicate()
        assert len(endpoint.requests) == 5
