"""`gpo up`, step by step: begin what does not run, side by side, and see that it works."""

import hashlib
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from flows.stack import POOL
from flows.stack.environment import api_auth, own_environment
from flows.stack.parts import (
    CHROMA,
    POOL_LIMIT,
    PROMPTS,
    SERVER,
    WORKER,
    PrefectApi,
    StackPart,
    chroma,
    deploy_command,
    log_of,
    prompts,
    worker_command,
    worker_name,
)
from flows.stack.process import HOST, first_error, free_port, is_alive, runs_of, start, stop
from flows.stack.record import Process, Stack, last_stack, write_stack
from flows.stack.ui import USUAL_PORT, PrefectServer, await_server, begin_server
from gpo.errors import StateError
from gpo.settings import load_settings

PREFECT_FILE = "prefect.yaml"
STOP_S = 15.0
STOP_WORKER_S = 45.0
_START_S = 120.0
_HUNG_S = 15.0
_DEPLOY_S = 240.0
_POLL_S = 0.1
_NEVER = "0001-01-01T00:00:00+00:00"
_EMPTY = Stack(api_url="", ui_url="", chroma_url="", prompts_url="", processes={})

State = Literal["runs", "started", "restarted", "stopped"]


class Change(NamedTuple):
    """What became of a part. `where` is its address, or empty."""

    name: str
    state: State
    where: str
    log: str


class Started(NamedTuple):
    """The running stack, what was done for it, whether it was deployed to, and how many runs begin again."""

    stack: Stack
    changes: tuple[Change, ...]
    deployed: bool
    resumed: int


def change_of(stack: Stack, name: str, state: State) -> Change:
    """A part with its address and its log."""
    urls = {SERVER: stack.ui_url, CHROMA: stack.chroma_url, PROMPTS: f"{stack.prompts_url}/v1/prompts"}
    return Change(name, state, urls.get(name, ""), str(stack.processes[name].log))


class _Deploying(NamedTuple):
    process: subprocess.Popen[bytes]
    digest: str
    log: Path


