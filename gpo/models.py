"""Chat and embedding models by name: opened once for a run, limited, retried, counted, and answered from the ledger.

Remote models come from LangChain (`provider:name`). Embedded models (`local:NAME`, or a .gguf file) run in their own
process and are reached through the same OpenAI-compatible class.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import SecretStr

from gpo.embedder import Embed, load_embedder
from gpo.errors import ModelCallError, ModelConfigError, PermanentCallError
from gpo.failures import classify, first_line, without_keys
from gpo.gguf import checksum
from gpo.ledger import Answer, CallKey
from gpo.limiter import Limiter
from gpo.local import Endpoint, chat_server
from gpo.model_spec import ModelSpec, ModelsSpec
from gpo.settings import Settings, secret
from gpo.tally import Tally, tallies
from gpo.template import Message, Role

_MESSAGE_TYPES: Mapping[Role, type[BaseMessage]] = {
    "system": SystemMessage,
    "user": HumanMessage,
    "assistant": AIMessage,
}
_PATIENT_EMBEDDINGS = {"openai", "azure_openai"}
"""Providers whose embeddings take a time-out and a number of retries; others refuse what they do not know."""


class AnswerStore(Protocol):
    """Where paid answers are kept and found again: the ledger, or its stand-in before a run has begun."""

    async def find(self, keys: Sequence[CallKey]) -> Mapping[str, Answer]:
        """Answers that are there, by key digest."""

    async def keep(self, key: CallKey, answer: Answer, role: str) -> None:
        """Write one answer of the model with this role in the run; returns when it is safe."""


@dataclass(frozen=True)
class Sampling:
    """What one call asks for beyond the model's own parameters.

    `grammar` (GBNF) and `min_p` reach servers that know them, which are those of this machine.
    """

    max_tokens: int | None = None
    grammar: str | None = None
    min_p: float | None = None

    def parameters(self) -> dict[str, Any]:
        """As keyword arguments of an OpenAI-compatible chat call."""
        body = {"grammar": self.grammar, "min_p": self.min_p}
        extra = {name: value for name, value in body.items() if value is not None}
        parameters: dict[str, Any] = {"extra_body": extra} if extra else {}
        if self.max_tokens is not None:
            parameters["max_tokens"] = self.max_tokens
        return parameters


@dataclass(frozen=True)
class Connection:
    """An open way to a chat model; `endpoint` is there for embedded models."""

    client: BaseChatModel
    endpoint: Endpoint | None = None


@dataclass
class ChatModel:
    """One chat model of a run, connected at the first call that has to be paid.

    `role` is what it does in the run: `task` or `optimizer`; `tally` counts its calls.
    """

    role: str
    spec: ModelSpec
    answers: AnswerStore
    connect: Callable[[], Awaitable[Connection]]
    tally: Tally
    _identity: Mapping[str, Any] = field(init=False)
    _limiter: Limiter = field(init=False)
    _connecting: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _connection: Connection | None = field(init=False, default=None)
    _in_flight: dict[str, asyncio.Future[Answer]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._identity = _identity(self.spec)
        self._limiter = Limiter(self.spec.max_concurrency)

    @property
    def follows_grammar(self) -> bool:
        """Whether the model's server holds answers to a grammar."""
        return self.spec.is_local

    def key(self, messages: Sequence[Message], sampling: Sampling, repeat: int = 0) -> CallKey:
        """What the answer is kept under."""
        identity = {**self._identity, "call": sampling.parameters()}
        return CallKey(identity=identity, messages=tuple(messages), repeat=repeat)

    async def find(self, keys: Sequence[CallKey]) -> Mapping[str, Answer]:
        """Answers that the ledger holds already, by key digest."""
        return await self.answers.find(keys)

    async def ask(self, key: CallKey, sampling: Sampling, priority: int = 0) -> Answer:
        """Pay for one answer and keep it; equal calls in flight are paid once, and one that is kept by now is not.

        Raises:
            TransientCallError: after the client's own retries; a later repetition may succeed.
            PermanentCallError: repeating will not help.
        """
        while (twin := self._in_flight.get(key.digest)) is not None:
            await asyncio.wait([twin])
            if not twin.cancelled():
                return twin.result()
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._in_flight[key.digest] = answered
        try:
            answer = await self._pay(key, sampling, priority)
            answered.set_result(answer)
            return answer
        finally:
            answered.cancel()  # no effect once there is a result; otherwise a waiting twin asks for itself
            del self._in_flight[key.digest]

    async def _pay(self, key: CallKey, sampling: Sampling, priority: int) -> Answer:
        async with self._limiter.slot(priority):
            # Since the caller's `find` another run, or a twin that has left, may have kept it.
            if (kept := (await self.answers.find([key])).get(key.digest)) is not None:
                return kept
            try:
                reply = await self._invoke(key, sampling)
            except ModelCallError:
                self.tally.failed += 1
                raise
        usage = reply.usage_metadata
        answer = Answer(
            text=reply.text,
            input_tokens=usage["input_tokens"] if usage else 0,
            output_tokens=usage["output_tokens"] if usage else 0,
            model=str(reply.response_metadata.get("model_name") or self.spec.model),
        )
        await self.answers.keep(key, answer, self.role)
        self.tally.paid += 1
        self.tally.input_tokens += answer.input_tokens
        self.tally.output_tokens += answer.output_tokens
        return answer

    async def _invoke(self, key: CallKey, sampling: Sampling) -> AIMessage:
        connection = await self._connected()
        messages = [_MESSAGE_TYPES[message.role](content=message.text) for message in key.messages]
        parameters = sampling.parameters()
        if connection.endpoint is not None:
            parameters["seed"] = key.repeat & 0x7FFFFFFF  # the same sample again, also without a ledger
        for is_last in (connection.endpoint is None, True):
            try:
                return await connection.client.ainvoke(messages, **parameters)
            except Exception as error:  # noqa: BLE001 - every provider has its own
                failure = classify(error, self.spec)
                if is_last or isinstance(failure, PermanentCallError):
                    raise failure from None  # the provider's own words may hold the key
            if connection.endpoint is not None:
                await connection.endpoint.ensure()
        raise AssertionError("the last try returns or raises")

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None:
                self._connection = await self.connect()
            return self._connection


