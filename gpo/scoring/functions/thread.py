"""A thread for functions that may take long, or for ever: never in the way of the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Lock, Thread, current_thread
from typing import Any


@dataclass(eq=False)
class _Errand:
    """A function to run, and when it began and ended."""

    function: Callable[[], Any]
    context: Context = field(default_factory=copy_context)
    began: "Future[None]" = field(default_factory=Future)
    ended: "Future[Any]" = field(default_factory=Future)

    def run(self) -> None:
        if not self.began.set_running_or_notify_cancel():
            return
        self.began.set_result(None)
        try:
            result = self.context.run(self.function)
        except BaseException as error:  # noqa: BLE001 - whoever waits has to deal with it
            self.ended.set_exception(error)
        else:
            self.ended.set_result(result)


class TookTooLongError(Exception):
    """A function did not end within its time."""


class FunctionThread:
    """Runs functions in one thread, in order. One that takes longer than its time is left behind with its thread.

    A thread cannot be ended from outside. The next functions get a new one, and the process does not wait for the old.
    """

    def __init__(self) -> None:
        self._errands: SimpleQueue[_Errand] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._doing: _Errand | None = None

    def result(self, function: Callable[[], Any], seconds: float) -> Any:
        """What a function returns.

        Raises:
            TookTooLongError: it took longer than `seconds`.
            BaseException: whatever it raises.
        """
        errand = self._begin(function)
        errand.began.result()
        try:
            return errand.ended.result(seconds)
        except TimeoutError:
            if errand.ended.done():
                raise
            raise TookTooLongError from None
        finally:
            self._leave_behind(errand)

    async def result_soon(self, function: Callable[[], Any], seconds: float) -> Any:
        """The same for callers in an event loop, which goes on meanwhile."""
        errand = self._begin(function)
        await asyncio.wrap_future(errand.began)
        # Shielded, since the future of a thread that runs on cannot be cancelled.
        ended = asyncio.shield(asyncio.wrap_future(errand.ended))
        try:
            async with asyncio.timeout(seconds):
                return await ended
        except TimeoutError:
            if errand.ended.done():
                raise
            raise TookTooLongError from None
        finally:
            self._leave_behind(errand)

    def _begin(self, function: Callable[[], Any]) -> _Errand:
        errand = _Errand(function)
        with self._lock:
            self._errands.put(errand)
            if self._thread is None:
                self._start()
        return errand

    def _start(self) -> None:
        self._thread = Thread(target=self._work, name="gpo-metric", daemon=True)
        self._thread.start()

    def _leave_behind(self, errand: _Errand) -> None:
        """Give what waits another thread, where this one is still at an errand that nobody waits for."""
        with self._lock:
            if self._doing is errand and not errand.ended.done():
                self._doing = None
                self._start()

    def _work(self) -> None:
        while True:
            errand = self._errands.get()
            with self._lock:
                self._doing = errand
            errand.run()
            with self._lock:
                # Left behind meanwhile: another thread works now.
                if self._thread is not current_thread():
                    return
                self._doing = None
