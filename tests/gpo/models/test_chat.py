"""One chat model: calls paid once, kept, counted, limited; and what their keys hold."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gpo.database.engine import open_database, read_transaction
from gpo.database.tables import calls
from gpo.errors import LocalModelError, PermanentCallError, TransientCallError
from gpo.messages.message import Message
from gpo.models.chat import Sampling
from gpo.models.clients.rate import MinuteLimits, ModelRate, RateLimit, Sent
from gpo.models.ledger import Answer, CallKey, Ledger
from gpo.models.sharing import HeldAnswers
from tests.support.fakes import StatusError, chat_model, in_time, scripted
from tests.support.keys import PLAIN, key


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_failure_is_raised_counted_and_not_kept() -> None:
    answers = HeldAnswers()
    fake = scripted(errors={0: StatusError(503), 1: StatusError(401)})
    model = chat_model(fake, answers)

    async def run() -> None:
        with pytest.raises(TransientCallError, match="HTTP 503"):
            await model.ask(key(model), PLAIN)
        with pytest.raises(PermanentCallError, match="HTTP 401"):
            await model.ask(key(model), PLAIN)
        assert await answers.find([key(model)]) == {}
        assert (await model.ask(key(model), PLAIN)).text == "yes"

    in_time(run())
    assert (model.tally.failed, model.tally.paid) == (2, 1)


# Paying


def test_what_is_asked_arrives_and_what_is_answered_comes_back() -> None:
    fake = scripted(lambda messages: messages[0].text.upper())
    model = chat_model(fake)
    sampling = Sampling(max_tokens=5, grammar="root ::= x", min_p=0.1)
    messages = [Message(role="system", text="a"), Message(role="user", text="b"), Message(role="assistant", text="c")]
    answer = in_time(model.ask(model.key(messages, sampling), sampling))
    assert (answer.text, answer.input_tokens, answer.output_tokens, answer.model) == ("A", 10, 3, "scripted-1")
    (call,) = fake.calls
    assert list(call.messages) == messages
    assert call.parameters == {"max_tokens": 5, "extra_body": {"grammar": "root ::= x", "min_p": 0.1}}


def test_everything_that_decides_an_answer_is_in_its_key() -> None:
    def digest(repeat: int = 0, sampling: Sampling = PLAIN, text: str = "a", **spec: Any) -> str:
        return chat_model(scripted(), **spec).key([Message(role="user", text=text)], sampling, repeat).digest

    others = [
        digest(repeat=1),
        digest(sampling=Sampling(max_tokens=1)),
        digest(text="b"),
        digest(name="openai:other"),
        digest(base_url="http://h/v1"),
        digest(parameters={"top_p": 0.5}),
    ]
    assert len({digest(), *others}) == 7
    assert digest(max_concurrency=1, timeout_s=1, max_retries=0, api_key_env="KEY", role="optimizer") == digest()


def test_a_model_file_is_known_by_its_name_and_content_not_by_its_place(tmp_path: Path) -> None:
    def digest(folder: str, content: bytes, prefix: str = "") -> str:
        path = tmp_path / folder / "own.gguf"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        found = key(chat_model(scripted(), name=f"{prefix}{path}"))
        assert str(tmp_path) not in found.model_dump_json()
        return found.digest

    assert digest("a", b"one") == digest("b", b"one") == digest("b", b"one", prefix="local:")
    assert digest("a", b"one") != digest("b", b"another")
    missing = key(chat_model(scripted(), name=str(tmp_path / "none" / "own.gguf")))
    assert missing.identity["model"] == "own.gguf"


def test_a_packaged_model_is_known_by_its_name() -> None:
    identity = {"model": "local:smollm2-135m", "base_url": None, "parameters": {}, "call": {}}
    assert key(chat_model(scripted(), name="local:smollm2-135m")).identity == identity


def test_equal_calls_in_flight_are_paid_once() -> None:
    fake = scripted()
    model = chat_model(fake)

    async def run() -> list[Answer]:
        return await asyncio.gather(
            *(model.ask(key(model), PLAIN) for _ in range(5)), model.ask(key(model, "b"), PLAIN)
        )

    assert [answer.text for answer in in_time(run())] == ["yes"] * 6
    assert sorted(call.text for call in fake.calls) == ["b", "hello"]
    assert (model.tally.paid, model.tally.input_tokens, model.tally.output_tokens) == (2, 20, 6)


def test_what_was_kept_since_the_caller_looked_is_not_paid_again() -> None:
    answers = HeldAnswers()
    fake = scripted()
    first, twin = chat_model(fake, answers), chat_model(fake, answers)

    async def run() -> None:
        assert await twin.find([key(twin)]) == {}
        answer = await first.ask(key(first), PLAIN)
        assert await twin.ask(key(twin), PLAIN) == await first.ask(key(first), PLAIN) == answer

    in_time(run())
    assert len(fake.calls) == 1
    assert (first.tally.paid, first.tally.output_tokens) == (1, 3)
    assert (twin.tally.paid, twin.tally.failed, twin.tally.output_tokens) == (0, 0, 0)


def test_when_the_first_asker_is_cancelled_its_call_goes_on_for_its_twin() -> None:
    async def run() -> None:
        fake = scripted(gate=asyncio.Event())
        model = chat_model(fake)
        first, twin = (asyncio.create_task(model.ask(key(model), PLAIN)) for _ in range(2))
        await settle()
        assert len(fake.calls) == 1
        first.cancel()
        await settle()
        assert first.cancelled()
        assert fake.gate
        fake.gate.set()
        assert (await twin).text == "yes"
        assert len(fake.calls) == 1
        assert (model.tally.paid, model.tally.failed) == (1, 0)

    in_time(run())


def test_a_call_that_nobody_waits_for_is_given_up() -> None:
    async def run() -> None:
        fake = scripted(gate=asyncio.Event())
        model = chat_model(fake)
        askers = [asyncio.create_task(model.ask(key(model), PLAIN)) for _ in range(2)]
        await settle()
        for asker in askers:
            asker.cancel()
        await settle()
        assert fake.in_flight == 0
        assert fake.gate
        fake.gate.set()
        assert (await model.ask(key(model), PLAIN)).text == "yes"
        assert (len(fake.calls), model.tally.paid) == (2, 1)

    in_time(run())


def test_when_the_first_asker_fails_its_twin_asks() -> None:
    fake = scripted(errors={0: StatusError(401)})
    model = chat_model(fake)

    async def run() -> list[Answer | BaseException]:
        asked = (model.ask(key(model), PLAIN) for _ in range(2))
        return await asyncio.gather(*asked, return_exceptions=True)

    first, twin = in_time(run())
    assert isinstance(first, PermanentCallError)
    assert isinstance(twin, Answer)


def test_a_cancelled_twin_leaves_the_first_asker_alone() -> None:
    async def run() -> None:
        fake = scripted(gate=asyncio.Event())
        model = chat_model(fake)
        first, twin = (asyncio.create_task(model.ask(key(model), PLAIN)) for _ in range(2))
        await settle()
        twin.cancel()
        await settle()
        assert fake.gate
        fake.gate.set()
        assert (await first).text == "yes"
        assert len(fake.calls) == 1

    in_time(run())


class SlowStore:
    """A store whose writing takes until it is let through."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.kept: list[tuple[str, str, str]] = []

    async def find(self, keys: Sequence[CallKey]) -> Mapping[str, Answer]:
        return {}

    async def claim(self, key: CallKey, since: str = "") -> Answer | bool:
        return True

    def release(self, key: CallKey) -> None:
        pass

    def share(self, name: str, slots: int) -> None:
        pass

    def book(self, name: str, limits: MinuteLimits) -> None:
        pass

    async def keep(self, key: CallKey, answer: Answer, role: str, stale_before: str = "") -> None:
        await self.open.wait()
        self.kept.append((key.digest, answer.text, role))


