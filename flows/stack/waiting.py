"""How long the parts of the stack get to start, to answer and to stop, and how that is waited for."""

import time
from collections.abc import Callable

START_S = 120.0
"""For a server or a worker that was just started: on a slow disk Prefect takes this long to import."""

HUNG_S = 30.0
"""For a server whose process runs, to answer: one that another command has just started may need a moment."""

STOP_S = 20.0
"""For a process to end when it is asked to; then it is killed."""

STOP_WORKER_S = 45.0
"""The same for a worker, which first tells the Prefect server what becomes of its runs."""

POLL_S = 0.1


def wait_until(works: Callable[[], bool], seconds: float, goes_on: Callable[[], bool] = lambda: True) -> bool:
    """Ask `works` again and again: True as soon as it holds, False after `seconds` or when `goes_on` does not hold."""
    deadline = time.monotonic() + seconds
    while not works():
        if not goes_on() or time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
