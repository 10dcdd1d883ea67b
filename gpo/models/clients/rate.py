"""What a provider lets out in a minute: requests and tokens, counted together for all that ask with one key."""

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple, Protocol

from gpo.messages.message import Message
from gpo.progress import Note, emit
from gpo.spec.models import ModelSpec, ModelsSpec

MINUTE_S = 60.0

_BYTES_A_TOKEN = 4
_FIRST_ANSWER = 100
"""Tokens that the answers of a model are taken to have before one has come."""


class Server(NamedTuple):
    """Where calls go, with whose key: what a provider counts together."""

    name: str
    base_url: str | None
    api_key_env: str | None


def server_of(spec: ModelSpec) -> Server:
    """The server of a model: that of its provider, or the model itself where it runs here or was given."""
    is_own = spec.is_given or spec.is_free
    return Server(spec.model if is_own else spec.model.partition(":")[0], spec.base_url, spec.api_key_env)


class MinuteLimits(NamedTuple):
    """The most in a minute; None: no limit."""

    requests: int | None = None
    tokens: int | None = None

    def seconds(self, calls: float, tokens: float) -> float:
        """How long so much takes at the least: what a minute allows goes out at once.

        >>> MinuteLimits(requests=60, tokens=None).seconds(calls=600, tokens=1e6)
        540.0
        """
        parts = [(calls, self.requests), (tokens, self.tokens)]
        longest = max((MINUTE_S * (amount - most) / most for amount, most in parts if most is not None), default=0.0)
        return max(0.0, longest)

    def allow(self, requests: int, tokens: int) -> bool:
        """Whether a minute may have so much."""
        return requests <= (self.requests or math.inf) and tokens <= (self.tokens or math.inf)

    def find_room(
        self, sent: Iterable[tuple[float, int]], requests: int, tokens: int, earliest: float, period_s: float
    ) -> float:
        """The first moment from the `earliest` on at which a request fits in, as what was sent before is over.

        `sent` has the times and tokens of that, in their order; `requests` and `tokens` are the sums, with the new one.
        """
        for at, its in sent:
            if self.allow(requests, tokens):
                break
            requests, tokens, earliest = requests - 1, tokens - its, max(earliest, at + period_s)
        return earliest

    def __str__(self) -> str:
        named = [(self.requests, "requests"), (self.tokens, "tokens")]
        return " and ".join(f"{most:,} {what}" for most, what in named if most is not None) + " a minute"


NO_LIMITS = MinuteLimits()


def limits_of(models: ModelsSpec) -> Mapping[Server, MinuteLimits]:
    """The limits by server: roles of one server and key share theirs, and the lowest that one of them names holds."""
    named: dict[Server, list[ModelSpec]] = {}
    for spec in (models.task, models.optimizer, models.embedding, models.judge):
        if spec is not None and (spec.requests_per_minute or spec.tokens_per_minute):
            named.setdefault(server_of(spec), []).append(spec)
    return {
        server: MinuteLimits(
            _lowest(each.requests_per_minute for each in specs), _lowest(each.tokens_per_minute for each in specs)
        )
        for server, specs in named.items()
    }


def _lowest(limits: Iterable[int | None]) -> int | None:
    return min((each for each in limits if each is not None), default=None)


@dataclass
class Sent:
    """A request that was let out: when, by the clock of its limit, and its tokens, estimated or counted."""

    at: float
    tokens: int
    is_over: bool = False
    booking: str = ""
    """Its name in a book that processes share, if there is one."""


class Rate(Protocol):
    """Lets requests out, so that no minute has more of them than its limits say."""

    @property
    def limits(self) -> MinuteLimits:
        """The most in a minute."""

    async def take(self, tokens: int, hear: Callable[[], None]) -> Sent:
        """Wait until a request of about so many tokens may go out; `hear` is called if that is not at once."""

    def correct(self, sent: Sent, tokens: int) -> None:
        """Count a request with the tokens that its reply tells."""


def nothing() -> None:
    """Hear that a request waits, and do nothing about it."""


@dataclass
class _Waiting:
    tokens: int
    loop: asyncio.AbstractEventLoop
    turn: "asyncio.Future[Sent]"
    is_let_out: bool = False


