"""Groups of steps: in the graph of a run each is one bar, which opens to show what happened inside.

A task that calls tasks is such a bar, and costs milliseconds. A subflow looks the same and takes the server a quarter
of a second and more.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.policy import opaque

T = TypeVar("T")


async def group(name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do the work of several steps as one bar of the graph."""
    done: T = await _group(name, opaque(work))
    return done


@task(name="group", task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
async def _group(name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    del name
    return await work()
