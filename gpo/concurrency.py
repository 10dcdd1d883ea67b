"""Calls at once: how they end, all or none (`gather_or_cancel`), and in what loop (`LoopThread`)."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Generic, TypeVar


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
                async with asyncio.timeout(seconds):
                    await self._home.wait()


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