class Start:
    """One `up` under the stack's lock: the record as it grows, and what was done."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._known = last_stack(home) or _EMPTY
        self._stack = self._known
        self._states: dict[str, State] = {}
        self._resumed = 0

    def raise_all(self, workers: int | None, port: int | None) -> Started:
        """Do it all; the arguments are those of `up`."""
        numbers = self._numbers(workers)
        server = self._begin_server(port)
        servers = self._begin_servers(port)
        self._end_strangers(numbers)
        began = datetime.now(UTC)
        new = [name for name in numbers if self._begin(name, worker_command(name), self._environment())]
        deploying = self._begin_deploying()
        try:
            self._see_them_work(server, servers, new, began)
            if deploying is not None:
                self._await_deployed(deploying)
        finally:
            if deploying is not None and deploying.process.poll() is None:
                deploying.process.kill()
                deploying.process.wait()
        # Workers that are no longer wanted are told of once.
        every = self._stack.model_copy(update={"processes": {**self._known.processes, **self._stack.processes}})
        changes = tuple(change_of(every, name, self._states.get(name, "stopped")) for name in every.processes)
        return Started(self._stack, changes, deploying is not None, self._resumed)

    def _see_them_work(self, server: PrefectServer, servers: list[StackPart], new: list[str], began: datetime) -> None:
        self._make_database()
        for part in servers:
            self._await(part)
        await_server(self._home, server)
        with PrefectApi(self._stack.api_url, api_auth()) as api:
            self._until(POOL, SERVER, lambda: _made(api))
            if len(new) == sum(name.startswith(WORKER) for name in self._stack.processes):
                # No worker of before is left that would tell what became of its runs.
                dead = api.interrupted(POOL, began, runs_of(self._home).keys())
                self._resumed = sum(api.resume(run) for run in dead)
            self._await_workers(api, new, began)

    def _numbers(self, workers: int | None) -> list[str]:
        had = sum(name.startswith(WORKER) for name in self._known.processes)
        return [worker_name(number) for number in range(1, (had or 1 if workers is None else workers) + 1)]

    def _begin_server(self, port: int | None) -> PrefectServer:
        before = self._known.processes.get(SERVER)
        server, is_new = begin_server(self._home, port or urlsplit(self._known.api_url).port or USUAL_PORT)
        process = server.process(self._home)
        is_ours = is_new or (before is not None and before.owned and before.pid == process.pid)
        self._note(SERVER, process.model_copy(update={"owned": is_ours}), is_new=is_new)
        self._write(api_url=f"{server.url}/api", ui_url=server.url)
        return server

    def _begin_servers(self, wanted: int | None) -> list[StackPart]:
        first = (urlsplit(self._stack.api_url).port or USUAL_PORT) + 1
        parts = []
        for name, known, make in (
            (CHROMA, self._known.chroma_url, chroma),
            (PROMPTS, self._known.prompts_url, prompts),
        ):
            port, process = urlsplit(known).port, self._known.processes.get(name)
            if process is not None and is_alive(process):
                part = make(self._home, HOST, port or 0)
                if self._works(part):
                    self._note(name, process, is_new=False)
                    continue
                stop([process], STOP_S)
            part = make(self._home, HOST, free_port(first if wanted else port or first))
            first = (urlsplit(part.url).port or first) + 1
            self._write(**{f"{name}_url": part.url})
            self._begin(name, part.command, own_environment())
            parts.append(part)
        return parts

    def _works(self, part: StackPart) -> bool:
        """Whether a part whose process runs answers; one that an `up` began which was killed may need a moment."""
        deadline = time.monotonic() + _HUNG_S
        while not part.works():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def _end_strangers(self, numbers: list[str]) -> None:
        """Stop workers that are too many, or that work with other addresses than those of now."""
        moved = (self._known.api_url, self._known.chroma_url) != (self._stack.api_url, self._stack.chroma_url)
        ending = {
            name: process
            for name, process in self._known.processes.items()
            if name.startswith(WORKER) and (moved or name not in numbers)
        }
        stop(ending.values(), STOP_WORKER_S)
        self._write(processes={name: each for name, each in self._stack.processes.items() if name not in ending})

    def _begin(self, name: str, command: tuple[str, ...], environment: Mapping[str, str]) -> bool:
        """Start a part that does not run; whether it was started."""
        process = self._stack.processes.get(name)
        if process is not None and is_alive(process):
            self._note(name, process, is_new=False)
            return False
        if process is not None:
            stop([process], STOP_S)  # what is left of its children
        process = start(command, environment, log_of(self._home, name))
        try:
            self._note(name, process, is_new=True)
        except OSError:
            stop([process], STOP_S)  # what is not written down could never be stopped
            raise
        return True

    def _note(self, name: str, process: Process, *, is_new: bool) -> None:
        again = name in self._known.processes
        self._states[name] = "runs" if not is_new else "restarted" if again else "started"
        self._write(processes={**self._stack.processes, name: process})

    def _write(self, **changes: object) -> None:
        stack = self._stack.model_copy(update=changes)
        if stack != self._stack:
            self._stack = stack
            write_stack(self._home, stack)

    def _environment(self) -> dict[str, str]:
        """Of workers, their runs and deployments: one state folder, one database, one Chroma, one Prefect server."""
        return {
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            **own_environment(),
            "GPO_HOME": str(self._home),
            "GPO_CHROMA_URL": self._stack.chroma_url,
            "PREFECT_API_URL": self._stack.api_url,
            "PREFECT_UI_URL": self._stack.ui_url,
        }

    def _begin_deploying(self) -> "_Deploying | None":
        digest = deployed_from(Path.cwd() / PREFECT_FILE)
        if digest in ("", self._known.deployed):
            return None
        log = log_of(self._home, "deploy")
        with log.open("wb") as out:
            # Not apart: whoever interrupts `up` interrupts it, and the next one does it again.
            process = subprocess.Popen(  # noqa: S603 - our own command
                deploy_command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self._environment()
            )
        return _Deploying(process, digest, log)

    def _make_database(self) -> None:
        """So that the prompt endpoint has one to read, and the first runs need not make it at the same time."""
        from gpo.database.engine import open_database  # noqa: PLC0415 - half a second, while the server starts

        open_database(load_settings().database_for(self._home)).dispose()

    def _await(self, part: StackPart) -> None:
        self._until(part.name, part.name, part.works)

    def _await_workers(self, api: PrefectApi, names: list[str], began: datetime) -> None:
        def heard() -> bool:
            times = api.workers(POOL)
            return all(datetime.fromisoformat(times.get(name) or _NEVER) >= began for name in names)

        if names:
            self._until(", ".join(names), names[0], heard)

    def _until(self, what: str, name: str, works: Callable[[], bool]) -> None:
        process, deadline = self._stack.processes[name], time.monotonic() + _START_S
        while not works():
            if not is_alive(process) or time.monotonic() > deadline:
                stop([process] if process.owned else [], STOP_S)
                raise StateError(f"{what} did not start ({first_error(process.log)}); its log: {process.log}")
            time.sleep(_POLL_S)

    def _await_deployed(self, deploying: "_Deploying") -> None:
        process, digest, log = deploying
        if process.wait(_DEPLOY_S) != 0:
            raise StateError(f"{PREFECT_FILE} was not deployed ({first_error(log)}); its log: {log}")
        self._write(deployed=digest)


def _made(api: PrefectApi) -> bool:
    api.make_pool(POOL, POOL_LIMIT)
    return True


def deployed_from(path: Path) -> str:
    """Of what deployments come from: the file, and the modules of its flows with their parameters; empty without it."""
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    digest = hashlib.sha256(str(path).encode() + b"\0" + content)
    for name in sorted(set(re.findall(rb"^\s*entrypoint:\s*flows\.(\w+)\.", content, re.MULTILINE))):
        digest.update((Path(__file__).parents[1] / f"{name.decode()}.py").read_bytes())
    return digest.hexdigest()
