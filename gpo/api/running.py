"""Runs what is asynchronous for callers that are not, also where an event loop runs already, as in a notebook.

All such calls of a process share one loop, in a thread of its own: clients of models are bound to the first loop that
they are used in.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

from gpo.concurrency import LoopThread
from gpo.errors import InputError

T = TypeVar("T")


_SHARED = LoopThread("gpo-api")


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """What the work gives. An interrupt ends the work first: what was paid for is kept.

    Raises:
        InputError: the caller is a coroutine of the same loop, which would wait for itself.
        BaseException: whatever the work raises.
    """
    if _SHARED.is_current():
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

    context, loop = copy_context(), _SHARED.loop()
    loop.call_soon_threadsafe(lambda: begun.set_result(loop.create_task(run(), context=context)))
    try:
        return ended.result()
    except KeyboardInterrupt:
        if not ended.done():
            loop.call_soon_threadsafe(begun.result().cancel)
            ended.exception()
        raise KeyboardInterrupt from None
