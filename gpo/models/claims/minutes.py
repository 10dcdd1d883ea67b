"""Limits of a minute that processes share: what a provider lets out holds for all who use a database together.

Each call that is limited is booked in the database before it goes out: at once where it fits into the minute, else for
the first moment at which it will, behind all that are booked. So processes take turns, and a large call is not
overtaken for ever by small ones. A process has one call at most that is booked for later.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import uuid4

from sqlalchemy import Connection, Engine

from gpo.database.engine import write_transaction
from gpo.database.statements import execute_plain, parts_of
from gpo.errors import StateError
from gpo.models.clients.rate import MINUTE_S, MinuteLimits, RateLimit, Sent, nothing
from gpo.records import content_hash

LOOK_S = 1.0
"""How often who waits looks whether its call may go out earlier: answers may have fewer tokens than was guessed."""

_MOST_TOKENS = 2**31 - 1
_NEVER = 1e15
_SLACK_S = 1.0


@dataclass(frozen=True)
class Booking:
    """A call that is booked, and in how many seconds it may go out; 0 or less: now."""

    id: str
    tokens: int
    pause: float


class Book(Protocol):
    """What all who use a database send to a server within a minute; its functions block."""

    def book(self, tokens: int) -> Booking:
        """Book a call of about so many tokens, behind those that are booked."""

    def look(self, booking: Booking) -> Booking:
        """The booking as it is now: it may have become earlier."""

    def correct(self, booking: str, tokens: int) -> None:
        """Count a call that was sent with the tokens that its reply tells."""

    def drop(self, booking: str) -> None:
        """Forget a call that was not sent."""


class MinuteBook:
    """The calls that all who use a database send to a server within a minute, kept in that database."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        limits: MinuteLimits,
        period_s: float = MINUTE_S,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """For the server of a `name`; who names other limits does not share with it."""
        self._engine, self._limits, self._period_s, self._clock = engine, limits, period_s, clock
        self._server = content_hash(["minute", name, *limits], length=48)
        self._corrected: dict[str, int] = {}
        self._dropped: set[str] = set()
        self._lock = threading.Lock()

    def book(self, tokens: int) -> Booking:
        """Book a call of about so many tokens, behind those that are booked.

        Raises:
            StateError: the database cannot be used.
        """
        with write_transaction(self._engine) as connection:
            now = self._begin(connection)
            # Names sort by the time of booking: of two that are due at the same time, the first goes first.
            booking = Booking(f"{_name_at(now)}-{uuid4().hex[:12]}", min(tokens, _MOST_TOKENS), 0.0)
            due = self._due(connection, booking, now, _NEVER)
            row = (booking.id, self._server, due, booking.tokens)
            execute_plain(
                connection, "INSERT INTO minute_bookings (id, server, sent_at, tokens) VALUES (?, ?, ?, ?)", row
            )
        return replace(booking, pause=due - now)

    def look(self, booking: Booking) -> Booking:
        """The booking as it is now: it becomes earlier where those before it turn out to be smaller, or are dropped.

        Raises:
            StateError: the database cannot be used.
        """
        with write_transaction(self._engine) as connection:
            now = self._begin(connection)
            found = execute_plain(connection, "SELECT sent_at FROM minute_bookings WHERE id = ?", (booking.id,)).all()
            if not found:  # its time was over long ago
                return replace(booking, pause=0.0)
            due = min(found[0].sent_at, self._due(connection, booking, now, found[0].sent_at))
            if due < found[0].sent_at:
                execute_plain(connection, "UPDATE minute_bookings SET sent_at = ? WHERE id = ?", (due, booking.id))
        return replace(booking, pause=due - now)

    def correct(self, booking: str, tokens: int) -> None:
        """Count a call that was sent with the tokens that its reply tells; others know it by the next booking."""
        if self._limits.tokens is not None:
            with self._lock:
                self._corrected[booking] = min(tokens, _MOST_TOKENS)

    def drop(self, booking: str) -> None:
        """Forget a call that was not sent; others know it by the next booking."""
        with self._lock:
            self._dropped.add(booking)

    def close(self) -> None:
        """Tell what others do not know yet; where the database cannot be used, that is over in a minute."""
        if self._corrected or self._dropped:
            with suppress(StateError), write_transaction(self._engine) as connection:
                self._settle(connection)

    def _begin(self, connection: Connection) -> float:
        """The time, by one clock for all; until the transaction ends nobody else books."""
        if connection.dialect.name == "postgresql":  # SQLite lets one writer in at a time
            execute_plain(connection, "SELECT pg_advisory_xact_lock(?)", (int(self._server[:15], 16),))
        now = self._now(connection)
        self._settle(connection)
        old = (self._server, now - 2 * self._period_s)
        execute_plain(connection, "DELETE FROM minute_bookings WHERE server = ? AND sent_at < ?", old)
        # A clock that was put back would have all wait for what was booked by the later one.
        later = (self._server, _name_at(now + _SLACK_S))
        execute_plain(connection, "DELETE FROM minute_bookings WHERE server = ? AND id > ?", later)
        return now

    def _now(self, connection: Connection) -> float:
        if self._clock is not None:
            return self._clock()
        if connection.dialect.name != "postgresql":
            return time.time()
        # Clocks of machines differ.
        row = connection.exec_driver_sql("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS double precision)").one()
        return float(row[0])

    def _settle(self, connection: Connection) -> None:
        with self._lock:
            corrected, self._corrected = self._corrected, {}
            dropped, self._dropped = self._dropped, set()
        _correct(connection, corrected)
        for part in parts_of(sorted(dropped)):
            listed = ", ".join("?" * len(part))
            execute_plain(connection, f"DELETE FROM minute_bookings WHERE id IN ({listed})", part)  # noqa: S608 - no value

    def _due(self, connection: Connection, booking: Booking, now: float, before: float) -> float:
        """When a call may go out behind those that are booked `before`, or then and earlier."""
        where = "FROM minute_bookings WHERE server = ? AND sent_at > ? AND (sent_at < ? OR (sent_at = ? AND id < ?))"
        given = (self._server, now - self._period_s, before, before, booking.id)
        sums = execute_plain(connection, f"SELECT COUNT(*), COALESCE(SUM(tokens), 0), MAX(sent_at) {where}", given)
        requests, tokens, last = sums.one()
        requests, tokens = requests + 1, int(tokens) + booking.tokens
        due = max(now, now if last is None else float(last))
        if due == now and self._limits.allow(requests, tokens):
            return now
        rows = execute_plain(connection, f"SELECT sent_at, tokens {where} ORDER BY sent_at", given)
        booked = ((float(at), int(its)) for at, its in rows)
        return self._limits.find_room(booked, requests, tokens, due, self._period_s)