def test_an_answer_is_kept_before_it_is_returned() -> None:
    async def run() -> None:
        store = SlowStore()
        model = chat_model(scripted(), store, role="optimizer")
        asked = asyncio.create_task(model.ask(key(model), PLAIN))
        await settle()
        assert not asked.done()
        store.open.set()
        await asked
        assert store.kept == [(key(model).digest, "yes", "optimizer")]

    in_time(run())


def test_the_ledger_knows_the_role(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'gpo.db'}")

    async def run() -> None:
        ledger = Ledger(engine)
        held = HeldAnswers()
        task = chat_model(scripted(), ledger)
        optimizer = chat_model(scripted(), held, role="optimizer", parameters={"temperature": 1.0})
        await task.ask(key(task), PLAIN)
        await optimizer.ask(key(optimizer), PLAIN)
        await held.settle(ledger)
        await ledger.aclose()

    in_time(run())
    with read_transaction(engine) as connection:
        assert sorted(connection.execute(select(calls.c.role)).scalars()) == ["optimizer", "task"]
    engine.dispose()


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_calls_at_once_than_the_spec_allows(limit: int) -> None:
    fake = scripted()
    model = chat_model(fake, max_concurrency=limit)

    async def run() -> None:
        await asyncio.gather(*(model.ask(key(model, str(number)), PLAIN) for number in range(10)))

    in_time(run())
    assert (len(fake.calls), fake.most_in_flight) == (10, limit)


