"""What keeps runs from paying twice: stores of answers, and what runs at the same time in one process share."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from gpo.concurrency import CallsInFlight
from gpo.database.engine import utc_now
from gpo.models.claims.minutes import Book
from gpo.models.claims.slots import Share
from gpo.models.clients.rate import MinuteLimits, RateLimit, Server
from gpo.models.journal import HeldAnswer, Journal
from gpo.models.ledger import Answer, CallKey


class AnswerStore(Protocol):
    """Where paid answers are kept and found again: the ledger, or its stand-in before a run has begun."""

    async def find(self, keys: Sequence[CallKey]) -> Mapping[str, Answer]:
        """Answers that are there, by key digest."""

    async def keep(self, key: CallKey, answer: Answer, role: str, stale_before: str = "") -> None:
        """Write one answer of the model with this role in the run; returns when it is safe.

        The first answer of a key stays, unless it is older than `stale_before`.
        """

    async def claim(self, key: CallKey, since: str = "") -> Answer | bool:
        """The answer, where it is there by now and not older than `since`; else whether the caller is to pay for it.

        False means that another process pays. Who is to pay keeps the answer, or releases the call.
        """

    def release(self, key: CallKey) -> None:
        """Give up a call that was to be paid for."""

    def share(self, name: str, slots: int) -> Share | None:
        """A part of the slots that all who keep their answers there share under a name; None where nobody else does."""

    def book(self, name: str, limits: MinuteLimits) -> Book | None:
        """What all who keep their answers there send to a server within a minute; None where nobody else does."""


class HeldAnswers:
    """Answers in memory, while there is no ledger yet; and in a journal, where they are to outlive the process."""

    def __init__(self) -> None:
        self._held: dict[str, HeldAnswer] = {}
        self._journal: Journal | None = None

    @property
    def is_empty(self) -> bool:
        """Whether none is held."""
        return not self._held

    @contextmanager
    def journaling(self, journal: Journal) -> Iterator[None]:
        """Inside, answers are written to the journal as they come, after those that it has are taken from it."""
        self._held |= {held.key.digest: held for held in journal.read()}
        self._journal = journal
        try:
            yield
        finally:
            self._journal = None
            journal.remove()

    async def find(self, keys: Sequence[CallKey]) -> Mapping[str, Answer]:
        """Answers that are held, by key digest."""
        return {key.digest: self._held[key.digest].answer for key in keys if key.digest in self._held}

    async def keep(self, key: CallKey, answer: Answer, role: str, stale_before: str = "") -> None:  # noqa: ARG002
        """Hold one answer."""
        self._held[key.digest] = held = HeldAnswer(key=key, answer=answer, role=role)
        if self._journal is not None:
            self._journal.add(held)

    async def claim(self, key: CallKey, since: str = "") -> Answer | bool:
        """The answer that is held, or True: nobody else pays into this memory."""
        held = self._held.get(key.digest)
        return held.answer if held is not None and held.answer.created_at >= since else True

    def release(self, key: CallKey) -> None:
        """Nothing is claimed here."""

    def share(self, name: str, slots: int) -> None:
        """Nobody else has this memory."""

    def book(self, name: str, limits: MinuteLimits) -> None:
        """Nobody else has this memory."""

    async def settle(self, ledger: AnswerStore) -> None:
        """Write what is held to the ledger."""
        for held in tuple(self._held.values()):
            await ledger.keep(held.key, held.answer, held.role)


@dataclass
class Call:
    """A call in flight and how many wait for it."""

    task: asyncio.Task[Answer | None]
    waiting: int = 0


@dataclass(frozen=True)
class Shared:
    """What the runs of one process share: calls and answers, and what one step hands on to another.

    `calls` are those that somebody waits for, by key digest; `in_flight` those that are out; `held` the answers that no
    ledger has yet.
    """

    calls: dict[str, Call] = field(default_factory=dict)
    in_flight: CallsInFlight = field(default_factory=CallsInFlight)
    held: HeldAnswers = field(default_factory=HeldAnswers)
    handed_on: dict[str, object] = field(default_factory=dict)
    rates: dict[tuple[Server, MinuteLimits], RateLimit] = field(default_factory=dict)

    def rate_limit(self, server: Server, limits: MinuteLimits) -> RateLimit:
        """The limit of a server, which all runs that name the same keep together."""
        return self.rates.setdefault((server, limits), RateLimit(limits))

    def hand_on(self, name: str, value: object) -> None:
        """Keep something that was read for whoever needs it next."""
        self.handed_on[name] = value

    def take(self, name: str) -> object | None:
        """What was handed on under a name, once; None when there is nothing."""
        return self.handed_on.pop(name, None)


_shared: ContextVar[Shared | None] = ContextVar("gpo_shared", default=None)


@contextmanager
def share_answers() -> Iterator[None]:
    """Let all runs inside share their answers: an equal call is paid for once, even before there is a database."""
    token = _shared.set(Shared())
    try:
        yield
    finally:
        _shared.reset(token)


def current_shared() -> Shared:
    """What is shared with the other runs inside the same `share_answers`; outside of any, something new."""
    return _shared.get() or Shared()


_anew_since: ContextVar[str] = ContextVar("gpo_anew_since", default="")


def anew_since() -> str:
    """The time before which nothing is taken from the ledger, as `utc_now` writes it; empty where all is."""
    return _anew_since.get()


@contextmanager
def ask_anew(fresh: bool = True, since: str = "") -> Iterator[None]:
    """Models opened inside take no answer from the ledger that was there before; each new one replaces the old.

    Where that has begun already, its beginning stays, as where another process says `since` when. Without `fresh`
    nothing changes.
    """
    token = _anew_since.set(_anew_since.get() or since or (utc_now() if fresh else ""))
    try:
        yield
    finally:
        _anew_since.reset(token)


def oldest_answer(max_age_days: float | None) -> str:
    """The time before which answers are stale, as `utc_now` writes it; empty where none is."""
    if max_age_days is None:
        return anew_since()
    return max(anew_since(), utc_now(timedelta(days=max_age_days)))


ROLES = ("task", "optimizer", "judge", "embedding")


@dataclass
class Tally:
    """Calls of one role, counted as they happen; of the embedding model, its texts."""

    paid: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, other: "Tally") -> None:
        """Count what was counted elsewhere as well."""
        self.paid += other.paid
        self.failed += other.failed
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens


_tallies: ContextVar[Mapping[str, Tally] | None] = ContextVar("gpo_tallies", default=None)


def tallies() -> Mapping[str, Tally]:
    """The tallies of this context by role; new ones where nothing counts together."""
    return _tallies.get() or _fresh()


@contextmanager
def share_tallies() -> Iterator[None]:
    """Let models that are opened inside, one after the other, count the calls of a role in one tally."""
    if _tallies.get() is not None:
        yield
        return
    token = _tallies.set(_fresh())
    try:
        yield
    finally:
        _tallies.reset(token)


@contextmanager
def count_apart() -> Iterator[Mapping[str, Tally]]:
    """Let what is opened inside count in tallies of its own, whatever counts together outside."""
    counts = _fresh()
    token = _tallies.set(counts)
    try:
        yield counts
    finally:
        _tallies.reset(token)


def _fresh() -> Mapping[str, Tally]:
    return {role: Tally() for role in ROLES}