def _identity(spec: ModelSpec) -> dict[str, Any]:
    """What decides the answer, with the content of a .gguf file: another file of that name is another model."""
    identity = spec.identity()
    if spec.model.endswith(".gguf"):
        with suppress(OSError):  # connecting tells of a file that cannot be read
            identity["sha256"] = checksum(Path(spec.model.removeprefix("local:")).expanduser().resolve())
    return identity


@dataclass(frozen=True)
class Embedding:
    """An embedding function, and what decides its vectors."""

    embed: Embed
    identity: str


@dataclass(frozen=True)
class Models:
    """The models of a run, open until the context that made them ends."""

    task: ChatModel
    optimizer: ChatModel
    embed: Embed
    embedding_identity: str


@asynccontextmanager
async def open_models(spec: ModelsSpec, settings: Settings, answers: AnswerStore) -> AsyncIterator[Models]:
    """The three models on the running event loop; servers and HTTP clients close with the context.

    Chat models connect when first asked; then ModelConfigError tells of an unknown provider, a missing package or key,
    and LocalModelError of an embedded model that did not start.

    Raises:
        ModelConfigError: the embedding model cannot be used as configured.
    """
    counts = tallies()
    task = spec.task.with_default("temperature", 0.0)
    optimizer = spec.optimizer.with_default("temperature", 1.0)
    async with AsyncExitStack() as stack:

        async def chat_model(role: str, model: ModelSpec) -> ChatModel:
            # In a thread: the checksum of a large file takes seconds.
            connect = _connector(model, settings, stack)
            return await asyncio.to_thread(ChatModel, role, model, answers, connect, counts[role])

        embedding = open_embedding(spec.embedding)
        yield Models(
            task=await chat_model("task", task),
            optimizer=await chat_model("optimizer", optimizer),
            embed=embedding.embed,
            embedding_identity=embedding.identity,
        )


def _connector(spec: ModelSpec, settings: Settings, stack: AsyncExitStack) -> Callable[[], Awaitable[Connection]]:
    async def connect() -> Connection:
        if not spec.is_local:
            return Connection(client=await _client(spec, _key(spec), stack))
        endpoint = await stack.enter_async_context(chat_server(spec.model, settings))
        served = spec.model_copy(update={"model": f"openai:{endpoint.model}", "base_url": endpoint.base_url})
        return Connection(client=await _client(served, SecretStr("local"), stack), endpoint=endpoint)

    return connect


def _key(spec: ModelSpec) -> SecretStr | None:
    """The key of a remote model; None leaves it to LangChain's provider, which reads its own variable."""
    if spec.api_key_env is not None:
        key = secret(spec.api_key_env)
        if key is None:
            # A name with small letters may be a key that was pasted in its place.
            name = spec.api_key_env if spec.api_key_env.isupper() else "that `api_key_env` names"
            raise ModelConfigError(f"{spec.model}: the environment variable {name} is not set")
        return key
    # A key meant for the provider must not travel to an endpoint that the user merely named.
    return SecretStr("not-needed") if spec.base_url is not None else None


async def _client(spec: ModelSpec, key: SecretStr | None, stack: AsyncExitStack) -> BaseChatModel:
    from langchain.chat_models import init_chat_model  # noqa: PLC0415 - two seconds of import

    options: dict[str, Any] = {**spec.parameters, "timeout": spec.timeout_s, "max_retries": spec.max_retries}
    if spec.base_url is not None:
        options["base_url"] = spec.base_url
    if key is not None:
        options["api_key"] = key
    if spec.model.startswith("openai:"):
        from openai import DefaultAioHttpClient  # noqa: PLC0415 - heavy, and only for this provider

        # One client per event loop: LangChain's own is cached per process and dies with its first loop.
        options["http_async_client"] = await stack.enter_async_context(DefaultAioHttpClient())
    try:
        client: BaseChatModel = init_chat_model(spec.model, **options)
    except ImportError as error:
        raise ModelConfigError(f"{spec.model}: {first_line(error)}") from None
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


def _not_configurable(error: Exception, spec: ModelSpec) -> ModelConfigError:
    return ModelConfigError(without_keys(f"{spec.model}: cannot be configured: {first_line(error)}", spec))


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

    async def embed_remotely(texts: Sequence[str]) -> list[list[float]]:
        try:
            return await model.aembed_documents(list(texts))
        except Exception as error:  # noqa: BLE001 - every provider has its own
            raise classify(error, spec) from None  # the provider's own words may hold the key

    return Embedding(embed=embed_remotely, identity=spec.model)


def _embeddings(spec: ModelSpec) -> Embeddings:
    from langchain.embeddings import init_embeddings  # noqa: PLC0415 - two seconds of import

    options: dict[str, Any] = dict(spec.parameters)
    provider = spec.model.partition(":")[0]
    if provider in _PATIENT_EMBEDDINGS:
        options |= {"timeout": spec.timeout_s, "max_retries": spec.max_retries}
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
