"""The servers of embedded language models: start, share, check, stop.

One server process serves a model file to all runs of a machine's user. Whoever needs it takes a lease, starts the
server if there is none, and gives the lease back; the server leaves when it has had no lease for a while. How the
two sides meet is in `gpo.models.local.server`.

    async with chat_server("local:smollm2-135m", settings) as endpoint:
        ChatOpenAI(base_url=endpoint.base_url, model=endpoint.model, ...)
"""

import asyncio
import importlib.metadata
import importlib.util
import math
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout

from gpo.errors import INSTALL, LocalModelError, ModelConfigError
from gpo.files import make_own
from gpo.models.local.gguf import resolve
from gpo.models.local.server import (
    Running,
    ServerFolder,
    ServerParameters,
    ServerPlan,
    healthy,
    kill,
    start,
)
from gpo.ports import HOST, is_free
from gpo.records import Record, content_hash
from gpo.settings import Settings

_POLL_S = 0.05
_UNHEALTHY_S = 15.0


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible server: `base_url` ends in `/v1`, `model` is the name to ask for."""

    base_url: str
    model: str
    key: str = field(repr=False)
    _rejoin: Callable[[], Awaitable[None]] = field(repr=False, compare=False)

    async def ensure(self) -> None:
        """Check the server and, if it died, start it again at the same address.

        Raises:
            LocalModelError: it does not start, or its port has been taken meanwhile.
        """
        await self._rejoin()


class ServerStatus(Record):
    """A server that runs now, and how many users it has."""

    model: str
    pid: int
    port: int
    users: int


@asynccontextmanager
async def chat_server(model: str, settings: Settings) -> AsyncIterator[Endpoint]:
    """Use the server of an embedded chat model, started if need be and shared with all other users.

    Args:
        model: as for `resolve`.
        settings: where servers meet, how long one may take to start, how long it outlives its last user, its threads.

    Raises:
        ModelConfigError: the model cannot be used as named, or the `local` extra is not installed.
        LocalModelError: wrong checksum, or the server did not start; the message ends with its log.
    """
    path = await asyncio.to_thread(resolve, model)
    if importlib.util.find_spec("xllamacpp") is None:
        raise ModelConfigError(f"{model}: embedded chat models need the package xllamacpp: {INSTALL}")
    plan = _plan(model, path, settings)
    folder = ServerFolder(plan.folder)
    lease = folder.leases.new()
    try:
        running = await _join(plan, lease)

        async def rejoin() -> None:
            again = await _join(plan.model_copy(update={"port": running.port, "key": running.key}), lease)
            if (again.port, again.key) != (running.port, running.key):
                raise LocalModelError(
                    f"{plan.model}: the server died and port {running.port} was taken before it was back; run again"
                )

        yield Endpoint(base_url=f"http://{HOST}:{running.port}/v1", model=plan.model, key=running.key, _rejoin=rejoin)
    finally:
        folder.leases.end(lease)


def status(settings: Settings) -> list[ServerStatus]:
    """The servers that run now. One that is being started at this moment is left out."""
    found = []
    for path in sorted(settings.runtime_dir.glob("*/server.json")):
        folder = ServerFolder(path.parent)
        with suppress(Timeout), folder.start_lock().acquire(timeout=1.0):
            running = folder.running()
            if running and folder.alive():
                found.append(
                    ServerStatus(
                        model=running.model, pid=running.pid, port=running.port, users=folder.leases.look().alive
                    )
                )
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _plan(model: str, path: Path, settings: Settings) -> ServerPlan:
    # A thread that has to wait for a core stalls all others: with every core taken, one busy neighbour makes the
    # model 10 to 20 times slower. One core is left to those who ask.
    parameters = ServerParameters(threads=settings.local_threads or max(1, _cores() - 1))
    name = Path(model.removeprefix("local:").partition(".gguf")[0]).name
    short = re.sub(r"[^A-Za-z0-9._-]", "-", name)[:40]
    identity = content_hash([str(path), path.stat().st_size, parameters.model_dump()])
    return ServerPlan(
        folder=settings.runtime_dir.absolute() / f"{short}-{identity}",
        path=path,
        model=short,
        port=0,
        idle_s=settings.local_idle_s,
        start_s=settings.local_start_s,
        parameters=parameters,
    )


async def _join(plan: ServerPlan, lease: FileLock) -> Running:
    """Take the lease, anew if it is held, and return the server, started if need be."""
    folder = ServerFolder(plan.folder)
    _make_private(folder)
    async with _start_lock(folder, wait_s=2 * plan.start_s):
        lease.release()
        lease.acquire(blocking=False)
        return await _server(folder, plan)


def _make_private(folder: ServerFolder) -> None:
    try:
        for path in (folder.path.parent, folder.path, folder.leases.folder):
            make_own(path)
    except OSError as error:
        raise LocalModelError(
            f"{folder.path}: the folder of the embedded model server cannot be used: {error.strerror}; "
            "set GPO_RUNTIME_DIR to a folder of your own"
        ) from None


@asynccontextmanager
async def _start_lock(folder: ServerFolder, wait_s: float) -> AsyncIterator[None]:
    lock = folder.start_lock()
    deadline = time.monotonic() + wait_s
    while True:
        with suppress(Timeout):
            lock.acquire(blocking=False)
            break
        if time.monotonic() > deadline:
            raise LocalModelError(f"{folder.path}: another process has held start.lock for {wait_s:g} s; end it first")
        await asyncio.sleep(_POLL_S)
    try:
        yield
    finally:
        lock.release()


async def _server(folder: ServerFolder, plan: ServerPlan) -> Running:
    """The healthy server of the folder. Call it with the start lock held.

    A server may be starting already, left by a starter that died: it is waited for like our own.
    """
    child: subprocess.Popen[bytes] | None = None
    deadline, sick_since = time.monotonic() + plan.start_s, math.inf
    while True:
        running, alive, now = folder.running(), folder.alive(), time.monotonic()
        if not alive and child is None:
            port, key = plan.port or (running.port if running else 0), plan.key or (running.key if running else "")
            folder.announce(None)
            again = plan.model_copy(update={"port": port if is_free(port) else 0, "key": key})
            child = await asyncio.to_thread(start, again)
        elif not alive and child is not None and child.poll() is not None:
            _failed(folder, plan, f"ended with exit code {child.returncode}")
        elif alive and running:
            well = await asyncio.to_thread(healthy, running.port)
            if well:
                return running
            sick_since = min(sick_since, now)
            if now - sick_since > _UNHEALTHY_S:
                kill(running)
                child, deadline, sick_since = None, now + plan.start_s, math.inf
        if now > deadline:
            if child is not None:
                child.kill()
            _failed(folder, plan, f"was not ready after {plan.start_s:g} s (GPO_LOCAL_START_S)")
        await asyncio.sleep(_POLL_S)


def _failed(folder: ServerFolder, plan: ServerPlan, what: str) -> NoReturn:
    raise LocalModelError(
        f"{plan.model}: the embedded model server {what}; model {plan.path}, log {folder.log}:\n{folder.log_tail()}"
    )
