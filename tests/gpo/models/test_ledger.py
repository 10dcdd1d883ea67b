import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import FakeListLLM, GenericFakeChatModel
from langchain_core.messages import AIMessage
from sqlalchemy import Engine, event, func, select

from gpo.database.engine import open_database, read_transaction
from gpo.database.tables import calls
from gpo.errors import ModelConfigError, StateError
from gpo.messages.message import Message
from gpo.models.langchain_cache import LedgerCache
from gpo.models.ledger import Answer, CallKey, Ledger
from gpo.redaction import find_secret
from tests.support.paths import ROOT

WRITER = """
import asyncio, sys
from gpo.database.engine import open_database
from gpo.models.ledger import Answer, CallKey, Ledger
from gpo.messages.message import Message

async def write(url, name, count):
    engine = open_database(url)
    ledger = Ledger(engine)
    async def keep(number):
        owner = name if number % 2 else "all"
        key = CallKey(identity={"model": "m", "owner": owner}, messages=(Message(role="user", text=str(number)),))
        await ledger.keep(key, Answer(text=f"{owner} {number}"))
        print(number, flush=True)
    for start in range(0, count, 50):
        await asyncio.gather(*(keep(number) for number in range(start, min(start + 50, count))))
    await ledger.aclose()
    engine.dispose()

asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


def key(text: str = "hello", repeat: int = 0, **identity: Any) -> CallKey:
    return CallKey(identity={"model": "m", **identity}, messages=(Message(role="user", text=text),), repeat=repeat)


def rows_in(engine: Engine) -> int:
    with read_transaction(engine) as connection:
        return connection.execute(select(func.count()).select_from(calls)).scalar_one()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
# A parameter that looks like a secret is refused: another test.
identities = st.dictionaries(st.text(), json_values, max_size=4).filter(lambda given: find_secret(given) is None)
conversations = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), text=st.text()), max_size=3
).map(tuple)


def shuffled(value: Any, seed: int) -> Any:
    if isinstance(value, dict):
        items = [(name, shuffled(inner, seed)) for name, inner in value.items()]
        random.Random(seed).shuffle(items)
        return dict(items)
    return [shuffled(inner, seed) for inner in value] if isinstance(value, list) else value


@given(identities, conversations, st.integers(0, 9), st.integers(0, 9))
def test_equal_content_has_an_equal_digest(
    identity: dict[str, Any], messages: tuple[Message, ...], repeat: int, seed: int
) -> None:
    first = CallKey(identity=identity, messages=messages, repeat=repeat)
    again = CallKey(identity=shuffled(identity, seed), messages=messages, repeat=repeat)
    assert first.digest == again.digest
    assert CallKey.model_validate_json(first.model_dump_json()).digest == first.digest
    assert len(first.digest) == 64


@given(*(st.tuples(identities, conversations, st.integers(0, 3)) for _ in range(2)))
def test_different_content_has_a_different_digest(first: Any, second: Any) -> None:
    assume(repr(ordered(first)) != repr(ordered(second)))
    digests = {CallKey(identity=i, messages=m, repeat=r).digest for i, m, r in (first, second)}
    assert len(digests) == 2


def ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value)}
    return [ordered(inner) for inner in value] if isinstance(value, list | tuple) else value


def test_message_borders_roles_parameters_and_repeats_count() -> None:
    def digest(*messages: tuple[str, str]) -> str:
        return CallKey(
            identity={}, messages=tuple(Message.model_validate({"role": role, "text": text}) for role, text in messages)
        ).digest

    digests = [
        digest(("user", "ab")),
        digest(("user", "a"), ("user", "b")),
        digest(("system", "ab")),
        key("ab").digest,
        key("ab", repeat=1).digest,
        key("ab", parameters={"temperature": 0.0}).digest,
        key("ab", parameters={"temperature": 1.0}).digest,
    ]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    "identity",
    [
        {"api_key": "hunter2"},
        {"parameters": {"default_headers": {"Authorization": "hunter2"}}},
        {"parameters": {"fallbacks": [{"openai_api_key": "hunter2"}]}},
        {"parameters": {"key": object}},
    ],
)
def test_a_key_refuses_secrets_and_what_is_not_json_without_repeating_them(identity: Any) -> None:
    with pytest.raises((ModelConfigError, ValueError)) as caught:
        CallKey(identity=identity, messages=())
    assert "hunter2" not in str(caught.value)


def test_kept_answers_are_found_after_reopening(engine: Engine, url: str) -> None:
    awkward = key('ünï "quoted" \x00 \n \ud800 {{x}}', parameters={"temperature": 0.5})
    answer = Answer(
        text="ja \x00 \ud83d \U0001f600",
        input_tokens=7,
        output_tokens=3,
        model="m-1",
        finish_reason="stop",
        seconds=0.123456,
    )
    assert answer.text == "ja \ufffd \ufffd \U0001f600"
    many = [key(str(number)) for number in range(1200)]

    async def write() -> None:
        ledger = Ledger(engine)
        await ledger.keep(awkward, answer, role="optimizer")
        await asyncio.gather(*(ledger.keep(each, Answer(text=each.messages[0].text)) for each in many))
        await ledger.aclose()

    async def read(again: Engine) -> dict[str, Answer]:
        ledger = Ledger(again)
        found = await ledger.find([awkward, key("never asked"), *many])
        assert await ledger.find([]) == {}
        await ledger.aclose()
        return found

    asyncio.run(write())
    again = open_database(url)
    found = asyncio.run(read(again))
    again.dispose()
    assert found.pop(awkward.digest) == answer
    assert {digest: kept.text for digest, kept in found.items()} == {
        each.digest: each.messages[0].text for each in many
    }


def test_the_first_answer_of_a_key_stays(engine: Engine) -> None:
    async def run() -> list[str]:
        ledger = Ledger(engine)
        await ledger.keep(key(), Answer(text="first"))
        await asyncio.gather(*(ledger.keep(key(), Answer(text=str(number))) for number in range(5)))
        texts = [answer.text for answer in (await ledger.find([key()])).values()]
        await ledger.aclose()
        return texts

    assert asyncio.run(run()) == ["first"]


def test_answers_that_arrive_together_are_committed_together(engine: Engine) -> None:
    commits = []
    event.listen(engine, "commit", commits.append)
    ledger = Ledger(engine)

    async def run() -> None:
        await asyncio.gather(*(ledger.keep(key(str(number)), Answer(text="x")) for number in range(200)))

    asyncio.run(run())
    # The same ledger goes on with another event loop.
    asyncio.run(ledger.keep(key("later"), Answer(text="x")))
    asyncio.run(ledger.aclose())
    assert rows_in(engine) == 201
    assert len(commits) <= 20


def test_a_cancelled_caller_loses_no_answer(engine: Engine) -> None:
    ledger = Ledger(engine)

    async def run() -> None:
        keeps = [asyncio.create_task(ledger.keep(key(str(number)), Answer(text="x"))) for number in range(20)]
        await asyncio.sleep(0)
        for task in keeps[:19]:
            task.cancel()
        await keeps[19]
        await ledger.aclose()

    asyncio.run(run())
    assert rows_in(engine) == 20


@pytest.mark.slow
def test_several_processes_write_at_once_and_lose_nothing(engine: Engine, url: str) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(number), "500"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for number in range(4)
    ]
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors.decode()
    assert rows_in(engine) == 250 + 4 * 250


@pytest.mark.slow
def test_an_answer_survives_the_killing_of_its_process(engine: Engine, url: str) -> None:
    command = [sys.executable, "-c", WRITER, url, "w", "100000"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        kept = [int(child.stdout.readline()) for _ in range(120)]
        child.send_signal(signal.SIGKILL)
        kept += [int(line) for line in child.stdout if line.endswith("\n")]
    ledger = Ledger(engine)
    keys = [key(str(number), owner="w" if number % 2 else "all") for number in kept]
    found = asyncio.run(ledger.find(keys))
    asyncio.run(ledger.aclose())
    assert len(found) == len(kept) >= 120


def test_every_waiting_caller_hears_of_a_failed_write(tmp_path: Path) -> None:
    path = tmp_path / "gpo.db"
    open_database(f"sqlite:///{path}").dispose()
    engine = open_database(f"sqlite:///file:{path}?mode=ro&uri=true")

    async def run() -> list[Any]:
        ledger = Ledger(engine)
        keeps = (ledger.keep(key(str(number)), Answer(text="x")) for number in range(30))
        results = await asyncio.gather(*keeps, return_exceptions=True)
        assert await ledger.find([key("0")]) == {}
        await ledger.aclose()
        return results

    results = asyncio.run(run())
    engine.dispose()
    assert len(results) == 30
    assert all(isinstance(result, StateError) and "read-only" in str(result) for result in results)


def test_writing_goes_on_once_the_disk_has_room_again(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'gpo.db'}")
    pages = {"max": 1}

    @event.listens_for(engine, "begin")
    def limit(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages['max']}")

    async def run() -> None:
        ledger = Ledger(engine)
        with pytest.raises(StateError, match="free some space"):
            await ledger.keep(key(), Answer(text="x" * 100_000))
        pages["max"] = 100_000
        await ledger.keep(key(), Answer(text="x" * 100_000))
        assert len(await ledger.find([key()])) == 1
        await ledger.aclose()

    asyncio.run(run())
    engine.dispose()


def reply(text: str) -> AIMessage:
    return AIMessage(
        text,
        usage_metadata={"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
        response_metadata={"model_name": "m-1", "odd": {1, 2}},
        tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}],
    )


def test_it_is_a_cache_for_any_langchain_chat_model(engine: Engine) -> None:
    first = Ledger(engine)
    paid = GenericFakeChatModel(messages=iter([reply("one"), reply("two")]), cache=LedgerCache(first, engine))
    assert paid.invoke("a").content == "one"
    assert asyncio.run(paid.ainvoke("b")).content == "two"
    first.close()

    second = Ledger(engine)
    free = GenericFakeChatModel(messages=iter([]), cache=LedgerCache(second, engine))
    for answer, text in ((free.invoke("a"), "one"), (asyncio.run(free.ainvoke("b")), "two")):
        assert isinstance(answer, AIMessage)
        assert answer.content == text
        assert answer.usage_metadata is not None
        assert answer.usage_metadata["input_tokens"] == 5
        assert answer.tool_calls[0]["args"] == {"x": 1}
    with pytest.raises((StopIteration, RuntimeError)):
        free.invoke("a", stop=["x"])
    with read_transaction(engine) as connection:
        row = connection.execute(select(calls).where(calls.c.text == "one")).one()
    assert (row.role, row.model, row.input_tokens, row.output_tokens) == ("langchain", "m-1", 5, 2)
    second.close()


def test_it_is_the_global_cache_of_plain_language_models_too(engine: Engine) -> None:
    ledger = Ledger(engine)
    set_llm_cache(LedgerCache(ledger, engine))
    try:
        model = FakeListLLM(responses=["one", "two"])
        assert [model.invoke("a"), model.invoke("a"), model.invoke("b")] == ["one", "one", "two"]
    finally:
        set_llm_cache(None)
        ledger.close()


def test_an_error_is_not_cached(engine: Engine) -> None:
    ledger = Ledger(engine)

    def messages() -> Iterator[AIMessage]:
        yield AIMessage("fine")

    class Flaky(GenericFakeChatModel):
        failed: bool = False

        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            if not self.failed:
                self.failed = True
                raise ConnectionError
            return super()._generate(*args, **kwargs)

    model = Flaky(messages=messages(), cache=LedgerCache(ledger, engine))
    with pytest.raises(ConnectionError):
        model.invoke("a")
    assert rows_in(engine) == 0
    assert model.invoke("a").content == "fine"
    ledger.close()


def test_clearing_the_cache_leaves_what_runs_have_paid_for(engine: Engine) -> None:
    ledger = Ledger(engine)
    GenericFakeChatModel(messages=iter([reply("one")]), cache=LedgerCache(ledger, engine)).invoke("a")
    asyncio.run(ledger.keep(key(), Answer(text="x")))
    assert rows_in(engine) == 2
    LedgerCache(ledger, engine).clear()
    assert rows_in(engine) == 1
    assert len(asyncio.run(ledger.find([key()]))) == 1
    ledger.close()
