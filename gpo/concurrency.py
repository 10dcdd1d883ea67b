"""Calls at once: how many (`Limiter`), how they end, all or none (`gather_or_cancel`), in what loop (`LoopThread`)."""

import asyncio
import heapq
import itertools
import math
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Generic, TypeVar


class Limiter:
    """Lets at most `slots` callers work at once. The next is the one with the lowest priority number, then the oldest.

    Calls that begin alike can thereby go out one after the other, for a server that keeps the beginnings of prompts.
    """

    def __init__(self, slots: int) -> None:
        self.limit = slots
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
        if self._free > 0 and self.is_open():
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
    """A caller's slot of a limiter, which it may give back for a while; `began` is when it last got it."""

    def __init__(self, limiter: Limiter, priority: int = 0) -> None:
        self._limiter, self._priority, self._number = limiter, priority, limiter.next_number()
        self._is_held = False
        self.began = -math.inf

    async def take(self) -> None:
        """Wait for a slot."""
        await self._limiter.acquire(self._priority, self._number)
        self._is_held, self.began = True, asyncio.get_running_loop().time()

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


class CallsInFlight:
    """The paid calls that are out. When somebody wants to stop, no more go out, and those that are out may come home.

    All of its users run in one event loop.
    """

    def __init__(self) -> None:
        self._count = 0
        self._closed = False
        self._home = asyncio.Event()

    @property
    def count(self) -> int:
        """How many are out."""
        return self._count

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """One call; whoever comes after `come_home` waits here until it is cancelled."""
        if self._closed:
            await asyncio.get_running_loop().create_future()
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._home.set()

    async def come_home(self, seconds: float) -> None:
        """Let no more calls out, and wait `seconds` at most for those that are."""
        self._closed = True
        if self._count:
            self._home.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._home.wait(), seconds)


def after_turns(turns: int, work: Callable[[], None]) -> None:
    """Do some work when the event loop has gone round some times: whoever is ready by now has had its turn then."""
    asyncio.get_running_loop().call_soon(work if turns <= 1 else lambda: after_turns(turns - 1, work))


class LoopThread:
    """An event loop in a daemon thread of this process, begun when it is first needed.

    It is begun anew where its thread has gone, as in a forked child, which has the loop and not the thread.
    """

    def __init__(self, name: str, executor: Callable[[], ThreadPoolExecutor] | None = None) -> None:
        """Call the thread `name`; `executor` makes what the loop hands blocking work to."""
        self._name, self._executor = name, executor
        self._lock = threading.Lock()
        self._loops: list[asyncio.AbstractEventLoop] = []  # one that is left behind cannot be closed
        self._thread: threading.Thread | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, which runs."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                loop = asyncio.new_event_loop()
                if self._executor is not None:
                    loop.set_default_executor(self._executor())
                self._loops.append(loop)
                self._thread = threading.Thread(target=loop.run_forever, name=self._name, daemon=True)
                self._thread.start()
            return self._loops[-1]

    def is_current(self) -> bool:
        """Whether the caller runs in the loop."""
        return threading.current_thread() is self._thread

    def close(self, wait_s: float) -> None:
        """End the loop, unless something in it hangs for `wait_s` seconds: that ends with the process."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None and thread.is_alive():
            loop = self._loops[-1]
            loop.call_soon_threadsafe(loop.stop)
            thread.join(wait_s)
            if not thread.is_alive():
                loop.close()


T = TypeVar("T")


class Waiting(Generic[T]):
    """Those who wait, in whatever event loops, for one piece of a thread's work."""

    def __init__(self) -> None:
        self._ends: dict[asyncio.AbstractEventLoop, list[asyncio.Future[T]]] = {}

    def join(self) -> "asyncio.Future[T]":
        """What one of them awaits; that it is cancelled is nothing to the others."""
        loop = asyncio.get_running_loop()
        end: asyncio.Future[T] = loop.create_future()
        self._ends.setdefault(loop, []).append(end)
        return end

    def tell(self, work: "Future[T]") -> None:
        """Tell all of them how the work has ended, from any thread."""
        for loop, ends in self._ends.items():
            with suppress(RuntimeError):  # in a loop that is closed nobody waits
                loop.call_soon_threadsafe(_settle, ends, work)


def _settle(ends: "list[asyncio.Future[T]]", work: "Future[T]") -> None:
    error = work.exception()
    for end in ends:
        if end.done():
            continue
        if error is None:
            end.set_result(work.result())
        else:
            end.set_exception(error)


async def gather_or_cancel(*coroutines: Coroutine[Any, Any, T]) -> list[T]:
    """Results in order. The first failure cancels the others, waits for their end, and is raised as it is.

    `asyncio.gather` would leave them running, on clients that the caller is about to close.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
    return [task.result() for task in tasks]
