"""Ctrl-C and SIGTERM while something is paid for: heard at once, answered within seconds, and nothing paid is lost.

The work has an event loop in a thread of its own; the main thread does nothing but listen. So a signal is heard also
while the loop imports, computes or waits for a server, and no library that the work calls can take the signal's handler
away: only the main thread may set one.
"""

import asyncio
import contextvars
import math
import queue
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Generic, TypeVar

from flows.cli.signals import Interrupted, end_at_once, handling
from gpo.concurrency import CallsInFlight
from gpo.formatting import count
from gpo.models.sharing import current_shared

HOME_S = 5.0
"""How long calls that are out are waited for."""

TIDY_S = 1.5
"""How long the work may take, once it was cancelled, to say so to Prefect and to close what it has open."""

LOOK_S = 0.1
"""How often the main thread wakes. The system may give a signal to any thread, which Python only notes: until the main
thread wakes, nobody hears it."""

T = TypeVar("T")


@dataclass
class _Work(Generic[T]):
    """A coroutine on an event loop in a thread; `ended` is told when it is over."""

    make: Callable[[], Coroutine[Any, Any, T]]
    ended: Callable[[], None]
    in_flight: CallsInFlight
    loop: asyncio.AbstractEventLoop | None = None
    task: asyncio.Task[T] | None = None
    result: T | None = None
    error: BaseException | None = None
    stopping: set[asyncio.Task[None]] = field(default_factory=set)

    def run(self) -> None:
        try:
            self.result = asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self.error = error
        finally:
            self.ended()

    async def _run(self) -> T:
        self.loop, self.task = asyncio.get_running_loop(), asyncio.current_task()
        return await self.make()

    def stop(self) -> None:
        """Let what is out come home, then cancel the work; returns at once."""
        if self.loop is not None:
            with suppress(RuntimeError):  # the loop has ended in the meantime
                self.loop.call_soon_threadsafe(self._begin_to_stop)

    def _begin_to_stop(self) -> None:
        self.stopping.add(asyncio.ensure_future(self._stop()))

    async def _stop(self) -> None:
        await self.in_flight.come_home(HOME_S)
        if self.task is not None:
            self.task.cancel()


def run_interruptibly(make: Callable[[], Coroutine[Any, Any, T]], tell: Callable[[str], None]) -> T:
    """Run a coroutine to its end, in a thread with the context of this one; `tell` is told that a signal was heard.

    After the first signal no more calls go out, those that are out get `HOME_S` seconds, and the work is cancelled. A
    second one ends the process at once.

    Raises:
        Interrupted: a signal came; the work has ended, or hangs and is left to die with the process.
        Exception: whatever the coroutine raised.
    """
    heard: queue.SimpleQueue[int | None] = queue.SimpleQueue()  # may be used in a signal's handler, as few things may
    work = _Work(make, lambda: heard.put(None), current_shared().in_flight)
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work.run,), name="gpo-work", daemon=True)
    with handling(heard.put):
        thread.start()
        number = _hear(heard)
        if number is not None:
            _stop(work, number, heard, tell)
            raise Interrupted(number)
    thread.join()
    if work.error is not None:
        raise work.error
    return work.result  # type: ignore[return-value]  # there is one where there is no error


def _stop(work: _Work[Any], number: int, heard: "queue.SimpleQueue[int | None]", tell: Callable[[str], None]) -> None:
    out = work.in_flight.count
    with handling(end_at_once):
        waiting = f"waiting up to {HOME_S:g} s for {count(out, 'call')} in flight; once more ends it at once"
        tell(f"{Interrupted(number).word}: {waiting if out else 'stopping'}.")
        work.stop()
        with suppress(queue.Empty):
            while _hear(heard, HOME_S + TIDY_S if out else TIDY_S) is not None:
                pass


def _hear(heard: "queue.SimpleQueue[int | None]", wait_s: float = math.inf) -> int | None:
    """The next signal; None when the work has ended.

    Raises:
        queue.Empty: there was neither for `wait_s` seconds.
    """
    ends = monotonic() + wait_s
    while True:
        try:
            return heard.get(timeout=LOOK_S)
        except queue.Empty:
            if monotonic() >= ends:
                raise