def _name_at(moment: float) -> str:
    return f"{int(moment * 1e6):017}"


def _correct(connection: Connection, corrected: Mapping[str, int]) -> None:
    if corrected:
        rows = [(tokens, booking) for booking, tokens in sorted(corrected.items())]
        execute_plain(connection, "UPDATE minute_bookings SET tokens = ? WHERE id = ?", rows)


class SharedRate:
    """Lets requests out by the limit of this process, and then by that of all who use its database.

    The first also knows what was sent before there was a database. Used in one event loop.
    """

    def __init__(self, own: RateLimit, book: Book) -> None:
        self._own, self._book = own, book
        self._turn = asyncio.Lock()

    @property
    def limits(self) -> MinuteLimits:
        """The most in a minute."""
        return self._own.limits

    async def take(self, tokens: int, hear: Callable[[], None] = nothing) -> Sent:
        """Wait until a request of about so many tokens may go out; `hear` is called if that is not at once.

        Raises:
            StateError: the database cannot be used.
        """
        sent = await self._own.take(tokens, hear)
        async with self._turn:
            booking = await self._booked(tokens)
            try:
                await self._wait(booking, hear)
            except BaseException:
                self._book.drop(booking.id)
                raise
        sent.booking = booking.id
        return sent

    def correct(self, sent: Sent, tokens: int) -> None:
        """Count a request with the tokens that its reply tells."""
        self._own.correct(sent, tokens)
        self._book.correct(sent.booking, tokens)

    async def _booked(self, tokens: int) -> Booking:
        """A booking. Who is cancelled meanwhile gives it up: the thread books all the same."""
        given_up = threading.Event()
        made: list[Booking] = []

        def book() -> Booking:
            made.append(self._book.book(tokens))
            if given_up.is_set():
                self._book.drop(made[0].id)
            return made[0]

        try:
            return await asyncio.to_thread(book)
        except asyncio.CancelledError:
            given_up.set()
            for booking in made:
                self._book.drop(booking.id)
            raise

    async def _wait(self, booking: Booking, hear: Callable[[], None]) -> None:
        if booking.pause > 0:
            hear()
        while booking.pause > LOOK_S:
            await asyncio.sleep(LOOK_S)
            booking = await asyncio.to_thread(self._book.look, booking)
        await asyncio.sleep(max(0.0, booking.pause))
