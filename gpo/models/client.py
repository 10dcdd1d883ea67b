"""The way to a model by name: the client of its provider, and what goes over it.

OpenAI-compatible servers are asked over HTTP directly, other remote models through LangChain (`provider:name`).
Synthetic ones (`synthetic:NAME`) come from this library. Embedded models (`local:NAME`, or a .gguf file) run in their
own process and are reached as OpenAI-compatible servers are. A completion model (`completion: true`) is sent one text
and continues it.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from gpo.errors import ModelConfigError
from gpo.formatting import shorten_value
from gpo.messages.message import Message
from gpo.models.clients.client import METERS, NO_KEY, Client, RawReply
from gpo.models.clients.direct import can_ask_directly, open_direct
from gpo.models.ledger import Answer
from gpo.models.local.embedder import Embed, load_embedder
from gpo.models.local.servers import Endpoint, chat_server
from gpo.models.replies import Billed, UnusableReplyError, judge_answer, read_tokens
from gpo.models.retry import call_with_retries
from gpo.progress import Note, emit
from gpo.settings import Settings, read_secret
from gpo.spec.models import ModelSpec
from gpo.template import as_text

if TYPE_CHECKING:
    from gpo.models.clients.langchain import LangchainClient

_BYTES_A_TOKEN = 4
"""By which tokens are estimated where a provider's number cannot be true."""


@dataclass(frozen=True)
class Connection:
    """An open way to a model; `endpoint` is there for embedded models, `secrets` are the keys that the client holds."""

    client: Client
    endpoint: Endpoint | None = None
    secrets: frozenset[str] = frozenset()

    async def invoke(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Answer:
        """One answer, with its usage as the provider reports it and its time on the wire.

        Raises:
            UnusableReplyError: what came is no answer.
            Exception: whatever the provider's client raises.
        """
        began = monotonic()
        reply = await self.client.reply(messages, parameters)
        seconds = monotonic() - began if reply.seconds is None else reply.seconds
        try:
            judge_answer(reply.text, reply.finish_reason, reply.refusal)
        except UnusableReplyError as error:
            error.billed = Billed(*(read_tokens(reply.usage.get(name)) or 0 for name in METERS))
            raise
        return Answer(
            text=reply.text,
            input_tokens=_tokens("prompt_tokens", reply, lambda: as_text(messages)),
            output_tokens=_tokens("completion_tokens", reply, lambda: reply.text),
            model=reply.model,
            finish_reason=reply.finish_reason,
            seconds=round(seconds, 6),
        )


def _tokens(name: str, reply: RawReply, text: Callable[[], str]) -> int:
    """A number of tokens: as reported, or by the length of the text where that cannot be true, which is told."""
    value = reply.usage.get(name)
    if (read := read_tokens(value)) is not None:
        return read
    estimate = math.ceil(len(text().encode("utf-8", "replace")) / _BYTES_A_TOKEN)
    emit(
        Note(
            f"the provider counts {shorten_value(value)} {name} for one call, which cannot be: {estimate} are counted, "
            "by its length"
        )
    )
    return estimate


def connector(spec: ModelSpec, settings: Settings, stack: AsyncExitStack) -> Callable[[], Awaitable[Connection]]:
    """What connects to a model when it is first asked; servers and HTTP clients close with the stack.

    Connecting raises ModelConfigError for an unknown provider, a missing package or key, and LocalModelError for an
    embedded model that did not start.
    """

    async def connect() -> Connection:
        if spec.is_given:
            from gpo.models.clients.langchain import LangchainClient, held_secrets  # noqa: PLC0415 - LangChain takes seconds
            from gpo.models.given import open_given, without_bindings  # noqa: PLC0415 - likewise

            given = await open_given(spec, stack)
            return Connection(client=LangchainClient(given), secrets=held_secrets(without_bindings(given)))
        if spec.is_synthetic:
            from gpo.models.clients.langchain import LangchainClient  # noqa: PLC0415 - LangChain takes seconds
            from gpo.models.synthetic.chat import synthetic_model  # noqa: PLC0415 - for tests and studies alone

            return Connection(client=LangchainClient(synthetic_model(spec)))
        if not spec.is_local:
            return await _connected(spec, _key(spec), stack)
        endpoint = await stack.enter_async_context(chat_server(spec.model, settings))
        served = spec.model_copy(update={"model": f"openai:{endpoint.model}", "base_url": endpoint.base_url})
        connection = await _connected(served, SecretStr(endpoint.key), stack)
        return Connection(client=connection.client, endpoint=endpoint)

    return connect


def _key(spec: ModelSpec) -> SecretStr | None:
    """The key of a remote model; None leaves it to LangChain's provider, which reads its own variable."""
    if spec.api_key_env is not None:
        key = read_secret(spec.api_key_env)
        if key is None:
            # A name with small letters may be a key that was pasted in its place.
            name = spec.api_key_env if spec.api_key_env.isupper() else "that `api_key_env` names"
            raise ModelConfigError(
                f"{spec.model}: the environment variable {name} is not set: export it, or name "
                "models that need no key under `models`"
            )
        return key
    # A key meant for the provider must not travel to an endpoint that the user merely named.
    return SecretStr(NO_KEY) if spec.base_url is not None else None


async def _connected(spec: ModelSpec, key: SecretStr | None, stack: AsyncExitStack) -> Connection:
    own = key or (read_secret("OPENAI_API_KEY") if spec.model.startswith("openai:") else None)
    if own is not None and can_ask_directly(spec):
        secret = own.get_secret_value()
        client = await open_direct(spec, secret, stack, lambda: _open_langchain(spec, key, stack))
        return Connection(client, secrets=frozenset({secret}) - {NO_KEY})
    from gpo.models.clients.langchain import held_secrets  # noqa: PLC0415 - LangChain takes seconds

    through = await _open_langchain(spec, key, stack)
    return Connection(through, secrets=held_secrets(through.model))


async def _open_langchain(spec: ModelSpec, key: SecretStr | None, stack: AsyncExitStack) -> "LangchainClient":
    from gpo.models.clients.langchain import open_langchain  # noqa: PLC0415 - LangChain takes seconds

    return await open_langchain(spec, key, stack)


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
    if spec.is_synthetic:
        from gpo.models.synthetic.embedding import check_embedding, embed_words  # noqa: PLC0415 - as the models above

        check_embedding(spec)

        async def embed_synthetically(texts: Sequence[str]) -> list[list[float]]:
            return embed_words(texts)

        return Embedding(embed=embed_synthetically, identity=spec.model)
    from gpo.models.clients.langchain import held_secrets, open_embeddings  # noqa: PLC0415 - LangChain takes seconds

    model = open_embeddings(spec, _key(spec))
    secrets = held_secrets(model)

    async def embed_remotely(texts: Sequence[str]) -> list[list[float]]:
        return await call_with_retries(lambda: model.aembed_documents(list(texts)), spec, secrets)

    return Embedding(embed=embed_remotely, identity=spec.model)
