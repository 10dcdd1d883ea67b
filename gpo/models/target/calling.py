"""Runs a program once, within its time, apart from the loop of the search: whatever it does, the search goes on.

All runs share one event loop, in a thread of its own that lives as long as the process: clients that a program keeps
are bound to the loop that first used them. Functions that are not async get a thread each. A thread cannot be ended
from outside: one that hangs is left behind, and no process waits for it.
"""

import asyncio
import atexit
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages

from gpo.concurrency import LoopThread
from gpo.errors import TargetError
from gpo.formatting import shorten_value
from gpo.messages.message import InputValue
from gpo.models.target.load import Program
from gpo.scoring.functions.printing import printing_to_stderr

_LEAVING_S = 1.0


def as_given(inputs: Mapping[str, InputValue]) -> dict[str, Any]:
    """The inputs of an example as a program takes them: a text, or messages as dicts."""
    return {name: value if isinstance(value, str) else _as_dicts(value) for name, value in inputs.items()}


async def run_program(program: Program, given: Mapping[str, Any], seconds: float) -> Any:
    """What a program returns for the inputs of an example. What it prints goes to stderr.

    Raises:
        TargetError: it took longer than `seconds`.
        BaseException: whatever it raises.
    """
    with printing_to_stderr():
        running = _begin(program, dict(given))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(running)
        except TimeoutError:
            if running.done() and not running.cancelled():
                raise
            raise TargetError(f"it took longer than `target.timeout_s`, {seconds:g} s") from None


def _begin(program: Program, given: dict[str, Any]) -> "Future[Any]":
    run = program.run
    if program.is_runnable:
        return _in_loop(lambda: run.ainvoke(given))
    named = program.by_name
    call = partial(run, given) if named is None else partial(run, **{name: given[name] for name in named})
    if inspect.iscoroutinefunction(run) or inspect.iscoroutinefunction(getattr(run, "__call__", None)):  # noqa: B004
        return _in_loop(call)
    return _in_thread(lambda: _finished(call()))


def _as_dicts(messages: Any) -> list[dict[str, str]]:
    return [{"role": each.role, "content": each.text} for each in messages]


def _finished(result: Any) -> Any:
    """The result; that of a promise is waited for, in the loop of all programs."""
    if not inspect.isawaitable(result):
        return result
    return _in_loop(lambda: result).result()


def _in_thread(function: Callable[[], Any]) -> "Future[Any]":
    """Run a function in a thread of its own, which knows the context of the caller."""
    context, ended = copy_context(), Future[Any]()

    def work() -> None:
        try:
            result = context.run(function)
        except BaseException as error:  # noqa: BLE001 - whoever waits has to deal with it
            with suppress(Exception):  # nobody waits any more
                ended.set_exception(_told(error))
        else:
            with suppress(Exception):
                ended.set_result(result)

    threading.Thread(target=work, name="gpo-target", daemon=True).start()
    return ended


def _told(error: BaseException) -> Exception:
    """An error that no loop takes for its own end."""
    return error if isinstance(error, Exception) else TargetError(f"it raised {type(error).__name__}({error})")


class _LeavingPool(ThreadPoolExecutor):
    """What the loop hands blocking work to: a thread for each, for which the end of the process does not wait."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> "Future[Any]":
        return _in_thread(lambda: function(*arguments, **options))


def _in_loop(make: Callable[[], Awaitable[Any]]) -> "Future[Any]":
    """Run what `make` makes in the loop of all programs, with the context of the caller."""

    async def run() -> Any:
        try:
            return await make()
        except (SystemExit, KeyboardInterrupt) as error:
            raise _told(error) from error

    return asyncio.run_coroutine_threadsafe(run(), _LOOP.loop())


_LOOP = LoopThread("gpo-targets", lambda: _LeavingPool(max_workers=1))
atexit.register(_LOOP.close, _LEAVING_S)


def read_text(result: Any, output: str | None) -> str:
    """The answer in what a program returned.

    >>> read_text({"answer": "4", "documents": []}, "answer")
    '4'

    Raises:
        TargetError: there is no text where it should be.
    """
    if output is not None:
        if not isinstance(result, Mapping) or output not in result:
            raise TargetError(f"it returned {_kind(result)} without {output!r}, which `target.output` names")
        result = result[output]
    elif isinstance(result, Mapping) and isinstance(result.get("messages"), list) and result["messages"]:
        result = result["messages"][-1]
    if isinstance(result, BaseMessage):
        return str(result.text)
    if isinstance(result, str):
        return str(result)
    if isinstance(result, list) and result and all(isinstance(each, BaseMessage) for each in result):
        return str(convert_to_messages(result)[-1].text)
    hint = "; name the key of the answer in `target.output`" if isinstance(result, Mapping) else ""
    raise TargetError(f"it returned {_kind(result)}, which is no text{hint}: {shorten_value(result)}")


def _kind(result: Any) -> str:
    if isinstance(result, Mapping):
        return f"a mapping with {', '.join(map(repr, result)) or 'nothing'}"
    return "None" if result is None else type(result).__name__
