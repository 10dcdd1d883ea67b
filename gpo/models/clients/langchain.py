"""Models through the classes that LangChain has for their providers. It is imported late: LangChain takes seconds."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, BaseLLM
from pydantic import SecretStr

from gpo.errors import ModelConfigError
from gpo.formatting import error_line
from gpo.messages.langchain import finish_reason, langchain_messages
from gpo.messages.message import Message, tools_of
from gpo.models.clients.call_notes import exchanging, trace_options
from gpo.models.clients.client import METERS, NO_KEY, RawReply
from gpo.models.failures import without_keys
from gpo.spec.models import ModelSpec
from gpo.template import as_text

_OPENAI_CLIENTS = {"azure_openai", "deepseek", "openai", "xai"}
"""Providers whose LangChain classes work with the SDK of OpenAI, and take an HTTP client for it."""
_PATIENT_EMBEDDINGS = {"openai", "azure_openai"}
"""Providers whose embeddings take a time-out and a number of retries; others refuse what they do not know."""


@dataclass(frozen=True)
class LangchainClient:
    """A model of LangChain: a chat model, or one that continues a text."""

    model: BaseChatModel | BaseLLM

    async def reply(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> RawReply:
        """See `Client`; time and usage are those that the HTTP client has noted, where it is ours."""
        ask = _completed if isinstance(self.model, BaseLLM) else _chatted
        with exchanging() as exchange:
            reply = await ask(self.model, messages, parameters)
        return replace(reply, usage={**reply.usage, **exchange.odd_usage}, seconds=exchange.seconds)


async def _chatted(client: Any, messages: Sequence[Message], parameters: Mapping[str, Any]) -> RawReply:
    tools = tools_of(messages)
    try:
        bound = client.bind_tools(tools) if tools else client
    except NotImplementedError:
        raise ModelConfigError(
            f"{type(client).__name__} takes no tools, which rows bring; ask a model that does"
        ) from None
    reply = await bound.ainvoke(langchain_messages(messages), trace_options(), **parameters)
    usage, about = reply.usage_metadata or {}, reply.response_metadata
    return RawReply(
        text=_called(reply.tool_calls) if tools and reply.tool_calls else reply.text,
        usage=dict(zip(METERS, (usage.get("input_tokens"), usage.get("output_tokens")), strict=True)),
        model=str(about.get("model_name") or ""),
        finish_reason=finish_reason(reply),
        refusal=reply.additional_kwargs.get("refusal"),
    )


def _called(calls: Sequence[Mapping[str, Any]]) -> str:
    """Calls of tools as the text of an answer: JSON, of one call an object, of several a list."""
    found = [{"name": call["name"], "arguments": call["args"]} for call in calls]
    return json.dumps(found if len(found) > 1 else found[0], ensure_ascii=False)


async def _completed(client: Any, messages: Sequence[Message], parameters: Mapping[str, Any]) -> RawReply:
    # `ainvoke` of a completion model gives its text alone.
    result = await client.agenerate([as_text(messages)], **trace_options(), **parameters)
    [[generation]] = result.generations
    about = result.llm_output or {}
    return RawReply(
        text=generation.text,
        usage=about.get("token_usage") or {},
        model=str(about.get("model_name") or ""),
        finish_reason=(generation.generation_info or {}).get("finish_reason"),
    )


async def open_langchain(spec: ModelSpec, key: SecretStr | None, stack: AsyncExitStack) -> LangchainClient:
    """The client of the model's provider; it closes with the stack.

    Raises:
        ModelConfigError: unknown provider, missing package or key, or parameters that the class refuses.
    """
    # Calls are repeated in one place, `retry.py`: by the client they would be repeated unjudged.
    options: dict[str, Any] = {**spec.sampling, "timeout": spec.timeout_s, "max_retries": 0}
    if spec.base_url is not None:
        options["base_url"] = spec.base_url
    if key is not None:
        options["api_key"] = key
    if spec.model.partition(":")[0] in _OPENAI_CLIENTS:
        from gpo.models.clients.guarded import GuardedClient  # noqa: PLC0415 - heavy, and only for these providers

        # One client per event loop: LangChain's own is cached per process and dies with its first loop.
        options["http_async_client"] = await stack.enter_async_context(GuardedClient())
    return LangchainClient(_completion_model(spec, options) if spec.completion else _chat_model(spec, options))


def held_secrets(client: object) -> frozenset[str]:
    """The keys that an object of LangChain holds, those from a variable of its provider's own among them."""
    held = (value.get_secret_value() for value in vars(client).values() if isinstance(value, SecretStr))
    return frozenset(value for value in held if value and value != NO_KEY)


def _chat_model(spec: ModelSpec, options: Mapping[str, Any]) -> BaseChatModel:
    from langchain.chat_models import init_chat_model  # noqa: PLC0415 - two seconds of import

    try:
        client: BaseChatModel = init_chat_model(spec.model, **options)
    except ImportError as error:
        raise ModelConfigError(f"{spec.model}: {error_line(error)}") from None
    except ValueError as error:
        if "model_provider" not in str(error):
            raise _not_configurable(error, spec) from None
        raise ModelConfigError(
            f"{spec.model}: unknown provider '{spec.model.partition(':')[0]}'; "
            "write `provider:name` as LangChain has it (openai:gpt-4o-mini), `local:NAME`, or a path to a .gguf file"
        ) from None
    except Exception as error:  # noqa: BLE001 - every provider has its own way to refuse a configuration
        raise _not_configurable(error, spec) from None
    return client


def _completion_model(spec: ModelSpec, options: Mapping[str, Any]) -> BaseLLM:
    from langchain_openai import OpenAI  # noqa: PLC0415 - two seconds of import

    known = {name for field, info in OpenAI.model_fields.items() for name in (field, info.alias)}
    # What LangChain's class has no field for, such as `stop`, goes to the server as it is.
    others = {name: value for name, value in options.items() if name not in known}
    own = {name: value for name, value in options.items() if name in known}
    try:
        return OpenAI(model=spec.model.removeprefix("openai:"), **own, model_kwargs=others)
    except Exception as error:  # noqa: BLE001 - wrong parameters and missing keys have many exceptions
        raise _not_configurable(error, spec) from None


def open_embeddings(spec: ModelSpec, key: SecretStr | None) -> Embeddings:
    """The embedding model of the model's provider.

    Raises:
        ModelConfigError: unknown provider, missing package or key, or no embedding model.
    """
    from langchain.embeddings import init_embeddings  # noqa: PLC0415 - two seconds of import

    options: dict[str, Any] = spec.sampling
    provider = spec.model.partition(":")[0]
    if provider in _PATIENT_EMBEDDINGS:
        options |= {"timeout": spec.timeout_s, "max_retries": 0}
    if provider == "openai":
        # LangChain would fetch a table of tokens from another host, and send their ids, which servers of others do not
        # understand. A prompt is no text that would have to be cut.
        options.setdefault("check_embedding_ctx_length", False)
    if spec.base_url is not None:
        options["base_url"] = spec.base_url
    if key is not None:
        options["api_key"] = key
    try:
        model = init_embeddings(spec.model, **options)
    except Exception as error:  # noqa: BLE001 - every provider has its own way to refuse a configuration
        raise _not_configurable(error, spec) from None
    if not isinstance(model, Embeddings):
        raise ModelConfigError(f"{spec.model}: is not an embedding model")
    return model


def _not_configurable(error: Exception, spec: ModelSpec) -> ModelConfigError:
    return ModelConfigError(
        f"{spec.model}: cannot be configured: {error_line(error, lambda text: without_keys(text, spec))}"
    )
