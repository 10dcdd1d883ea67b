"""Slots that processes share: `max_concurrency` holds for all who use a database, and not for each of them.

Each slot is a claim (`calls.py`), so that no two can hold it, and those of a process that died are free again. Whoever
has less than an even share and could use more says so; who has more then gives the surplus up as its calls end. What
nobody else wants anybody may have.
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Protocol

from sqlalchemy import Engine, select

from gpo.database.engine import read_transaction, utc_now, write_transaction
from gpo.database.tables import call_claims
from gpo.errors import StateError
from gpo.models.claims import calls as claims
from gpo.models.limiter import Limiter
from gpo.records import content_hash

LOOK_S = 0.25
"""How often somebody who uses slots looks whether others want some, or have left some."""


class Share(Protocol):
    """A part of some slots, for one user of several."""

    def aim(self, wanted: int) -> int:
        """How many to hold now, by someone who could use so many."""

    def hold(self, slots: int) -> int:
        """Hold so many slots, or as many of them as are free; how many they are."""

    def close(self) -> None:
        """Give all up, for good."""


class ShareOfSlots:
    """A part of the slots that all who use a database share under a name; its functions block."""

    def __init__(self, engine: Engine, name: str, slots: int) -> None:
        """Hold none so far; `slots` is how many there are, and has to be the same for all who use the name."""
        prefix = content_hash(["slots", name, slots], length=48)
        self._engine, self._slots = engine, slots
        self._owner = claims.new_owner()
        self._ours = call_claims.c.digest.like(f"{prefix}:%")
        # Each begins at another, so that two who look at the same time do not want the same.
        first = int(content_hash(self._owner, length=6), 16)
        self._names = dict.fromkeys(f"{prefix}:{(first + number) % slots:06}" for number in range(slots))
        self._sign = f"{prefix}:w{content_hash(self._owner, length=12)}"
        self._held: set[str] = set()
        self._taken: set[str] = set()
        self._waits = self._closed = False
        self._renewed = monotonic()
        self._lock = threading.Lock()

    def aim(self, wanted: int) -> int:
        """How many to hold now; who has less than an even share and wants more has said so then.

        Raises:
            StateError: the database cannot be used.
        """
        with self._lock:
            if self._closed:
                return 0
            self._renew()
            others = self._others()
            self._taken = {name for name, _ in others if name in self._names}
            waiting = {owner for name, owner in others if name not in self._names}
            users = {self._owner, *(owner for _, owner in others)}
            even, left = max(1, self._slots // len(users)), self._slots - len(self._taken)
            aim = min(wanted, left)
            if waiting:
                aim = min(aim, even)
            elif wanted:
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

    def _hold(self, slots: int) -> int:
        surplus = sorted(self._held)[slots:]
        if surplus:
            self._drop(surplus)
            self._held.difference_update(surplus)
        free = [name for name in self._names if name not in self._held and name not in self._taken]
        if missing := free[: max(0, slots - len(self._held))]:
            self._held |= self._claim(missing)
        return len(self._held)

    def _say(self, *, waits: bool) -> None:
        """Let others see that this one wants more than it has, or no more."""
        if waits == self._waits:
            return
        if waits:
            self._claim([self._sign])
        else:
            self._drop([self._sign])
        self._waits = waits

    def _others(self) -> list[tuple[str, str]]:
        """Names and owners of what the living others hold, signs that they wait among them; what the dead left goes."""
        held = select(call_claims).where(self._ours & (call_claims.c.owner != self._owner))
        with read_transaction(self._engine) as connection:
            found = list(connection.execute(held))
        now, dead = utc_now(), {owner for owner in {row.owner for row in found} if claims.has_died(owner)}
        lost = [row for row in found if row.owner in dead or row.until < now]
        for owner in {row.owner for row in lost}:
            self._drop([row.digest for row in lost if row.owner == owner], owner)
        return [(row.digest, row.owner) for row in found if row not in lost]

    def _renew(self) -> None:
        if monotonic() - self._renewed > claims.RENEW_S and (self._held or self._waits):
            with write_transaction(self._engine) as connection:
                claims.renew(connection, self._owner)
            self._renewed = monotonic()

    def _claim(self, names: Sequence[str]) -> set[str]:
        with write_transaction(self._engine) as connection:
            return claims.claim(connection, self._owner, names)

    def _drop(self, names: Sequence[str], owner: str = "") -> None:
        with write_transaction(self._engine) as connection:
            claims.drop(connection, owner or self._owner, names)


class SharedLimit:
    """Keeps a limiter within its share of slots, for as long as anybody works or waits there."""

    def __init__(self, limiter: Limiter, share: Share) -> None:
        """Nobody is let in before there is a share to be let into."""
        self._limiter, self._share = limiter, share
        self._most = limiter.limit
        self._keeping: asyncio.Task[None] | None = None
        self._more = asyncio.Event()
        self._has_enough = False
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
                held = await self._fit(held)
            except StateError as error:
                # Who has slots goes on: whether the database is needed, its calls will see.
                if not held:
                    self._limiter.turn_away(error)
            if not held and not self._limiter.wanted:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), LOOK_S)

    async def _fit(self, held: int) -> int:
        """Bring the slots that are held to what is wanted and due; how many they are."""
        self._more.clear()
        wanted = min(self._limiter.wanted, self._most)
        aim = await asyncio.to_thread(self._share.aim, wanted)
        if aim < held:
            self._limiter.allow(aim)  # first: who goes in now has no slot that is given up below
            held = await asyncio.to_thread(self._share.hold, max(aim, self._limiter.busy))
        elif aim > held:
            held = await asyncio.to_thread(self._share.hold, aim)
        self._has_enough = min(aim, held) >= wanted
        self._limiter.allow(min(aim, held))
        return held
