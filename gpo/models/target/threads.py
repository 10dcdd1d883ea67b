"""Lets the candidate of a run of a program go with the threads that the program starts.

Python's tasks and LangChain's executors take the context along; a plain thread, or a pool of them, does not. There
`load_prompt` would give what is in production, and the score would be another prompt's. So while programs run, threads
begun by one, and work given to pools by one, take its context along. All other threads are left as they are.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from gpo.prompts.candidate import current_candidate

_lock = threading.Lock()
_users = 0
_start, _submit = threading.Thread.start, ThreadPoolExecutor.submit


def _start_with_context(thread: threading.Thread) -> None:
    if current_candidate() is not None:
        context, run = copy_context(), thread.run
        thread.run = lambda: context.run(run)  # type: ignore[method-assign]
    _start(thread)


def _submit_with_context(
    pool: ThreadPoolExecutor, function: Callable[..., Any], /, *arguments: Any, **options: Any
) -> "Future[Any]":
    if current_candidate() is None:
        return _submit(pool, function, *arguments, **options)
    return _submit(pool, copy_context().run, function, *arguments, **options)


@contextmanager
def context_in_threads() -> Iterator[None]:
    """Inside, what a run of a program begins in another thread knows the candidate of the run."""
    global _users  # noqa: PLW0603 - the functions of Python that are replaced are of the whole process
    with _lock:
        _users += 1
        threading.Thread.start = _start_with_context  # type: ignore[method-assign,assignment]
        ThreadPoolExecutor.submit = _submit_with_context  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                threading.Thread.start = _start  # type: ignore[method-assign]
                ThreadPoolExecutor.submit = _submit  # type: ignore[method-assign]
