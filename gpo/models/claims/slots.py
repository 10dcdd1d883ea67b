"""Slots that processes share: `max_concurrency` holds for all who use a database, and not for each of them.

Each slot is a claim (`calls.py`), so that no two can hold it, and those of a process that died are free again. Whoever
has less than an even share and could use more says so; who has more then gives the surplus up as its calls end. What
nobody else wants anybody may have. Where there are more users than slots, they take turns: who has had a slot for a
while gives it up, and waits behind those who wait already.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from sqlalchemy import Engine, Row, select

from gpo.database.engine import read_transaction, utc_now, write_transaction
from gpo.database.tables import call_claims
from gpo.errors import StateError
from gpo.formatting import count
from gpo.models.claims import calls as claims
from gpo.models.limiter import Limiter
from gpo.progress import Note, emit
from gpo.records import content_hash

LOOK_S = 0.25
"""How often somebody who uses slots looks whether others want some, or have left some."""

TURN_S = 5.0
"""How long who has a slot keeps it while others have none; between two turns it is idle for two looks at the most."""

TOLD_S = 2.0
"""How long somebody waits for a first slot before it says so: others need a moment to give one up."""


class Share(Protocol):
    """A part of some slots, for one user of several."""

    @property
    def held(self) -> int:
        """How many are held, as far as is known since the last look."""

    @property
    def others(self) -> int:
        """How many others use these slots, or wait for one, by the last look."""

    def aim(self, wanted: int) -> int:
        """Look how many to hold now, by someone who could use so many."""

    def hold(self, slots: int) -> int:
        """Hold so many slots, or as many of them as are free; how many they are."""

    def close(self) -> None:
        """Give all up, for good."""


class ShareOfSlots:
    """A part of the slots that all who use a database share under a name; its functions block."""

    def __init__(self, engine: Engine, name: str, slots: int, clock: Callable[[], float] = time.time) -> None:
        """Hold none so far; `slots` is how many there are, and has to be the same for all who use the name.

        `clock` has to go on while the machine sleeps, as others' clocks do.
        """
        self._prefix = content_hash(["slots", name, slots], length=48)
        self._engine, self._slots, self._clock = engine, slots, clock
        self._owner = claims.new_owner()
        self._all = call_claims.c.digest.like(f"{self._prefix}:%")
        # Each begins at another, so that two who look at the same time do not want the same.
        first = int(content_hash(self._owner, length=6), 16)
        self._names = dict.fromkeys(f"{self._prefix}:{(first + number) % slots:06}" for number in range(slots))
        self._held: set[str] = set()
        self._taken: set[str] = set()
        self._users: set[str] = set()
        self._sign = ""
        self._closed = False
        self._renewed = self._turn_began = clock()
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """How many are held; those that were lost are known to be since the last look."""
        return len(self._held)

    @property
    def others(self) -> int:
        """How many others use these slots, or wait for one, by the last look."""
        return len(self._users - {self._owner})

    def aim(self, wanted: int) -> int:
        """How many to hold now; who has less than its share and wants more has said so then.

        Raises:
            StateError: the database cannot be used.
        """
        with self._lock:
            if self._closed:
                return 0
            others = self._look()
            waiting = [name for name, _ in others if name not in self._names]
            even, left = max(1, self._slots // len(self._users)), self._slots - len(self._taken)
            if len(self._users) > self._slots:
                aim = min(wanted, left, self._turn(waiting, left))
            else:
                aim = min(wanted, left, even) if waiting else min(wanted, left)
                if wanted and not waiting:
                    aim = max(aim, len(self._held))
            self._say(waits=aim < min(wanted, even))
            return aim

    def hold(self, slots: int) -> int:
        """Hold so many slots, or as many of them as are free; how many they are.

        Raises:
            StateError: the database cannot be used.
        """
        with self._lock:
            return self._hold(0 if self._closed else slots)

    def close(self) -> None:
        """Give all up, for good; where the database cannot be used, they are free when their time is over."""
        with self._lock, suppress(StateError):
            if self._closed:
                return
            self._closed = True
            self._hold(0)
            self._say(waits=False)

    def _turn(self, waiting: Sequence[str], free: int) -> int:
        """How many slots to hold where there are more users than slots: one for a turn, in the order of waiting."""
        if self._held:
            return 0 if waiting and self._clock() - self._turn_began > TURN_S else 1
        ahead = sum(not self._sign or sign < self._sign for sign in waiting)
        return 1 if free > ahead else 0

    def _hold(self, slots: int) -> int:
        surplus = sorted(self._held)[slots:]
        if surplus:
            self._drop(surplus)
            self._held.difference_update(surplus)
        free = [name for name in self._names if name not in self._held and name not in self._taken]
        if missing := free[: max(0, slots - len(self._held))]:
            if not self._held:
                self._turn_began = self._clock()
            self._held |= self._claim(missing)
        return len(self._held)

    def _say(self, *, waits: bool) -> None:
        """Let others see that this one wants more than it has, and since when; or no more."""
        if waits == bool(self._sign):
            return
        if waits:
            # Signs sort by the time at which they were made.
            self._sign = f"{self._prefix}:w{int(self._clock()):08x}{content_hash(self._owner, length=5)}"
            self._claim([self._sign])
        else:
            sign, self._sign = self._sign, ""
            self._drop([sign])

    def _look(self) -> list[tuple[str, str]]:
        """Names and owners of what the living others hold, signs that they wait among them; what the dead left goes.

        What this one has lost, as its time was over and others took it, it does not hold any more.
        """
        self._renew()
        with read_transaction(self._engine) as connection:
            found = list(connection.execute(select(call_claims).where(self._all)))
        own = {row.digest for row in found if row.owner == self._owner}
        self._held &= own
        if self._sign not in own:
            self._sign = ""
        others = self._living([row for row in found if row.owner != self._owner])
        self._taken = {row.digest for row in others if row.digest in self._names}
        self._users = {self._owner, *(row.owner for row in others)}
        return [(row.digest, row.owner) for row in others]

    def _living(self, found: Sequence[Row[Any]]) -> list[Row[Any]]:
        """The claims of others that hold; those whose owner died, or whose time is over, are taken away."""
        now, dead = utc_now(), {owner for owner in {row.owner for row in found} if claims.has_died(owner)}
        lost = [row for row in found if row.owner in dead or row.until < now]
        if lost:
            with write_transaction(self._engine) as connection:
                for row in lost:  # whoever has renewed its claim by now keeps it
                    claims.drop(connection, row.owner, [row.digest], over_by="" if row.owner in dead else now)
        return [row for row in found if row not in lost]

    def _renew(self) -> None:
        if abs(self._clock() - self._renewed) > claims.RENEW_S and (self._held or self._sign):
            with write_transaction(self._engine) as connection:
                claims.renew(connection, self._owner)
            self._renewed = self._clock()

    def _claim(self, names: Sequence[str]) -> set[str]:
        with write_transaction(self._engine) as connection:
            return claims.claim(connection, self._owner, names)

    def _drop(self, names: Sequence[str]) -> None:
        with write_transaction(self._engine) as connection:
            claims.drop(connection, self._owner, names)


class SharedLimit:
    """Keeps a limiter within its share of slots, for as long as anybody works or waits there."""

    def __init__(self, limiter: Limiter, share: Share, model: str = "") -> None:
        """Nobody is let in before there is a share to be let into. `model` is who waits, where that is told."""
        self._limiter, self._share, self._model = limiter, share, model
        self._most = limiter.limit
        self._keeping: asyncio.Task[None] | None = None
        self._more = asyncio.Event()
        self._has_enough = self._is_told = False
        self._without_since: float | None = None
        limiter.allow(0)
        limiter.on_wait = self._wake

    async def aclose(self) -> None:
        """Give the slots up."""
        self._limiter.on_wait = None
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await asyncio.to_thread(self._share.close)

    def _wake(self) -> None:
        if self._has_enough and self._limiter.limit < self._most:
            self._more.set()
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        held = 0
        while True:
            try:
                held = await self._fit()
            except StateError as error:
                # Who has slots goes on: whether the database is needed, its calls will see.
                if not held:
                    self._limiter.turn_away(error)
            self._tell(held)
            if not held and not self._limiter.wanted:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._more.wait()

    async def _fit(self) -> int:
        """Bring the slots that are held to what is wanted and due; how many they are."""
        self._more.clear()
        wanted = min(self._limiter.wanted, self._most)
        aim = await asyncio.to_thread(self._share.aim, wanted)
        # Some may have been lost, as when the machine slept: then fewer are held than calls are out.
        held = self._share.held
        if aim < held:
            self._limiter.allow(aim)  # first: who goes in now has no slot that is given up below
            held = await asyncio.to_thread(self._share.hold, max(aim, self._limiter.busy))
        elif aim > held:
            held = await asyncio.to_thread(self._share.hold, aim)
        self._has_enough = min(aim, held) >= wanted
        self._limiter.allow(min(aim, held))
        return held

    def _tell(self, held: int) -> None:
        """Say once that the run waits for a slot, and why it has none."""
        if held or not self._limiter.wanted:
            self._without_since = None
            return
        now = monotonic()
        self._without_since = now if self._without_since is None else self._without_since
        if self._share.others and not self._is_told and now - self._without_since >= TOLD_S:
            self._is_told = True
            others = count(self._share.others, "other user")
            told = (
                f"waits for its turn: {others} of the database had all {count(self._most, 'slot')} (`max_concurrency`)"
            )
            emit(Note(f"{self._model}: {told}"))
