"""A chat model that follows a script: no network, no weights, and no answer to what the test did not expect."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from gpo.messages.message import Message, Role
from gpo.models.chat import ChatModel
from gpo.models.client import Connection
from gpo.models.clients.langchain import LangchainClient
from gpo.models.local.servers import Endpoint
from gpo.models.sharing import AnswerStore, HeldAnswers, Tally
from gpo.spec.models import ModelSpec

T = TypeVar("T")
Script = Callable[[Sequence[Message]], str | None]

ROLES: Mapping[str, Role] = {"system": "system", "human": "user", "ai": "assistant"}


@dataclass(frozen=True)
class Call:
    """One request that arrived: its messages and its sampling parameters."""

    messages: tuple[Message, ...]
    parameters: Mapping[str, Any]

    @property
    def text(self) -> str:
        return "\n".join(message.text for message in self.messages)


class StatusError(Exception):
    """A provider's error with an HTTP status."""

    def __init__(self, status_code: int, message: str = "no") -> None:
        super().__init__(message)
        self.status_code = status_code


class UnexpectedRequestError(Exception):
    """A request that the script has no answer to."""


class ScriptedModel(BaseChatModel):
    """Answers with what `script` makes of the messages; where that is None, the test fails at once.

    The failure is pytest's own, which is no `Exception`: code that counts failed calls and goes on cannot swallow it.
    """

    script: Script
    errors: Mapping[int, Exception] = Field(default={}, description="What calls raise, by their number from 0.")
    finish_reason: str = "stop"
    gate: asyncio.Event | None = Field(default=None, description="No call ends before it is set.")
    calls: list[Call] = Field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    async def ainvoke(self, *args: Any, **kwargs: Any) -> AIMessage:
        try:
            return await super().ainvoke(*args, **kwargs)
        except UnexpectedRequestError as error:
            pytest.fail(f"unexpected request: {error}")

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        pytest.fail("the model was called without await")

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **parameters: Any
    ) -> ChatResult:
        asked = tuple(Message(role=ROLES[message.type], text=message.text) for message in messages)
        number = len(self.calls)
        self.calls.append(Call(asked, parameters | ({"stop": stop} if stop else {})))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            # Without a gate one turn of the loop: whoever may call at the same time does.
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
            if number in self.errors:
                raise self.errors[number]
            text = self.script(asked)
        finally:
            self.in_flight -= 1
        if text is None:
            raise UnexpectedRequestError(asked)
        message = AIMessage(
            content=text,
            usage_metadata={"input_tokens": 10, "output_tokens": 3, "total_tokens": 13},
            response_metadata={"model_name": "scripted-1", "finish_reason": self.finish_reason},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def in_time(work: Coroutine[Any, Any, T], seconds: float = 20.0) -> T:
    """Run to the end; what waits for ever fails instead."""
    return asyncio.run(asyncio.wait_for(work, seconds))


def scripted(script: Script | Mapping[str, str] | str = "yes", **options: Any) -> ScriptedModel:
    """A model that says always the same, or looks the answer up by the text of the only message, or runs a script."""
    if isinstance(script, str):
        always = script
        return ScriptedModel(script=lambda _: always, **options)
    if isinstance(script, Mapping):
        answers = script
        return ScriptedModel(script=lambda messages: answers.get(messages[-1].text), **options)
    return ScriptedModel(script=script, **options)


def chat_model(
    model: BaseChatModel,
    answers: AnswerStore | None = None,
    name: str = "openai:scripted",
    role: str = "task",
    rejoin: Callable[[], Awaitable[None]] | None = None,
    **spec: Any,
) -> ChatModel:
    """The library's own chat model, connected to a scripted one. With `rejoin` it has an embedded model's endpoint."""
    endpoint = (
        None if rejoin is None else Endpoint(base_url="http://nowhere/v1", model="scripted", key="k", _rejoin=rejoin)
    )

    async def connect() -> Connection:
        return Connection(client=LangchainClient(model), endpoint=endpoint)

    return ChatModel(
        role=role,
        # What a scripted model raises is not asked for again, unless a test says so.
        spec=ModelSpec.model_validate({"model": name, "max_retries": 0, **spec}),
        answers=answers or HeldAnswers(),
        connect=connect,
        tally=Tally(),
    )