class RateLimit:
    """Lets requests out in the order in which they come, so that no minute has more of them, or of their tokens.

    A request is let out by its estimated tokens, which `correct` then puts right. One that alone has more tokens than a
    minute allows waits until nothing else was sent for a minute. May be used from several event loops and threads.
    """

    def __init__(
        self, limits: MinuteLimits, period_s: float = MINUTE_S, clock: Callable[[], float] = monotonic
    ) -> None:
        self.limits = limits
        self._period_s, self._clock = period_s, clock
        self._lock = threading.Lock()
        self._sent: deque[Sent] = deque()
        self._tokens = 0
        self._waiting: deque[_Waiting] = deque()
        self._alarm: tuple[float, asyncio.AbstractEventLoop] | None = None

    async def take(self, tokens: int, hear: Callable[[], None] = nothing) -> Sent:
        """Wait until a request of about so many tokens may go out; `hear` is called if that is not at once."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(tokens, loop, loop.create_future())
        with self._lock:
            self._waiting.append(waiting)
        self._let_out()
        if not waiting.is_let_out:
            hear()
        try:
            return await waiting.turn
        except asyncio.CancelledError:
            with self._lock, suppress(ValueError):
                self._waiting.remove(waiting)
            self._let_out()
            raise

    def correct(self, sent: Sent, tokens: int) -> None:
        """Count a request with the tokens that its reply tells."""
        with self._lock:
            if not sent.is_over:
                self._tokens += tokens - sent.tokens
            sent.tokens = tokens
        self._let_out()

    def _let_out(self) -> None:
        """Let out who may go, the first who came first; look again when the next one may."""
        with self._lock:
            while self._waiting:
                waiting, now = self._waiting[0], self._clock()
                if (pause := self._pause(waiting.tokens, now)) > 0:
                    self._look_again(now + pause, pause)
                    return
                self._waiting.popleft()
                waiting.is_let_out = True
                sent = Sent(now, waiting.tokens)
                self._sent.append(sent)
                self._tokens += sent.tokens
                with suppress(RuntimeError):  # in a loop that is closed nobody waits
                    waiting.loop.call_soon_threadsafe(_give, waiting.turn, sent)

    def _look_again(self, at: float, pause: float) -> None:
        if self._alarm is not None and self._alarm[0] <= at and not self._alarm[1].is_closed():
            return
        loop = asyncio.get_running_loop()
        self._alarm = at, loop
        loop.call_later(pause, self._ring, at)

    def _ring(self, at: float) -> None:
        with self._lock:
            if self._alarm is not None and self._alarm[0] == at:
                self._alarm = None
        self._let_out()

    def _pause(self, tokens: int, now: float) -> float:
        """How long until a request may go out, by what is known now; 0: it may."""
        while self._sent and self._sent[0].at <= now - self._period_s:
            over = self._sent.popleft()
            over.is_over = True
            self._tokens -= over.tokens
        sent = ((each.at, each.tokens) for each in self._sent)
        room = self.limits.find_room(sent, len(self._sent) + 1, self._tokens + tokens, now, self._period_s)
        return max(0.0, room - now)


def _give(turn: "asyncio.Future[Sent]", sent: Sent) -> None:
    if not turn.done():
        turn.set_result(sent)


def text_tokens(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text.encode("utf-8", "replace")) / _BYTES_A_TOKEN)


class ModelRate:
    """One model under the limit of its server: a call's tokens are guessed by its text and the answers so far."""

    def __init__(self, model: str, limit: Rate) -> None:
        self._model, self._limit = model, limit
        self._answers = self._tokens = 0
        self._is_told = False

    async def let_out(self, messages: Sequence[Message], longest: object) -> Sent:
        """Wait until a call may go out; its answer has `longest` tokens at the most, where that is a number."""
        usual = math.ceil(self._tokens / self._answers) if self._answers else _FIRST_ANSWER
        asked = sum(text_tokens(message.text) for message in messages)
        return await self._limit.take(asked + (min(usual, longest) if isinstance(longest, int) else usual), self._tell)

    def count(self, sent: Sent, input_tokens: int, output_tokens: int) -> None:
        """Put a call's tokens right by its answer, and the guess for the next ones."""
        self._answers += 1
        self._tokens += output_tokens
        self._limit.correct(sent, input_tokens + output_tokens)

    def _tell(self) -> None:
        if not self._is_told:
            self._is_told = True
            emit(Note(f"{self._model}: calls wait for the limit of {self._limit.limits}"))
