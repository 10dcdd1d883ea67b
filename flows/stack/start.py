"""`gpo up`, step by step: start what does not run, side by side, and see that it works."""

import hashlib
import re
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from flows.stack import POOL
from flows.stack.environment import api_auth, make_keys, own_environment, use_server
from flows.stack.parts import (
    CHROMA,
    POOL_LIMIT,
    PROMPTS,
    SERVER,
    WORKER,
    PrefectApi,
    StackPart,
    chroma_part,
    deploy_command,
    log_path,
    prompts_part,
    worker_command,
    worker_name,
)
from flows.stack.process import find_run_processes, first_error, is_alive, start, stop
from flows.stack.record import Process, Stack, read_last_stack, write_stack
from flows.stack.server_users import PrefectServer, keep_path
from flows.stack.ui import USUAL_PORT, await_server, find_or_start_server
from flows.stack.waiting import HUNG_S, START_S, STOP_S, STOP_WORKER_S, wait_until
from gpo.errors import StateError
from gpo.ports import HOST, find_free_port
from gpo.settings import load_settings

PREFECT_FILE = "prefect.yaml"
_DEPLOY_S = 240.0
_NEVER = "0001-01-01T00:00:00+00:00"
_EMPTY = Stack(api_url="", ui_url="", chroma_url="", prompts_url="", processes={})

PartState = Literal["runs", "started", "restarted", "stopped"]


class PartStatus(NamedTuple):
    """What became of a part. `where` is its address, or empty."""

    name: str
    state: PartState
    where: str
    log: str


class StartReport(NamedTuple):
    """The running stack, what was done for it, whether it was deployed to, and how many runs begin again."""

    stack: Stack
    changes: tuple[PartStatus, ...]
    deployed: bool
    resumed: int


def part_status(stack: Stack, name: str, state: PartState) -> PartStatus:
    """A part with its address and its log."""
    urls = {SERVER: stack.ui_url, CHROMA: stack.chroma_url, PROMPTS: f"{stack.prompts_url}/v1/prompts"}
    return PartStatus(name, state, urls.get(name, ""), str(stack.processes[name].log))


class _DeployProcess(NamedTuple):
    process: subprocess.Popen[bytes]
    digest: str
    log: Path


