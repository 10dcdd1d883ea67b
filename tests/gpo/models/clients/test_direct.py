"""Straight HTTP to OpenAI-compatible servers: it sends what LangChain would, and leaves to LangChain what it cannot."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from gpo.messages.message import Message
from gpo.models.clients.client import RawReply
from gpo.models.clients.direct import can_ask_directly, open_direct
from gpo.models.clients.langchain import open_langchain
from gpo.spec.models import ModelSpec
from tests.support.endpoint import Reply, Request, serving
from tests.support.fakes import in_time
from tests.support.fault_server import Sent, completion, faulting

ASKED = [
    Message(role="system", text="Be brief."),
    Message(role="user", text="2 + 2? \u4e8c"),
    Message(role="assistant", text="A:"),
]
CALLS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({}, {}),
    ({"temperature": 0.0, "top_p": 0.5, "seed": 3, "max_tokens": 9}, {}),
    ({"temperature": 1, "stop": ["\n"], "max_completion_tokens": 9}, {"max_tokens": 5, "stop": ["x", "y"]}),
    ({"presence_penalty": 1, "frequency_penalty": 0.5, "logit_bias": {"5": -1}}, {"seed": 7}),
    ({"extra_body": {"top_k": 1}, "default_headers": {"X-Title": "t"}}, {"extra_body": {"grammar": "g", "min_p": 0.1}}),
)


def spec(url: str, **parameters: Any) -> ModelSpec:
    return ModelSpec(model="openai:org/m:free", base_url=url, parameters=parameters)


async def asked_both(described: ModelSpec, call: Mapping[str, Any]) -> tuple[RawReply, RawReply]:
    async with AsyncExitStack() as stack:
        key = SecretStr("sk-1")
        other = await open_langchain(described, key, stack)

        async def never() -> Any:
            raise AssertionError("these can be asked directly")

        direct = await open_direct(described, key.get_secret_value(), stack, never)
        return await direct.reply(ASKED, call), await other.reply(ASKED, call)


@pytest.mark.slow
def test_a_request_and_what_is_read_of_its_reply_are_those_of_langchain() -> None:
    def answer(request: Request) -> Reply:
        return Reply("4", input_tokens=7, output_tokens=2, finish_reason="length")

    with serving(answer) as endpoint:
        for parameters, call in CALLS:
            described = spec(f"{endpoint.url}/", **parameters)
            assert can_ask_directly(described)
            ours, theirs = in_time(asked_both(described, call))
            direct, through = endpoint.requests[-2:]
            assert direct.body == {name: value for name, value in through.body.items() if name != "stream"}
            sent = ("authorization", "content-type", "x-title")
            assert [direct.headers.get(name) for name in sent] == [through.headers.get(name) for name in sent]
            assert (ours.text, ours.usage, ours.model, ours.finish_reason) == (
                theirs.text, theirs.usage, theirs.model, theirs.finish_reason,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "parameters", "variable"),
    [
        ("openai:gpt-5-mini", {}, None),
        ("openai:o3", {}, None),
        ("openai:gpt-4o", {"reasoning": {"effort": "low"}}, None),
        ("openai:gpt-4o", {"temperature": "hot"}, None),
        ("openai:gpt-4o", {"default_headers": {"X-Count": 1}}, None),
        ("openai:gpt-4o", {}, ("OPENAI_BASE_URL", "http://elsewhere/v1")),
        ("openai:gpt-4o", {}, ("LANGSMITH_TRACING", "true")),
        ("openai:gpt-4o", {}, ("HTTPS_PROXY", "socks5://127.0.0.1:9")),
        ("groq:llama-3.3-70b", {}, None),
    ],
)
def test_what_langchain_treats_in_a_way_of_its_own_stays_with_it(
    model: str, parameters: dict[str, Any], variable: tuple[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert can_ask_directly(ModelSpec(model="openai:gpt-4o", parameters={"temperature": None}))
    if variable:
        monkeypatch.setenv(*variable)
    assert not can_ask_directly(ModelSpec(model=model, parameters=parameters))


def test_a_message_with_more_than_text_goes_the_other_way() -> None:
    picture = Message(role="user", text="[image]", blocks=({"type": "image", "url": "http://x/y.png"},))
    reply = RawReply(text="a cat", usage={}, model="m", finish_reason="stop")
    opened: list[bool] = []

    class Other:
        async def reply(self, messages: Any, parameters: Any) -> RawReply:
            assert (messages, parameters) == ([picture], {"seed": 1})
            return reply

    async def open_other() -> Other:
        opened.append(True)
        return Other()

    async def run() -> None:
        async with AsyncExitStack() as stack:
            client = await open_direct(spec("http://127.0.0.1:9/v1"), "k", stack, open_other)
            assert await client.reply([picture], {"seed": 1}) == reply
            assert await client.reply([picture], {"seed": 1}) == reply

    in_time(run())
    assert opened == [True]


def test_a_proxy_of_the_environment_is_used_and_one_that_is_not_meant_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> str:
        async with AsyncExitStack() as stack:
            client = await open_direct(spec("http://models.example/v1"), "k", stack, lambda: asyncio.sleep(0))  # type: ignore[arg-type]
            return (await client.reply(ASKED, {})).text

    with faulting(lambda _: completion("by the proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert in_time(ask()) == "by the proxy"
        monkeypatch.setenv("NO_PROXY", "models.example")
        with pytest.raises(ConnectionError, match=r"models\.example"):
            in_time(ask())
        assert proxy.calls == 1


def test_a_packed_reply_and_one_in_parts_are_read() -> None:
    replies = [
        completion([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]),
        Sent(completion("in chunks").body, chunked=True),
    ]

    async def ask(url: str) -> str:
        async with AsyncExitStack() as stack:
            client = await open_direct(spec(url), "k", stack, lambda: asyncio.sleep(0))  # type: ignore[arg-type]
            return (await client.reply(ASKED, {})).text

    with faulting(lambda call: replies[call.number - 1]) as server:
        assert [in_time(ask(server.url)) for _ in replies] == ["in parts", "in chunks"]
