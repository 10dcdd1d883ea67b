"""One chat model of a run: asked, limited, retried, counted, answered from the ledger."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path
from typing import Any

from gpo.errors import ModelCallError
from gpo.files import real_path
from gpo.messages.message import Message
from gpo.models.claims.slots import SharedLimit
from gpo.models.client import Connection
from gpo.models.clients.rate import ModelRate, Sent
from gpo.models.failures import Failure
from gpo.models.ledger import Answer, CallKey
from gpo.models.limiter import AdaptiveLimiter, Limiter, Place, after_turns
from gpo.models.local.gguf import checksum
from gpo.models.replies import NO_TOKENS, Billed
from gpo.models.retry import LONGEST_ASKED_S, call_with_retries
from gpo.models.sharing import AnswerStore, Call, Shared, Tally, current_shared
from gpo.progress import Note, emit
from gpo.spec.models import ModelSpec

_AHEAD = 2
"""How many calls are claimed for each that is out, so that none of them waits for the database. They are claimed in
groups: a transaction takes as long for one."""
_TURNS_TO_HEAR = 10
"""Turns of the event loop, by which a failure has come to whoever asked, and a cancellation back from there."""
_FIRST_LOOK_S, _LAST_LOOK_S = 0.05, 1.0
"""How long to wait before looking for the answer of another process; longer each time, up to the second."""


@dataclass(frozen=True)
class Sampling:
    """What one call asks for beyond the model's own parameters.

    `grammar` (GBNF) and `min_p` reach servers that know them, which are those of this machine. `stop` are texts before
    which the answer ends.
    """

    max_tokens: int | None = None
    grammar: str | None = None
    min_p: float | None = None
    stop: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Any]:
        """As keyword arguments of an OpenAI-compatible chat call."""
        body = {"grammar": self.grammar, "min_p": self.min_p}
        extra = {name: value for name, value in body.items() if value is not None}
        parameters: dict[str, Any] = {"extra_body": extra} if extra else {}
        if self.max_tokens is not None:
            parameters["max_tokens"] = self.max_tokens
        if self.stop:
            parameters["stop"] = list(self.stop)
        return parameters


@dataclass
class ChatModel:
    """One chat model of a run, connected at the first call that has to be paid.

    `role` is what it does in the run: `task`, `optimizer` or `judge`; `tally` counts its calls. Answers from before
    `since`, a time as the database writes it, are asked for anew. `rate` is what its server lets out in a minute.
    """

    role: str
    spec: ModelSpec
    answers: AnswerStore
    connect: Callable[[], Awaitable[Connection]]
    tally: Tally
    since: str = ""
    rate: ModelRate | None = None
    _identity: Mapping[str, Any] = field(init=False)
    _keys: dict[Sampling, CallKey] = field(init=False, default_factory=dict)
    _limiter: AdaptiveLimiter = field(init=False)
    _shared_limit: SharedLimit | None = field(init=False)
    _claiming: Limiter = field(init=False)
    _told_of_others: bool = field(init=False, default=False)
    _connecting: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _connection: Connection | None = field(init=False, default=None)
    _shared: Shared = field(init=False, default_factory=current_shared)

    def __post_init__(self) -> None:
        self._identity, slots = _identity(self.spec), self.spec.max_concurrency
        self._limiter = AdaptiveLimiter(slots)
        self._claiming = Limiter(_AHEAD * slots, group=max(1, slots // 2))
        # Of models that run here nobody counts the calls.
        place = f"{self.spec.model} {self.spec.base_url or ''}"
        share = None if self.spec.is_free else self.answers.share(place, slots)
        self._shared_limit = None if share is None else SharedLimit(self._limiter, share, self.spec.model)

    async def aclose(self) -> None:
        """Leave the calls at once to others."""
        if self._shared_limit is not None:
            await self._shared_limit.aclose()

    @property
    def follows_grammar(self) -> bool:
        """Whether the model's server holds answers to a grammar."""
        return self.spec.is_local

    def key(self, messages: Sequence[Message], sampling: Sampling, repeat: int = 0) -> CallKey:
        """What the answer is kept under."""
        if (first := self._keys.get(sampling)) is None:
            identity = {**self._identity, "call": sampling.parameters()}
            first = self._keys[sampling] = CallKey(identity=identity, messages=())
        return first.about(messages, repeat)

    async def find(self, keys: Sequence[CallKey]) -> Mapping[str, Answer]:
        """Answers that the ledger holds already, by key digest; not those that are stale."""
        return await self._find(self.answers, keys)

    async def _find(self, answers: AnswerStore, keys: Sequence[CallKey]) -> Mapping[str, Answer]:
        found = await answers.find(keys)
        return {digest: answer for digest, answer in found.items() if answer.created_at >= self.since}

    def greeting(self) -> tuple[CallKey, Sampling]:
        """A short call, by which it is seen whether the model answers."""
        sampling = Sampling(max_tokens=16) if self.follows_grammar else Sampling()
        return self.key([Message(role="user", text="Reply with the word: ready")], sampling), sampling

    async def reach(self) -> None:
        """Call the model, whatever the ledger holds; what it answers is not kept.

        Raises:
            ModelCallError: it does not answer.
            ModelConfigError: it cannot be called as configured.
        """
        place = Place(self._limiter)
        await place.take()
        try:
            connection, (key, sampling) = await self._connected(), self.greeting()
            sent = await self._let_out(key, sampling, place)
            self._count(await self._invoke(connection, key, sampling, place, sent))
        finally:
            place.leave()

    async def ask(self, key: CallKey, sampling: Sampling, priority: int = 0) -> Answer:
        """Pay for one answer and keep it; equal calls in flight are paid once, and one that is kept by now is not.

        What another process pays for at the moment is waited for.

        Raises:
            TransientCallError: after the client's own retries; a later repetition may succeed.
            PermanentCallError: repeating will not help.
        """
        for looked in itertools.count():
            if (answer := await self._answer(key, sampling, priority)) is not None:
                return answer
            if not self._told_of_others:
                self._told_of_others = True
                emit(Note("another process pays for some of the same answers now: they are waited for"))
            await asyncio.sleep(min(_FIRST_LOOK_S * 2 ** min(looked, 10), _LAST_LOOK_S))
        raise AssertionError("unreachable")

    async def _answer(self, key: CallKey, sampling: Sampling, priority: int) -> Answer | None:
        """The answer of a call that is under way in this process, or of a new one; None: another process has it."""
        while True:
            if (call := self._shared.calls.get(key.digest)) is not None:
                with suppress(ModelCallError):  # it was another run's call; this one has its own connection
                    return await self._join(key, call)
                continue
            await self._claiming.acquire(priority)
            if key.digest in self._shared.calls:
                self._claiming.release()
                continue
            return await self._begun(key, sampling, priority)

    async def _begun(self, key: CallKey, sampling: Sampling, priority: int) -> Answer | None:
        """Pay for an answer on the place that is held, which is free again when the call has ended."""
        call = self._shared.calls[key.digest] = Call(asyncio.create_task(self._pay(key, sampling, priority)))
        try:
            return await self._join(key, call)
        finally:
            if call.waiting and not call.task.done():
                call.task.add_done_callback(lambda _: self._claiming.release())
            else:
                self._claiming.release()

    async def _join(self, key: CallKey, call: Call) -> Answer | None:
        """The call's answer; it goes on while anyone waits for it and is given up with the last who does."""
        call.waiting += 1
        try:
            return await asyncio.shield(call.task)
        finally:
            call.waiting -= 1
            if call.task.done() or not call.waiting:
                call.task.cancel()
                if self._shared.calls.get(key.digest) is call:
                    del self._shared.calls[key.digest]

    async def _pay(self, key: CallKey, sampling: Sampling, priority: int) -> Answer | None:
        """The answer, paid for unless it is there by now; None where another process pays for it."""
        connection = await self._connected()
        # Since the caller's `find` another run, or a twin that has left, may have kept it; or holds it for the ledger.
        for answers in (self._shared.held, self.answers):
            claimed = await answers.claim(key, self.since)
            if not isinstance(claimed, bool):
                return claimed
        if not claimed:
            return None
        try:
            return await self._buy(connection, key, sampling, priority)
        except BaseException:
            self.answers.release(key)
            raise

    async def _buy(self, connection: Connection, key: CallKey, sampling: Sampling, priority: int) -> Answer:
        """An answer, paid for and kept; its slot is free again then: a kill loses what is in flight alone."""
        place = Place(self._limiter, priority)
        await place.take()
        try:
            sent = await self._let_out(key, sampling, place)
            async with self._shared.in_flight.call():
                answer = await self._invoke(connection, key, sampling, place, sent)
                answer = answer if answer.model else answer.model_copy(update={"model": self.spec.model})
                await self.answers.keep(key, answer, self.role, self.since)
        except BaseException as error:
            # Whoever asked may call the others off: none of them is to go out before that was heard.
            after_turns(_TURNS_TO_HEAR, place.leave)
            if isinstance(error, ModelCallError):
                self.tally.failed += 1
                self.tally.input_tokens += error.input_tokens
                self.tally.output_tokens += error.output_tokens
            raise
        place.leave()
        self._count(answer)
        return answer

    def _count(self, answer: Answer) -> None:
        self.tally.paid += 1
        self.tally.input_tokens += answer.input_tokens
        self.tally.output_tokens += answer.output_tokens

    async def _let_out(self, key: CallKey, sampling: Sampling, place: Place) -> Sent | None:
        """Wait until the limit of a minute, where there is one, lets a call out, which begins then."""
        sent = None
        if self.rate is not None:
            longest = sampling.max_tokens or self.spec.sampling.get("max_tokens")
            sent = await self.rate.let_out(key.messages, longest)
        place.begin()
        return sent

    async def _invoke(
        self, connection: Connection, key: CallKey, sampling: Sampling, place: Place, sent: Sent | None
    ) -> Answer:
        parameters = sampling.parameters()
        if connection.endpoint is not None or self.spec.is_synthetic:
            parameters["seed"] = key.repeat & 0x7FFFFFFF  # the same sample again, also without a ledger
        revive = None if connection.endpoint is None else connection.endpoint.ensure
        failed: list[Failure] = []

        async def again() -> None:
            nonlocal sent
            sent = await self._let_out(key, sampling, place)

        def hear(failure: Failure) -> None:
            failed.append(failure)
            if failure.busy:
                wait = failure.retry_after or 0.0
                self._limiter.too_much(place.began, wait if wait <= LONGEST_ASKED_S else 0.0)

        try:
            asked = partial(connection.invoke, key.messages, parameters)
            answer = await call_with_retries(
                asked, self.spec, connection.secrets, revive, hear=hear, rest=place.rest, again=again
            )
        except ModelCallError as error:
            error.input_tokens, error.output_tokens = _billed(failed)
            raise
        self._limiter.went_well(answer.seconds or 0.0)
        if self.rate is not None and sent is not None:
            self.rate.count(sent, answer.input_tokens, answer.output_tokens)
        # An answer costs what the replies before it cost that were none.
        billed = Billed(answer.input_tokens, answer.output_tokens).plus(_billed(failed))
        return answer.model_copy(update=billed._asdict()) if failed else answer

    async def _connected(self) -> Connection:
        if self._connection is None:
            async with self._connecting:
                if self._connection is None:
                    self._connection = await self.connect()
        return self._connection


def _billed(failed: Sequence[Failure]) -> Billed:
    return reduce(Billed.plus, (each.billed for each in failed), NO_TOKENS)


def _identity(spec: ModelSpec) -> dict[str, Any]:
    """What decides the answer, with the content of a .gguf file: another file of that name is another model."""
    identity = spec.identity()
    if spec.model.endswith(".gguf"):
        with suppress(OSError):  # connecting tells of a file that cannot be read
            identity["sha256"] = checksum(real_path(Path(spec.model.removeprefix("local:")).expanduser()))
    return identity
