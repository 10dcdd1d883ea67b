"""How many calls of a model are out at once: as many as a spec allows, and fewer while its server is busy."""

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable


class Limiter:
    """Lets at most `slots` callers work at once. The next is the one with the lowest priority number, then the oldest.

    Calls that begin alike can thereby go out one after the other, for a server that keeps the beginnings of prompts.
    """

    def __init__(self, slots: int, group: int = 1) -> None:
        """Let in those who wait when there is room for a `group` of them, together."""
        self.limit = slots
        self._group = group
        self.on_wait: Callable[[], None] | None = None
        """What is called when somebody has to wait."""
        self._free = slots  # below zero while more are at work than may go in now
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def busy(self) -> int:
        """How many are at work."""
        return self.limit - self._free

    @property
    def wanted(self) -> int:
        """How many are at work, or would be if there were slots enough."""
        return self.busy + sum(not turn.done() for _, _, turn in self._waiting)

    def allow(self, slots: int) -> None:
        """Let at most so many in from now on."""
        self._change_limit(slots)

    def turn_away(self, error: Exception) -> None:
        """Raise an error for all who wait."""
        for _, _, turn in self._waiting:
            if not turn.done():
                turn.set_exception(error)
        self._waiting.clear()

    def next_number(self) -> int:
        """The number of the next who comes."""
        return next(self._order)

    async def acquire(self, priority: int = 0, number: int | None = None) -> None:
        """Wait for a slot, and hold it until `release`; who comes again with its old `number` stands where it stood."""
        if self._free > 0 and not self._waiting and self.is_open():
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, self.next_number() if number is None else number, turn))
        if self.on_wait is not None:
            self.on_wait()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release()
            raise

    def release(self) -> None:
        """Give a slot to whoever waits for one."""
        self._free += 1
        self._let_in()

    def _change_limit(self, limit: int) -> None:
        self._free += limit - self.limit
        self.limit = limit
        self._let_in()

    def _let_in(self) -> None:
        if self._free < self._group:
            return
        while self._waiting and self._free > 0 and self.is_open():
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                self._free -= 1
                turn.set_result(None)

    def is_open(self) -> bool:
        """Whether anybody may go in now."""
        return True


_SLOWER, _LATER = 2.0, 1.1
"""A limit grows while calls take no more than so many times the quickest round's time, which is forgotten slowly."""
_LEAST_ROUND = 8


class AdaptiveLimiter(Limiter):
    """Lets at most `slots` callers work at once, and fewer while the server that they call has too much to do.

    The limit is halved when a call comes back as too much, once for all calls that had gone out before. It grows again
    by an eighth when as many calls as it lets in went well, unless they took twice the time of the quickest such round.
    """

    def __init__(self, slots: int) -> None:
        super().__init__(slots)
        self._slots = self._allowed = self._bearable = slots
        self._halved_at = self._closed_until = -math.inf
        self._round: list[float] = []
        self._quickest = math.inf

    def too_much(self, began: float, retry_after: float = 0.0) -> None:
        """A call that went out at `began`, by the loop's clock, was too much; `retry_after` seconds none goes out."""
        loop = asyncio.get_running_loop()
        if retry_after:
            self._closed_until = max(self._closed_until, loop.time() + retry_after)
            loop.call_at(self._closed_until, self._reopen, self._closed_until)
        if began > self._halved_at:
            self._halved_at = loop.time()
            self._resize(max(1, self.limit // 2))

    def went_well(self, seconds: float) -> None:
        """A call was answered within so many seconds."""
        self._round.append(seconds)
        if len(self._round) < max(self.limit, _LEAST_ROUND):
            return
        took = sum(self._round) / len(self._round)
        self._quickest = min(self._quickest * _LATER, took)
        is_slower = took > _SLOWER * self._quickest
        self._resize(self._bearable if is_slower else min(self._slots, self._bearable + max(1, self._bearable // 8)))

    def allow(self, slots: int) -> None:
        """Let at most so many in from now on, and fewer while that is too much."""
        self._allowed = slots
        self._change_limit(min(self._bearable, slots))

    def _resize(self, limit: int) -> None:
        self._round.clear()
        self._bearable = limit
        self._change_limit(min(limit, self._allowed))

    def _reopen(self, closed_until: float) -> None:
        if self._closed_until <= closed_until:  # nobody has closed it for longer since
            self._closed_until = -math.inf
            self._let_in()

    def is_open(self) -> bool:
        """Whether no server has asked for a pause that is not over."""
        # Not by the clock: a loop may call a moment too early, and nobody would call again.
        return self._closed_until == -math.inf


class Place:
    """A caller's slot of a limiter, which it may give back for a while; `began` is when its call last went out."""

    def __init__(self, limiter: Limiter, priority: int = 0) -> None:
        self._limiter, self._priority, self._number = limiter, priority, limiter.next_number()
        self._is_held = False
        self.began = -math.inf

    async def take(self) -> None:
        """Wait for a slot."""
        await self._limiter.acquire(self._priority, self._number)
        self._is_held = True
        self.begin()

    def begin(self) -> None:
        """The call goes out now: what it waited for besides the slot says nothing about its server."""
        self.began = asyncio.get_running_loop().time()

    async def rest(self, seconds: float) -> None:
        """Let others have it for so long, then wait for one again; where nobody may go in, that is the pause."""
        self.leave()
        if self._limiter.is_open():
            await asyncio.sleep(seconds)
        await self.take()

    def leave(self) -> None:
        """Give it back, if it is held."""
        if self._is_held:
            self._is_held = False
            self._limiter.release()


def after_turns(turns: int, work: Callable[[], None]) -> None:
    """Do some work when the event loop has gone round some times: whoever is ready by now has had its turn then."""
    asyncio.get_running_loop().call_soon(work if turns <= 1 else lambda: after_turns(turns - 1, work))