class StackStart:
    """One `up` under the stack's lock: the record as it grows, and what was done."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._known = read_last_stack(home) or _EMPTY
        self._stack = self._known
        self._states: dict[str, PartState] = {}
        self._resumed = 0

    def start_all(self, workers: int | None, port: int | None) -> StartReport:
        """Do it all; the arguments are those of `up`."""
        names = self._worker_names(workers)
        server = self._start_server(port)
        servers = self._start_chroma_and_prompts(port)
        self._stop_other_workers(names)
        since = datetime.now(UTC)
        new = [name for name in names if self._start_part(name, worker_command(name), self._worker_environment())]
        deploying = self._start_deploying()
        try:
            self._await_parts(server, servers, new, since)
            if deploying is not None:
                self._await_deploying(deploying)
        finally:
            if deploying is not None and deploying.process.poll() is None:
                deploying.process.kill()
                deploying.process.wait()
        # Workers that are no longer wanted are told of once.
        every = self._stack.model_copy(update={"processes": {**self._known.processes, **self._stack.processes}})
        changes = tuple(part_status(every, name, self._states.get(name, "stopped")) for name in every.processes)
        return StartReport(self._stack, changes, deploying is not None, self._resumed)

    def _await_parts(self, server: PrefectServer, servers: list[StackPart], new: list[str], since: datetime) -> None:
        self._make_database()
        for part in servers:
            self._wait_for(part.name, part.name, part.works)
        await_server(self._home, server)
        with PrefectApi(self._stack.api_url, api_auth()) as api:
            api.make_pool(POOL, POOL_LIMIT)
            if len(new) == sum(name.startswith(WORKER) for name in self._stack.processes):
                # No worker of before is left that would tell what became of its runs.
                dead = api.find_interrupted_runs(POOL, since, find_run_processes(self._home).keys())
                self._resumed = sum(api.resume(run) for run in dead)
            self._await_workers(api, new, since)

    def _worker_names(self, workers: int | None) -> list[str]:
        had = sum(name.startswith(WORKER) for name in self._known.processes)
        return [worker_name(number) for number in range(1, (had or 1 if workers is None else workers) + 1)]

    def _start_server(self, port: int | None) -> PrefectServer:
        before = self._known.processes.get(SERVER)
        was_to_stay = keep_path(self._home).exists()
        server, is_new = find_or_start_server(self._home, port or urlsplit(self._known.api_url).port or USUAL_PORT)
        process = server.process(self._home)
        # One that a run has started would have ended with its last user, and stays for the stack alone.
        is_ours = is_new or not was_to_stay or (before is not None and before.owned and before.pid == process.pid)
        self._record_part(SERVER, process.model_copy(update={"owned": is_ours}), is_new=is_new)
        self._update_record(api_url=f"{server.url}/api", ui_url=server.url)
        use_server(self._home, server.url)
        return server

    def _start_chroma_and_prompts(self, wanted: int | None) -> list[StackPart]:
        first = (urlsplit(self._stack.api_url).port or USUAL_PORT) + 1
        make_keys(self._home)
        parts = []
        for name, known, make in (
            (CHROMA, self._known.chroma_url, chroma_part),
            (PROMPTS, self._known.prompts_url, prompts_part),
        ):
            port, process = urlsplit(known).port, self._known.processes.get(name)
            if process is not None and is_alive(process):
                part = make(self._home, HOST, port or 0)
                if wait_until(part.works, HUNG_S) and part.has_key():
                    self._record_part(name, process, is_new=False)
                    continue
                stop([process], STOP_S)
            part = make(self._home, HOST, find_free_port(first if wanted else port or first))
            first = (urlsplit(part.url).port or first) + 1
            self._update_record(**{f"{name}_url": part.url})
            self._start_part(name, part.command, own_environment())
            parts.append(part)
            if name == PROMPTS:
                self._update_record(reports_url=f"{part.url}/reports" if load_settings().reports_key else "")
        return parts

    def _stop_other_workers(self, wanted: list[str]) -> None:
        """Stop workers that are too many, or that work with other addresses than those of now."""
        moved = (self._known.api_url, self._known.chroma_url) != (self._stack.api_url, self._stack.chroma_url)
        ending = {
            name: process
            for name, process in self._known.processes.items()
            if name.startswith(WORKER) and (moved or name not in wanted)
        }
        stop(ending.values(), STOP_WORKER_S)
        self._update_record(
            processes={name: each for name, each in self._stack.processes.items() if name not in ending}
        )

    def _start_part(self, name: str, command: tuple[str, ...], environment: Mapping[str, str]) -> bool:
        """Start a part that does not run; whether it was started."""
        process = self._stack.processes.get(name)
        if process is not None and is_alive(process):
            self._record_part(name, process, is_new=False)
            return False
        if process is not None:
            stop([process], STOP_S)  # what is left of its children
        process = start(command, environment, log_path(self._home, name))
        try:
            self._record_part(name, process, is_new=True)
        except OSError:
            stop([process], STOP_S)  # what is not written down could never be stopped
            raise
        return True

    def _record_part(self, name: str, process: Process, *, is_new: bool) -> None:
        again = name in self._known.processes
        self._states[name] = "runs" if not is_new else "restarted" if again else "started"
        self._update_record(processes={**self._stack.processes, name: process})

    def _update_record(self, **changes: object) -> None:
        stack = self._stack.model_copy(update=changes)
        if stack != self._stack:
            self._stack = stack
            write_stack(self._home, stack)

    def _worker_environment(self) -> dict[str, str]:
        """Of workers, their runs and deployments: one state folder, one database, one Chroma, one Prefect server."""
        return {
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            **own_environment(),
            "GPO_HOME": str(self._home),
            "GPO_CHROMA_URL": self._stack.chroma_url,
            "PREFECT_API_URL": self._stack.api_url,
            "PREFECT_UI_URL": self._stack.ui_url,
            **({"GPO_REPORTS_URL": self._stack.reports_url} if self._stack.reports_url else {}),
        }

    def _start_deploying(self) -> "_DeployProcess | None":
        digest = deployment_digest(Path.cwd() / PREFECT_FILE)
        if digest in ("", self._known.deployed):
            return None
        log = log_path(self._home, "deploy")
        with log.open("wb") as out:
            # Not apart: whoever interrupts `up` interrupts it, and the next one does it again.
            process = subprocess.Popen(  # noqa: S603 - our own command
                deploy_command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self._worker_environment()
            )
        return _DeployProcess(process, digest, log)

    def _make_database(self) -> None:
        """So that the prompt endpoint has one to read, and the first runs need not make it at the same time."""
        from gpo.database.engine import open_database  # noqa: PLC0415 - half a second, while the server starts

        open_database(load_settings().database_for(self._home)).dispose()

    def _await_workers(self, api: PrefectApi, names: list[str], since: datetime) -> None:
        def have_reported() -> bool:
            times = api.worker_heartbeats(POOL)
            return all(datetime.fromisoformat(times.get(name) or _NEVER) >= since for name in names)

        if names:
            self._wait_for(", ".join(names), names[0], have_reported)

    def _wait_for(self, what: str, name: str, works: Callable[[], bool]) -> None:
        """Wait until `works` holds, which the process of the part `name` sees to.

        Raises:
            StateError: it did not in time, or the process ended.
        """
        process = self._stack.processes[name]
        if not wait_until(works, START_S, lambda: is_alive(process)):
            stop([process] if process.owned else [], STOP_S)
            raise StateError(f"{what} did not start ({first_error(process.log)}); its log: {process.log}")

    def _await_deploying(self, deploying: "_DeployProcess") -> None:
        process, digest, log = deploying
        if process.wait(_DEPLOY_S) != 0:
            raise StateError(f"{PREFECT_FILE} was not deployed ({first_error(log)}); its log: {log}")
        self._update_record(deployed=digest)


def deployment_digest(path: Path) -> str:
    """A hash of a `prefect.yaml` and of the modules with its flows and their parameters; empty without the file."""
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    digest = hashlib.sha256(str(path).encode() + b"\0" + content)
    for name in sorted(set(re.findall(rb"^\s*entrypoint:\s*(?:gpo\.)?flows\.(\w+)\.", content, re.MULTILINE))):
        digest.update((Path(__file__).parents[1] / f"{name.decode()}.py").read_bytes())
    return digest.hexdigest()
