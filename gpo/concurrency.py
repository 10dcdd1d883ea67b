"""Calls at once: how many (`Limiter`), how they end, all or none (`gather_or_cancel`), in what loop (`LoopThread`)."""

import asyncio
import heapq
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar


class Limiter:
    """Lets at most `slots` callers work at once. The next is the one with the lowest priority number, then the oldest.

    Calls for the same example of many candidates thereby go out one after the other, and a server that caches
    prompt prefixes reads the example once.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def acquire(self, priority: int = 0) -> None:
        """Wait for a slot, and hold it until `release`."""
        if self._free > 0:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give a slot to whoever waits for one."""
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


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
