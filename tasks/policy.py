"""Options of Prefect tasks: when a step is retried, and the cache key under which its result is found again."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import httpx
from prefect.cache_policies import CacheKeyFnPolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.tasks import Task, exponential_backoff
from prefect.utilities.annotations import quote
from pydantic import BaseModel

from gpo.errors import StateError, is_transient
from gpo.records import content_hash
from gpo.runs.run import Run
from gpo.search.state import Search

T = TypeVar("T")


def opaque(value: T) -> T:
    """The value as an argument of a task that Prefect hands on without looking inside.

    Prefect walks through every argument in search of futures: of a search that holds all scores so far, this takes
    seconds, and longer at each step.
    """
    return cast("T", quote(value))


def step_key(context: TaskRunContext, parameters: Mapping[str, Any]) -> str:
    """Cache key of one step: task, run (which holds spec, data and the version of the code) and all arguments.

    Prefect's own input hash leaves out the task's identity and the code that it calls.
    """
    run: Run = parameters["run"]
    arguments = {name: _plain(value) for name, value in parameters.items() if name != "run"}
    return f"gpo-{context.task.name}-{run.key}-{content_hash(arguments, length=24)}"


def _plain(value: object) -> object:
    if isinstance(value, quote):
        value = value.unquote()
    if isinstance(value, Search):
        return value.digest
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)
    return value


async def may_succeed(task: Task[Any, Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed step is worth repeating."""
    del task, task_run
    return is_transient(await state.aresult(raise_on_failure=False))


async def may_pass(task: Task[Any, Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether a step that may be done twice is worth repeating: also when the database or Prefect was away."""
    del task, task_run
    failure = await state.aresult(raise_on_failure=False)
    return is_transient(failure) or isinstance(failure, StateError | httpx.HTTPError)


RESUMABLE: dict[str, Any] = {
    "cache_policy": CacheKeyFnPolicy(cache_key_fn=step_key),
    "persist_result": True,
    "result_serializer": "json",
}
"""Options of a step whose result is kept: a run that died goes on after it."""

RETRIED: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=5),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": may_succeed,
}
"""Options of a step that calls models, on top of the `max_retries` of each call: for outages, not for hiccups."""

PATIENT: dict[str, Any] = {**RETRIED, "retry_condition_fn": may_pass}
"""Options of a step that writes to the database what may be written twice: for outages of minutes."""

PAID: dict[str, Any] = {**RESUMABLE, **RETRIED}
"""Options of a step that pays. What was answered before a failure is in the ledger and not paid for again."""
