"""The way to a model by name: the client of its provider, and what goes over it.

Remote models come from LangChain (`provider:name`), synthetic ones (`synthetic:NAME`) from this library. Embedded
models (`local:NAME`, or a .gguf file) run in their own process and are reached through the same OpenAI-compatible
classes. A completion model (`completion: true`) is sent one text and continues it.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, BaseLLM
from pydantic import SecretStr

from gpo.errors import ModelConfigError
from gpo.formatting import error_line, shorten_value
from gpo.messages.langchain import finish_reason, langchain_messages
from gpo.messages.message import Message
from gpo.models.call_notes import exchanging, trace_options
from gpo.models.failures import without_keys
from gpo.models.given import open_given, without_bindings
from gpo.models.ledger import Answer
from gpo.models.local.embedder import Embed, load_embedder
from gpo.models.local.servers import Endpoint, chat_server
from gpo.models.replies import Billed, UnusableReplyError, judge_answer, read_tokens
from gpo.models.retry import call_with_retries
from gpo.progress import Note, emit
from gpo.settings import Settings, read_secret
from gpo.spec.models import ModelSpec
from gpo.template import as_text

_OPENAI_CLIENTS = {"azure_openai", "deepseek", "openai", "xai"}
"""Providers whose LangChain classes work with the SDK of OpenAI, and take an HTTP client for it."""
_PATIENT_EMBEDDINGS = {"openai", "azure_openai"}
"""Providers whose embeddings take a time-out and a number of retries; others refuse what they do not know."""
_NO_KEY = "not-needed"
"""The key for a server that the spec names no key for."""
_METERS = ("prompt_tokens", "completion_tokens")
_BYTES_A_TOKEN = 4
"""By which tokens are estimated where a provider's number cannot be true."""


