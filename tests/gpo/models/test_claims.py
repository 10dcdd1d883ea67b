"""Two processes that need the same answers: each is paid for once, and nobody waits for the dead."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, func, insert, select

from gpo.database.engine import open_database, read_transaction, utc_now, write_transaction
from gpo.database.tables import call_claims
from gpo.errors import PermanentCallError
from gpo.models.ledger import Answer, Ledger
from tests.support.endpoint import Reply, Request, serving
from tests.support.fakes import StatusError, chat_model, in_time, scripted
from tests.support.keys import PLAIN, key
from tests.support.paths import ROOT

ASKER = """
import asyncio, sys
from contextlib import AsyncExitStack
from gpo.database.engine import open_database
from gpo.messages.message import Message
from gpo.models.claims import calls as claims
from gpo.models.chat import ChatModel, Sampling
from gpo.models.client import connector
from gpo.models.ledger import Ledger
from gpo.models.sharing import Tally
from gpo.settings import Settings
from gpo.spec.models import ModelSpec

claims.LEASE_S = 3600

async def ask(url, base_url, count):
    spec = ModelSpec(model="openai:x", base_url=base_url, max_concurrency=4)
    engine = open_database(url)
    ledger = Ledger(engine)
    async with AsyncExitStack() as stack:
        model = ChatModel("task", spec, ledger, connector(spec, Settings(), stack), Tally())
        keys = [model.key([Message(role="user", text=str(number))], Sampling()) for number in range(count)]
        print("ready", flush=True)
        sys.stdin.readline()
        answers = await asyncio.gather(*(model.ask(each, Sampling()) for each in keys))
        print(model.tally.paid, *[answer.text for answer in answers], flush=True)
    await ledger.aclose()
    engine.dispose()

asyncio.run(ask(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@contextmanager
def asking(url: str, base_url: str, count: int, processes: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that ask the same, all of which have begun; those that still run in the end are killed."""
    command = [sys.executable, "-c", ASKER, url, base_url, str(count)]
    with ExitStack() as stack:
        begun = []
        for _ in range(processes):
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            begun.append(stack.enter_context(process))
            stack.callback(process.kill)
        for process in begun:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in begun:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        yield begun


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.01)


def claimed(engine: Engine) -> int:
    """Calls, and not the slots of processes, which those that are killed leave to whoever comes."""
    calls = select(func.count()).select_from(call_claims).where(call_claims.c.digest.notlike("%:%"))
    with read_transaction(engine) as connection:
        return connection.execute(calls).scalar_one()


@pytest.mark.slow
def test_two_processes_at_the_same_work_pay_for_each_answer_once(engine: Engine, database_url: str) -> None:
    def answer(request: Request) -> Reply:
        return Reply(f"is-{request.text}", latency_s=0.02)

    with serving(answer) as endpoint, asking(database_url, endpoint.url, 80, processes=2) as both:
        told = [process.communicate(timeout=60)[0].split() for process in both]
    assert sorted(request.text for request in endpoint.requests) == sorted(map(str, range(80)))
    assert [words[1:] for words in told] == [[f"is-{number}" for number in range(80)]] * 2
    assert sum(int(words[0]) for words in told) == 80
    assert claimed(engine) == 0


@pytest.mark.slow
def test_who_waits_for_a_process_that_is_killed_pays_itself(engine: Engine, database_url: str) -> None:
    with serving(lambda _: Reply(latency_s=300)) as endpoint, asking(database_url, endpoint.url, 1, processes=1) as one:

        async def run() -> str:
            await until(lambda: endpoint.calls == 1)
            ledger = Ledger(engine)
            model = chat_model(scripted("mine"), ledger, "openai:x", base_url=endpoint.url)
            waiting = asyncio.create_task(model.ask(key(model, "0"), PLAIN))
            await until(lambda: model._told_of_others)
            assert not waiting.done()
            one[0].kill()
            await asyncio.to_thread(one[0].wait)
            answer = await waiting
            await ledger.aclose()
            return answer.text

        assert in_time(run(), 60) == "mine"
    assert claimed(engine) == 0


def test_who_waits_takes_what_the_other_paid_for_and_pays_where_it_failed(engine: Engine) -> None:
    async def run() -> None:
        ledgers = Ledger(engine), Ledger(engine)
        fake = scripted(errors={0: StatusError(401)}, gate=asyncio.Event())
        other = scripted("other")
        assert fake.gate
        payer, twin = chat_model(fake, ledgers[0]), chat_model(other, ledgers[1])
        failing = asyncio.create_task(payer.ask(key(payer), PLAIN))
        await until(lambda: fake.in_flight == 1)
        after = asyncio.create_task(twin.ask(key(twin), PLAIN))
        await until(lambda: twin._told_of_others)
        fake.gate.set()
        with pytest.raises(PermanentCallError):
            await failing
        assert (await after).text == "other"
        assert (await payer.ask(key(payer), PLAIN)).text == "other"
        assert (len(fake.calls), len(other.calls)) == (1, 1)
        for ledger in ledgers:
            await ledger.aclose()

    in_time(run(), 60)
    assert claimed(engine) == 0


def test_a_claim_of_another_machine_holds_until_its_time_is_over(engine: Engine) -> None:
    model = chat_model(scripted())
    call = key(model)

    def leave(until: timedelta) -> None:
        row = {"digest": call.digest, "owner": "elsewhere/1/x", "until": utc_now(-until)}
        with write_transaction(engine) as connection:
            connection.execute(delete(call_claims))
            connection.execute(insert(call_claims), row)

    async def run() -> None:
        ledger = Ledger(engine)
        leave(timedelta(hours=1))
        assert await ledger.claim(call) is False
        leave(timedelta(seconds=-1))
        assert await ledger.claim(call) is True
        assert await ledger.claim(call) is False  # it is ours, and one of us pays already
        ledger.release(call)
        assert await ledger.claim(call) is True
        await ledger.keep(call, Answer(text="paid"))
        kept = await ledger.claim(call)
        assert isinstance(kept, Answer)
        assert await ledger.claim(call, since=utc_now(timedelta(days=-1))) is True  # too old to count
        await ledger.aclose()

    in_time(run())
    assert claimed(engine) == 1


def test_a_claim_that_nobody_waits_for_is_given_up(engine: Engine) -> None:
    model = chat_model(scripted())

    async def run() -> None:
        ledger = Ledger(engine)
        asked = [asyncio.create_task(ledger.claim(key(model, str(number)))) for number in range(5)]
        await asyncio.sleep(0)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await ledger.aclose()

    in_time(run())
    assert claimed(engine) == 0


def test_a_claim_that_is_given_up_while_it_is_being_made_can_be_made_again(engine: Engine) -> None:
    wanted, other = (key(chat_model(scripted()), number) for number in ("1", "2"))

    async def run() -> None:
        ledger = Ledger(engine)
        with write_transaction(engine):  # in which SQLite lets nobody else write
            asked = asyncio.create_task(ledger.claim(wanted))
            await asyncio.sleep(0)
            while ledger._batch is not None:  # noqa: ASYNC110 - until it is in the transaction that waits
                await asyncio.sleep(0.001)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        await ledger.keep(other, Answer(text="yes"))  # comes after it
        assert await ledger.claim(wanted) is True
        await ledger.aclose()

    in_time(run())
