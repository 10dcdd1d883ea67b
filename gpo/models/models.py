"""The models of a run: opened once for it, limited, retried, counted, and answered from the ledger.

`gpo.models.client` says how a model is reached by its name.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from gpo.errors import ModelCallError
from gpo.models.ask import BlockOfCalls
from gpo.models.chat import ChatModel
from gpo.models.claims.minutes import SharedRate
from gpo.models.client import connector, open_embedding
from gpo.models.clients.rate import MinuteLimits, ModelRate, Rate, Server, limits_of, nothing, server_of, text_tokens
from gpo.models.local.embedder import Embed
from gpo.models.sharing import AnswerStore, Tally, current_shared, oldest_answer, tallies
from gpo.records import Example, Score
from gpo.settings import Settings
from gpo.spec.models import ModelRole, ModelSpec, ModelsSpec
from gpo.spec.task import TaskSpec

if TYPE_CHECKING:
    from gpo.models.target.target import Target

_TEMPERATURES: Mapping[ModelRole, float] = {"task": 0.0, "optimizer": 1.0, "judge": 0.0}

_COMPLETION_TOKENS = 256
"""Length of what a completion model writes where the spec sets none: servers' own defaults are as short as 16."""


class Elsewhere(Protocol):
    """Scores blocks of examples in other processes, with models that these open themselves."""

    async def __call__(
        self, spec: TaskSpec, instruction: str, demonstrations: Sequence[Example], inquiry: BlockOfCalls
    ) -> Score:
        """The score of an instruction on a block, with all samples; what failed and was asked is counted there."""


@dataclass(frozen=True)
class Models:
    """The models of a run, open until the context that made them ends; and the program that asks them, if there is one.

    A program answers in the place of the task model, which then says what its calls cost. With `elsewhere`, examples
    are scored in other processes.
    """

    task: ChatModel
    optimizer: ChatModel
    judge: ChatModel
    embed: Embed
    embedding_identity: str
    embedding_tally: Tally
    target: "Target | None" = None
    elsewhere: Elsewhere | None = None


@asynccontextmanager
async def with_target(models: Models, spec: TaskSpec) -> AsyncIterator[Models]:
    """The same with the program that a spec names, if it names one; its processes end with the context.

    Raises:
        SpecError: it cannot be loaded.
    """
    if spec.target is None:
        yield models
        return
    from gpo.models.target.target import Target  # noqa: PLC0415 - brings LangChain, which takes a second

    async with aclosing(Target(spec.target, tuple(spec.dataset.input), models.task)) as target:
        yield replace(models, target=target)


@asynccontextmanager
async def open_models(spec: ModelsSpec, settings: Settings, answers: AnswerStore) -> AsyncIterator[Models]:
    """The models on the running event loop; servers and HTTP clients close with the context.

    Chat models connect when first asked; then ModelConfigError tells of an unknown provider, a missing package or key,
    and LocalModelError of an embedded model that did not start.

    Raises:
        ModelConfigError: the embedding model cannot be used as configured.
    """
    counts = tallies()
    rates = {server: _open_rate(server, limits, answers) for server, limits in limits_of(spec).items()}
    async with AsyncExitStack() as stack:

        async def chat_model(role: ModelRole) -> ChatModel:
            model = _with_defaults(spec, role)
            # In a thread: the checksum of a large file takes seconds.
            connect = connector(model, settings, stack)
            since = oldest_answer(model.max_age_days)
            limit = rates.get(server_of(model))
            rate = None if limit is None else ModelRate(model.model, limit)
            opened = await asyncio.to_thread(ChatModel, role, model, answers, connect, counts[role], since, rate)
            stack.push_async_callback(opened.aclose)
            return opened

        embedding = open_embedding(spec.embedding)
        yield Models(
            task=await chat_model("task"),
            optimizer=await chat_model("optimizer"),
            judge=await chat_model("judge"),
            embed=_counted(_limited(embedding.embed, rates.get(server_of(spec.embedding))), counts["embedding"]),
            embedding_identity=embedding.identity,
            embedding_tally=counts["embedding"],
        )


def _open_rate(server: Server, limits: MinuteLimits, answers: AnswerStore) -> Rate:
    """The limit of a server, kept together with all who use the same database, once there is one."""
    own = current_shared().rate_limit(server, limits)
    book = answers.book(" ".join(part or "" for part in server), limits)
    return own if book is None else SharedRate(own, book)


def _with_defaults(spec: ModelsSpec, role: ModelRole) -> ModelSpec:
    """The model of a role, sampled as the role needs it unless the spec says otherwise.

    An optimizer model that also judges is set up to vary what it writes, which a judge must not.
    """
    model = spec.of(role)
    if role == "judge" and spec.judge is None and not model.is_given:
        model = model.model_copy(update={"parameters": {**model.parameters, "temperature": 0.0}})
    model = model.with_default("temperature", _TEMPERATURES[role])
    return model.with_default("max_tokens", _COMPLETION_TOKENS) if model.completion else model


def _limited(embed: Embed, rate: Rate | None) -> Embed:
    if rate is None:
        return embed

    async def limited(texts: Sequence[str]) -> list[list[float]]:
        await rate.take(sum(map(text_tokens, texts)), nothing)
        return await embed(texts)

    return limited


def _counted(embed: Embed, tally: Tally) -> Embed:
    async def counted(texts: Sequence[str]) -> list[list[float]]:
        try:
            vectors = await embed(texts)
        except ModelCallError:
            tally.failed += len(texts)
            raise
        tally.paid += len(texts)
        return vectors

    return counted