def test_what_ended_an_answer_is_kept() -> None:
    model = chat_model(scripted(finish_reason="length"))
    assert in_time(model.ask(key(model), PLAIN)).finish_reason == "length"


# An embedded model's server


def test_a_server_that_died_is_brought_back_and_asked_again() -> None:
    ensured = []

    async def rejoin() -> None:
        ensured.append(True)

    fake = scripted(errors={0: ConnectionError("gone")})
    model = chat_model(fake, name="local:x", rejoin=rejoin)
    assert in_time(model.ask(key(model), PLAIN)).text == "yes"
    assert (len(ensured), len(fake.calls)) == (1, 2)
    assert (model.tally.paid, model.tally.failed) == (1, 0)


def test_it_is_brought_back_once_and_not_for_a_wrong_request() -> None:
    ensured = []

    async def rejoin() -> None:
        ensured.append(True)

    fake = scripted(errors={0: ConnectionError("gone"), 1: ConnectionError("again"), 2: StatusError(400)})
    model = chat_model(fake, name="local:x", rejoin=rejoin)
    with pytest.raises(TransientCallError, match="again"):
        in_time(model.ask(key(model), PLAIN))
    with pytest.raises(PermanentCallError, match="HTTP 400"):
        in_time(model.ask(key(model), PLAIN))
    assert (len(ensured), len(fake.calls), model.tally.failed) == (1, 3, 2)


def test_a_server_that_does_not_come_back_says_so() -> None:
    async def rejoin() -> None:
        raise LocalModelError("its log")

    model = chat_model(scripted(errors={0: ConnectionError("gone")}), name="local:x", rejoin=rejoin)
    with pytest.raises(LocalModelError, match="its log"):
        in_time(model.ask(key(model), PLAIN))


# Completion models


def test_a_completion_model_is_another_model_than_the_chat_model_of_its_name() -> None:
    chat, completion = chat_model(scripted()), chat_model(scripted(), completion=True)
    assert key(chat).digest != key(completion).digest
    assert "completion" not in key(chat).identity


def test_a_call_begins_when_its_minute_lets_it_out() -> None:
    """One that was refused had not been out when the limit was halved for others."""

    class Minute(RateLimit):
        async def take(self, tokens: int, hear: Callable[[], None] = lambda: None) -> Sent:
            taken.append(tokens)
            if len(taken) > 1:
                await later.wait()
            return await super().take(tokens, hear)

    taken: list[int] = []
    later = asyncio.Event()
    fake = scripted(errors={0: StatusError(429), 1: StatusError(429)})
    model = chat_model(fake, max_concurrency=8)
    model.rate = ModelRate("openai:x", Minute(MinuteLimits(requests=100)))

    async def run() -> list[int]:
        asked = [asyncio.create_task(model.ask(key(model, str(number)), PLAIN)) for number in range(2)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        halved = [model._limiter.limit]
        later.set()
        await asyncio.wait(asked)
        return [*halved, model._limiter.limit]

    assert in_time(run()) == [4, 2]