@dataclass(frozen=True)
class Connection:
    """An open way to a model; `endpoint` is there for embedded models, `secrets` are the keys that the client holds."""

    client: BaseChatModel | BaseLLM
    endpoint: Endpoint | None = None
    secrets: frozenset[str] = frozenset()

    async def invoke(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Answer:
        """One answer, with its usage as the provider reports it and its time on the wire.

        Raises:
            UnusableReplyError: what came is no answer.
            Exception: whatever the provider's client raises.
        """
        ask = _completed if isinstance(self.client, BaseLLM) else _chatted
        began = monotonic()
        with exchanging() as exchange:
            reply = await ask(self.client, messages, parameters)
        try:
            judge_answer(reply.text, reply.finish_reason, reply.refusal)
        except UnusableReplyError as error:
            error.billed = Billed(*(read_tokens(reply.usage.get(name)) or 0 for name in _METERS))
            raise
        texts = {"prompt_tokens": as_text(messages), "completion_tokens": reply.text}
        usage = {name: _tokens(name, reply.usage.get(name), text, exchange.odd_usage) for name, text in texts.items()}
        return Answer(
            text=reply.text,
            input_tokens=usage["prompt_tokens"],
            output_tokens=usage["completion_tokens"],
            model=reply.model,
            finish_reason=reply.finish_reason,
            seconds=round(monotonic() - began if exchange.seconds is None else exchange.seconds, 6),
        )


@dataclass(frozen=True)
class _RawReply:
    """What a provider's client made of a reply, by the names of OpenAI's."""

    text: str
    usage: Mapping[str, object]
    model: str
    finish_reason: str | None
    refusal: str | None = None


async def _chatted(client: Any, messages: Sequence[Message], parameters: Mapping[str, Any]) -> _RawReply:
    reply = await client.ainvoke(langchain_messages(messages), trace_options(), **parameters)
    usage, about = reply.usage_metadata or {}, reply.response_metadata
    return _RawReply(
        text=reply.text,
        usage={"prompt_tokens": usage.get("input_tokens"), "completion_tokens": usage.get("output_tokens")},
        model=str(about.get("model_name") or ""),
        finish_reason=finish_reason(reply),
        refusal=reply.additional_kwargs.get("refusal"),
    )


async def _completed(client: Any, messages: Sequence[Message], parameters: Mapping[str, Any]) -> _RawReply:
    # `ainvoke` of a completion model gives its text alone.
    result = await client.agenerate([as_text(messages)], **trace_options(), **parameters)
    [[generation]] = result.generations
    about = result.llm_output or {}
    return _RawReply(
        text=generation.text,
        usage=about.get("token_usage") or {},
        model=str(about.get("model_name") or ""),
        finish_reason=(generation.generation_info or {}).get("finish_reason"),
    )


def _tokens(name: str, value: object, text: str, odd: Mapping[str, object]) -> int:
    """A number of tokens: as reported, or by the length of the text where that cannot be true, which is told."""
    read = read_tokens(value)
    if read is not None and name not in odd:
        return read
    estimate = math.ceil(len(text.encode("utf-8", "replace")) / _BYTES_A_TOKEN)
    wrong = shorten_value(odd.get(name, value))
    emit(
        Note(f"the provider counts {wrong} {name} for one call, which cannot be: {estimate} are counted, by its length")
    )
    return estimate


def connector(spec: ModelSpec, settings: Settings, stack: AsyncExitStack) -> Callable[[], Awaitable[Connection]]:
    """What connects to a model when it is first asked; servers and HTTP clients close with the stack.

    Connecting raises ModelConfigError for an unknown provider, a missing package or key, and LocalModelError for an
    embedded model that did not start.
    """

    async def connect() -> Connection:
        if spec.is_given:
            given = await open_given(spec, stack)
            return Connection(client=given, secrets=held_secrets(without_bindings(given)))
        if spec.is_synthetic:
            from gpo.models.synthetic.chat import synthetic_model  # noqa: PLC0415 - for tests and studies alone

            return Connection(client=synthetic_model(spec))
        if not spec.is_local:
            client = await _client(spec, _key(spec), stack)
            return Connection(client=client, secrets=held_secrets(client))
        endpoint = await stack.enter_async_context(chat_server(spec.model, settings))
        served = spec.model_copy(update={"model": f"openai:{endpoint.model}", "base_url": endpoint.base_url})
        return Connection(client=await _client(served, SecretStr(endpoint.key), stack), endpoint=endpoint)

    return connect


def held_secrets(client: object) -> frozenset[str]:
    """The keys that a client holds, those from a variable of its provider's own among them."""
    held = (value.get_secret_value() for value in vars(client).values() if isinstance(value, SecretStr))
    return frozenset(value for value in held if value and value != _NO_KEY)


def _key(spec: ModelSpec) -> SecretStr | None:
    """The key of a remote model; None leaves it to LangChain's provider, which reads its own variable."""
    if spec.api_key_env is not None:
        key = read_secret(spec.api_key_env)
        if key is None:
            # A name with small letters may be a key that was pasted in its place.
            name = spec.api_key_env if spec.api_key_env.isupper() else "that `api_key_env` names"
            raise ModelConfigError(f"{spec.model}: the environment variable {name} is not set")
        return key
    # A key meant for the provider must not travel to an endpoint that the user merely named.
    return SecretStr(_NO_KEY) if spec.base_url is not None else None


async def _client(spec: ModelSpec, key: SecretStr | None, stack: AsyncExitStack) -> BaseChatModel | BaseLLM:
    # Calls are repeated in one place, `retry.py`: by the client they would be repeated unjudged.
    options: dict[str, Any] = {**_sampling(spec), "timeout": spec.timeout_s, "max_retries": 0}
    if spec.base_url is not None:
        options["base_url"] = spec.base_url
    if key is not None:
        options["api_key"] = key
    if spec.model.partition(":")[0] in _OPENAI_CLIENTS:
        from gpo.models.http_client import GuardedClient  # noqa: PLC0415 - heavy, and only for these providers

        # One client per event loop: LangChain's own is cached per process and dies with its first loop.
        options["http_async_client"] = await stack.enter_async_context(GuardedClient())
    return _completion_client(spec, options) if spec.completion else _chat_client(spec, options)


def _sampling(spec: ModelSpec) -> dict[str, Any]:
    """The parameters to send; one that is null is left out, also where the library would set it."""
    return {name: value for name, value in spec.parameters.items() if value is not None}


def _chat_client(spec: ModelSpec, options: Mapping[str, Any]) -> BaseChatModel:
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


def _completion_client(spec: ModelSpec, options: Mapping[str, Any]) -> BaseLLM:
    from langchain_openai import OpenAI  # noqa: PLC0415 - two seconds of import

    known = {name for field, info in OpenAI.model_fields.items() for name in (field, info.alias)}
    # What LangChain's class has no field for, such as `stop`, goes to the server as it is.
    others = {name: value for name, value in options.items() if name not in known}
    own = {name: value for name, value in options.items() if name in known}
    try:
        return OpenAI(model=spec.model.removeprefix("openai:"), **own, model_kwargs=others)
    except Exception as error:  # noqa: BLE001 - wrong parameters and missing keys have many exceptions
        raise _not_configurable(error, spec) from None


def _not_configurable(error: Exception, spec: ModelSpec) -> ModelConfigError:
    return ModelConfigError(
        f"{spec.model}: cannot be configured: {error_line(error, lambda text: without_keys(text, spec))}"
    )


@dataclass(frozen=True)
class Embedding:
    """An embedding function, and what decides its vectors."""

    embed: Embed
    identity: str


def open_embedding(spec: ModelSpec) -> Embedding:
    """An embedding model by name.

    Raises:
        ModelConfigError: unknown name, missing package or key.
    """
    if spec.is_local:
        embedder = load_embedder(spec.model)

        async def embed_here(texts: Sequence[str]) -> list[list[float]]:
            return await asyncio.to_thread(embedder.embed, texts)

        return Embedding(embed=embed_here, identity=embedder.identity)
    model = _embeddings(spec)

    secrets = held_secrets(model)

    async def embed_remotely(texts: Sequence[str]) -> list[list[float]]:
        return await call_with_retries(lambda: model.aembed_documents(list(texts)), spec, secrets)

    return Embedding(embed=embed_remotely, identity=spec.model)


def _embeddings(spec: ModelSpec) -> Embeddings:
    from langchain.embeddings import init_embeddings  # noqa: PLC0415 - two seconds of import

    options: dict[str, Any] = _sampling(spec)
    provider = spec.model.partition(":")[0]
    if provider in _PATIENT_EMBEDDINGS:
        options |= {"timeout": spec.timeout_s, "max_retries": 0}
    if spec.base_url is not None:
        options["base_url"] = spec.base_url
        if provider == "openai":
            # LangChain would send token ids, which other servers than OpenAI's do not understand.
            options.setdefault("check_embedding_ctx_length", False)
    if (key := _key(spec)) is not None:
        options["api_key"] = key
    try:
        model = init_embeddings(spec.model, **options)
    except Exception as error:  # noqa: BLE001 - every provider has its own way to refuse a configuration
        raise _not_configurable(error, spec) from None
    if not isinstance(model, Embeddings):
        raise ModelConfigError(f"{spec.model}: is not an embedding model")
    return model
