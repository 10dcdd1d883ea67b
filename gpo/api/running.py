"""Runs what is asynchronous for callers that are not, also where an event loop runs already, as in a notebook.

All such calls of a process share one loop, in a thread of its own: clients of models are bound to the first loop that
they are used in.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

from gpo.errors import InputError

T = TypeVar("T")


class _Loop:
    """An event loop in a thread of this process."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="gpo-api", daemon=True)
        self.thread.start()


_LOCK = threading.Lock()
_LOOPS: list[_Loop] = []


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """What the work gives. An interrupt ends the work first: what was paid for is kept.

    Raises:
        InputError: the caller is a coroutine of the same loop, which would wait for itself.
        BaseException: whatever the work raises.
    """
    shared = _shared_loop()
    if threading.current_thread() is shared.thread:
        work.close()
        raise InputError("this is called from inside a run: await the function whose name ends in `_async`")
    ended: Future[T] = Future()
    begun: Future[asyncio.Task[None]] = Future()

    async def run() -> None:
        try:
            result = await work
        except BaseException as error:  # noqa: BLE001 - whoever waits has to deal with it
            ended.set_exception(error)
        else:
            ended.set_result(result)

    context = copy_context()
    shared.loop.call_soon_threadsafe(lambda: begun.set_result(shared.loop.create_task(run(), context=context)))
    try:
        return ended.result()
    except KeyboardInterrupt:
        if not ended.done():
            shared.loop.call_soon_threadsafe(begun.result().cancel)
            ended.exception()
        raise KeyboardInterrupt from None


def _shared_loop() -> _Loop:
    with _LOCK:
        # A forked child has the loop and not its thread.
        if not _LOOPS or _LOOPS[-1].process != os.getpid() or not _LOOPS[-1].thread.is_alive():
            _LOOPS.append(_Loop())
        return _LOOPS[-1]
