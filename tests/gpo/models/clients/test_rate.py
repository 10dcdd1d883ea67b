"""Requests and tokens a minute: no minute has more, the first who comes goes first, and replies put guesses right."""

import asyncio
import math
import random
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gpo.database.engine import open_database
from gpo.models.clients.rate import MinuteLimits, ModelRate, RateLimit, Sent, limits_of, server_of
from gpo.models.ledger import Ledger
from gpo.models.models import open_models
from gpo.settings import Settings
from gpo.spec.models import ModelSpec, ModelsSpec
from tests.support.drawn import at_most
from tests.support.endpoint import Reply, serving
from tests.support.fakes import StatusError, chat_model, in_time, scripted
from tests.support.keys import PLAIN, key
from tests.support.minutes import WAITS, give_up_third_call, limited_models

PERIOD_S = 0.01


def most_in_a_period(sent: list[Sent], weights: list[int]) -> int:
    """The most that any period had, by when they were let out."""
    return max(
        sum(
            weight
            for each, weight in zip(sent, weights, strict=True)
            if begin.at <= each.at < begin.at + PERIOD_S - 1e-6
        )
        for begin in sent
    )


@settings(max_examples=at_most(12))
@given(st.integers(1, 4), st.integers(40, 120), st.integers(0, 10_000))
def test_no_period_has_more_requests_or_tokens_than_its_limit(requests: int, tokens: int, seed: int) -> None:
    rng = random.Random(seed)
    asked = [rng.randint(1, 40) for _ in range(8)]

    async def run() -> list[Sent]:
        limit = RateLimit(MinuteLimits(requests, tokens), PERIOD_S)
        return await asyncio.gather(*map(limit.take, asked))

    sent = in_time(run())
    assert most_in_a_period(sent, [1] * len(sent)) <= requests
    assert most_in_a_period(sent, asked) <= tokens
    assert all(one.at <= other.at for one, other in pairwise(sent)), "the first who comes goes first"


def test_a_request_beyond_a_whole_minute_goes_alone() -> None:
    async def run() -> list[Sent]:
        limit = RateLimit(MinuteLimits(tokens=10), PERIOD_S)
        return await asyncio.gather(limit.take(3), limit.take(99), limit.take(3))

    first, large, last = in_time(run())
    assert large.at - first.at >= PERIOD_S
    assert last.at - large.at >= PERIOD_S


def test_a_reply_with_fewer_tokens_lets_the_next_one_out() -> None:
    waited = []

    async def run() -> None:
        limit = RateLimit(MinuteLimits(tokens=100), period_s=math.inf)  # nothing is ever over
        first = await limit.take(90)
        second = asyncio.create_task(limit.take(50, lambda: waited.append("second")))
        third = asyncio.create_task(limit.take(10))
        await asyncio.sleep(0)
        assert not second.done()
        limit.correct(first, 40)
        await second
        await third

    in_time(run())
    assert waited == ["second"]


def test_who_gives_up_holds_up_nobody() -> None:
    async def run() -> None:
        limit = RateLimit(MinuteLimits(tokens=100), period_s=math.inf)
        await limit.take(90)
        large = asyncio.create_task(limit.take(60))
        small = asyncio.create_task(limit.take(10))
        await asyncio.sleep(0)
        large.cancel()
        await small

    in_time(run())


# A model under a limit


def test_every_try_of_a_call_counts_and_its_reply_puts_its_tokens_right() -> None:
    taken: list[Sent] = []

    class Watched(RateLimit):
        async def take(self, tokens: int, *given: object) -> Sent:
            taken.append(await super().take(tokens))
            return taken[-1]

    fake = scripted(errors={0: StatusError(500)})
    model = chat_model(fake, max_retries=1)
    model.rate = ModelRate("openai:x", Watched(MinuteLimits(1000, 10_000)))
    in_time(model.ask(key(model), PLAIN))
    assert len(taken) == len(fake.calls) == 2
    assert taken[-1].tokens == 13
    assert taken[0].tokens > 100, "of a try that failed, the guess stays"


def test_roles_of_one_server_and_key_share_the_lowest_limit() -> None:
    spec = ModelsSpec(
        task=ModelSpec(model="openai:a", requests_per_minute=60),
        optimizer=ModelSpec(model="openai:b", requests_per_minute=30, tokens_per_minute=1000),
        judge=ModelSpec(model="openai:c", api_key_env="OTHER_KEY"),
        embedding=ModelSpec(model="local:wordllama"),
    )
    limits = limits_of(spec)
    assert limits == {server_of(spec.task): MinuteLimits(30, 1000)}
    assert server_of(spec.optimizer) == server_of(spec.task) != server_of(spec.of("judge"))
    assert str(MinuteLimits(30, 1000)) == "30 requests and 1,000 tokens a minute"


def test_opened_models_keep_one_limit_and_tell_that_they_wait(tmp_path: Path) -> None:
    async def run(url: str) -> list[object]:
        engine = open_database(f"sqlite:///{tmp_path / 'gpo.db'}")
        ledger = Ledger(engine)
        async with open_models(limited_models(url), Settings(), ledger) as models, AsyncExitStack() as stack:
            stack.callback(engine.dispose)
            stack.push_async_callback(ledger.aclose)
            await models.task.ask(key(models.task, "1"), PLAIN)
            await models.optimizer.ask(key(models.optimizer, "2"), PLAIN)
            return await give_up_third_call(models.judge)

    with serving(lambda _: Reply("yes")) as endpoint:
        assert in_time(run(endpoint.url)) == WAITS
        assert len(endpoint.requests) == 2
