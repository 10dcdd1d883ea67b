"""Models that are given in Python in place of a name: chat models of LangChain, and plain functions.

They go the way of all models: limited, timed, retried, counted, and answered from the ledger. There their answers are
kept under what they are: class, model name and settings; of a function, its code.
"""

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableBinding
from pydantic import ValidationError

from gpo.errors import ModelConfigError, suggestion
from gpo.progress import Note, emit
from gpo.records import content_hash
from gpo.scoring.functions.given import describe, hash_callable, is_in_a_file, name_callable
from gpo.spec.file import explain_validation
from gpo.spec.models import GIVEN, ModelSpec

_ALLOWED = (
    "a name such as `openai:gpt-4o-mini`, the options of a spec's model as a dict, a chat model of LangChain, or a "
    "function from a text, or from `messages`, to a text"
)
_NO_SETTINGS = frozenset(
    (
        "async_client",
        "cache",
        "callbacks",
        "client",
        "custom_get_token_ids",
        "disable_streaming",
        "http_async_client",
        "http_client",
        "max_retries",
        "metadata",
        "name",
        "rate_limiter",
        "request_timeout",
        "root_async_client",
        "root_client",
        "streaming",
        "tags",
        "timeout",
        "verbose",
    )
)
"""Fields of LangChain's chat models that decide no answer."""


def read_model(given: object, option: str) -> ModelSpec:
    """The model that an option such as `task` of the Python API is, whatever form it has.

    Raises:
        ModelConfigError: it is none, or its options do not fit.
    """
    if isinstance(given, ModelSpec):
        return given
    if isinstance(given, str | Mapping):
        try:
            return ModelSpec.model_validate(dict(given) if isinstance(given, Mapping) else given)
        except ValidationError as error:
            raise ModelConfigError(_explain(error, option)) from None
    chat = without_bindings(given)
    if isinstance(chat, BaseChatModel):
        return _given(given, f"{type(chat).__name__}/{_model_name(chat)}", _settings(given))
    if callable(given) and not isinstance(given, type) and not hasattr(given, "ainvoke"):
        if not is_in_a_file(given):
            emit(
                Note(
                    f"{option}: answers of `{name_callable(given)}` are kept under its own code; after a change of "
                    "something that it calls, ask with fresh=True"
                )
            )
        asked = _FunctionChatModel(function=given)
        return _given(asked, name_callable(given).replace(":", "."), hash_callable(given))
    raise ModelConfigError(f"{option}: received {type(given).__name__}, which is no chat model; give {_ALLOWED}")


async def open_given(spec: ModelSpec, stack: AsyncExitStack) -> Any:
    """The client of a model that is given, with connections of its own where it has any; they close with the stack.

    Raises:
        ModelConfigError: the spec comes from a file, which cannot bring an object back.
    """
    if spec.client is None:
        raise ModelConfigError(
            f"{spec.model}: was given as an object in Python, which no spec can hold; give it again, as `task=` of "
            "`gpo.optimize`, or name a model: `provider:name`"
        )
    if "openai" not in sys.modules:  # no model of its SDK is there, and importing that takes a second
        return spec.client
    from gpo.models.clients.guarded import with_own_connections  # noqa: PLC0415 - see above

    return await with_own_connections(spec.client, stack)


def without_bindings(model: object) -> object:
    """The model itself, of one that options were bound to."""
    while isinstance(model, RunnableBinding):
        model = model.bound
    return model


def _explain(error: ValidationError, option: str) -> str:
    unknown = [str(item["loc"][0]) for item in error.errors() if item["type"] == "extra_forbidden"]
    if unknown:
        return f"{option}: unknown key `{unknown[0]}`{suggestion(unknown[0], ModelSpec.model_fields)}"
    return explain_validation(error, source=option)


def _given(client: object, name: str, what: object) -> ModelSpec:
    return ModelSpec(model=f"{GIVEN}{name}@{content_hash(what, length=8)}").with_client(client)


def _model_name(chat: BaseChatModel) -> str:
    names = (getattr(chat, name, None) for name in ("model_name", "model", "model_id"))
    return next((name for name in names if isinstance(name, str) and name), "chat")


def _settings(model: object) -> object:
    if isinstance(model, RunnableBinding):
        return [_settings(model.bound), describe(model.kwargs)]
    fields = {name: value for name, value in vars(model).items() if name not in _NO_SETTINGS}
    return [f"{type(model).__module__}.{type(model).__qualname__}", describe(fields)]


class _FunctionChatModel(BaseChatModel):
    """A plain function as a chat model. It is given one text, or `messages` as dicts where it asks for these."""

    function: Callable[..., Any]

    @property
    def _llm_type(self) -> str:
        return "function"

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002 - a function has no parameters of sampling
    ) -> ChatResult:
        given = _as_asked(self.function, messages)
        # In a thread: a function may take as long as a request does.
        answer = await asyncio.to_thread(self.function, given)
        return _result(self.function, await answer if isinstance(answer, Awaitable) else answer)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        answer = self.function(_as_asked(self.function, messages))
        return _result(self.function, asyncio.run(_awaited(answer)) if isinstance(answer, Awaitable) else answer)


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


def _as_asked(function: Callable[..., Any], messages: Sequence[BaseMessage]) -> Any:
    first = next(iter(inspect.signature(function).parameters), "text")
    if first == "messages":
        return convert_to_openai_messages(list(messages))
    return "\n\n".join(message.text for message in messages)


def _result(function: Callable[..., Any], answer: Any) -> ChatResult:
    message = AIMessage(content=answer) if isinstance(answer, str) else answer
    if not isinstance(message, AIMessage):
        raise TypeError(f"`{name_callable(function)}` gave {type(answer).__name__}; a model's function gives a text")
    return ChatResult(generations=[ChatGeneration(message=message)])
