"""Prefect's Dask and Ray task runners for the chunks of a run: started with it, and gone with it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from dataclasses import replace
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner

from gpo.errors import GpoError, WorkerError
from gpo.formatting import count
from gpo.progress import Note, emit
from gpo.runs.run import Run
from gpo.runs.spread.chunks import ChunkSender
from gpo.spec.execution import ExecutionSpec
from tasks.spread.chunk import score_chunk

Runner = TaskRunner[Any]


@asynccontextmanager
async def spread(run: Run) -> AsyncIterator[None]:
    """Inside, the examples of a run are scored by the task runner that its spec names, if it names one.

    Raises:
        WorkerError: its processes cannot be started, or the cluster cannot be reached.
    """
    execution = run.spec.execution
    if not execution.is_spread:
        yield
        return
    runner = _RUNNERS[execution.runner](execution)
    # The flow's: a task's context would take all arguments of that task along to the other process.
    submit = copy_context()
    where = execution.address or "this machine"
    await asyncio.to_thread(_start, runner, where)
    emit(Note(f"examples are scored by {count(execution.workers or 1, 'worker')} of {execution.runner} on {where}"))
    own = run.models

    def begin(chunk: bytes) -> PrefectFuture[Any]:
        return submit.run(runner.submit, score_chunk, {"chunk": chunk})

    try:
        run.models = replace(own, elsewhere=ChunkSender(_sender(begin), run.job, own, execution.workers or 1))
        yield
    finally:
        run.models = own
        await asyncio.to_thread(_end, runner)


def _sender(begin: Callable[[bytes], PrefectFuture[Any]]) -> Callable[[bytes], Awaitable[bytes]]:
    one_at_a_time = asyncio.Lock()  # a context can be entered by one thread at a time

    async def send(chunk: bytes) -> bytes:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with one_at_a_time:
                future = await asyncio.to_thread(begin, chunk)
            future.add_done_callback(lambda _: _tell(loop, done))
            await done.wait()
            result: bytes = await asyncio.to_thread(future.result)
        except GpoError:
            raise
        except Exception as error:
            raise WorkerError(
                f"a chunk of examples was not scored: {type(error).__name__}: {error}; answers that came are kept"
            ) from error
        return result

    return send


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the run has ended, and its loop with it
        loop.call_soon_threadsafe(done.set)


def _start(runner: Runner, where: str) -> None:
    try:
        runner.__enter__()
        # Dask connects when it is first asked for its client; whether it can is to be known now.
        _ = getattr(runner, "client", None)
    except Exception as error:
        _end(runner)
        raise WorkerError(f"the workers on {where} cannot be had: {type(error).__name__}: {error}") from error


def _end(runner: Runner) -> None:
    """End what was started of the processes, also where not all of it was, or some of it died."""
    with suppress(Exception):  # what the run came to does not hang on it
        runner.__exit__(None, None, None)


def _dask(execution: ExecutionSpec) -> Runner:
    import dask  # noqa: PLC0415 - of an extra
    from distributed.security import Security  # noqa: PLC0415
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415

    if execution.address is not None:
        return DaskTaskRunner(address=execution.address)
    # Whoever reaches a scheduler can have code run, and its pages tell what runs: only who holds this run's certificate
    # does, and there are no pages.
    dask.config.set({"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []})
    own = {
        "n_workers": execution.workers,
        "threads_per_worker": 1,
        "host": "127.0.0.1",
        "security": Security.temporary(),  # type: ignore[no-untyped-call]
        "dashboard_address": "127.0.0.1:0",  # where there are no pages, on a port that nobody else has
        "scheduler_kwargs": {"dashboard": False},
        "memory_limit": 0,
        "preload": [f"{__package__}.worker"],
        "silence_logs": logging.ERROR,
    }
    return DaskTaskRunner(cluster_kwargs=own)


def _ray(execution: ExecutionSpec) -> Any:
    from prefect_ray import RayTaskRunner  # noqa: PLC0415 - of an extra

    if execution.address is not None:
        return RayTaskRunner(address=execution.address)
    return RayTaskRunner(
        init_kwargs={"num_cpus": execution.workers, "include_dashboard": False, "log_to_driver": False}
    )


_RUNNERS: dict[str, Callable[[ExecutionSpec], Runner]] = {"dask": _dask, "ray": _ray}
