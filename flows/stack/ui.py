"""A local Prefect server that stays up, so that runs can be watched: started once, found again, stopped on request."""

import asyncio
import os
from http import HTTPStatus
from pathlib import Path

from filelock import FileLock

from flows.stack.environment import api_url, join_stack, server_folders
from flows.stack.process import PYTHON, first_error, http_status, is_alive, start, stop
from flows.stack.record import Process, read_stack
from flows.stack.waiting import HUNG_S, START_S, STOP_S, wait_until
from gpo.errors import StateError
from gpo.ports import HOST, find_free_port
from gpo.progress import Note, emit
from gpo.records import Record
from gpo.settings import load_settings

USUAL_PORT = 4200


class PrefectServer(Record):
    """A local Prefect server, which may still be starting."""

    pid: int
    port: int
    start_time: str
    """When its process began; after a reboot the pid may be a stranger's."""

    @property
    def url(self) -> str:
        """Address of its pages."""
        return f"http://{HOST}:{self.port}"

    @property
    def is_healthy(self) -> bool:
        """Whether it answers."""
        return http_status(f"{self.url}/api/health") == HTTPStatus.OK

    def process(self, home: Path) -> Process:
        """It as a process with its log."""
        return Process(pid=self.pid, start_time=self.start_time, log=server_log(home))


def server_log(home: Path) -> Path:
    """Where the server of a state folder prints to."""
    return home / "logs" / "prefect-server.log"


def ensure_server(home: Path) -> PrefectServer:
    """The Prefect server of this state folder, started if none runs.

    Raises:
        StateError: the state folder cannot be made, or it did not start; the message names its log.
    """
    server, _ = find_or_start_server(home)
    return await_server(home, server)


def find_or_start_server(home: Path, port: int = USUAL_PORT) -> tuple[PrefectServer, bool]:
    """The server of this state folder, started at `port` or another if none runs; and whether it is new.

    Raises:
        StateError: the state folder cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the state folder {home} cannot be made ({error.strerror}); set GPO_HOME") from error
    with FileLock(home / "prefect-server.lock"):
        server = _read_server(home)
        if server is not None and _becomes_healthy(server, home, HUNG_S):
            return server, False
        if server is not None:
            stop([server.process(home)], STOP_S)
        return _start_server(home, port), True


def await_server(home: Path, server: PrefectServer) -> PrefectServer:
    """The server, once it answers.

    Raises:
        StateError: it did not start; the message names its log.
    """
    if not _becomes_healthy(server, home, START_S):
        stop([server.process(home)], STOP_S)
        log = server_log(home)
        raise StateError(f"the Prefect server did not start ({first_error(log)}); its log: {log}")
    return server


def attach_ui(home: Path) -> None:
    """Send this run to a Prefect server with pages.

    That is the user's own if one is configured, else that of this state folder, else that of the stack which runs in
    the working folder, else a new one.
    """
    if api_url():
        return
    server = find_server(home)
    if server is None and join_stack(load_settings().home_here(), whole=False):
        return
    server = server or ensure_server(home)
    os.environ["PREFECT_API_URL"] = f"{server.url}/api"
    os.environ["PREFECT_UI_URL"] = server.url


def find_server(home: Path) -> PrefectServer | None:
    """The server that was started for this state folder, if it still answers."""
    server = _read_server(home)
    return server if server is not None and server.is_healthy else None


def stop_server(home: Path) -> bool:
    """Stop the server of this state folder; False when none runs.

    Raises:
        StateError: it belongs to a stack.
    """
    server = _read_server(home)
    if server is None:
        return False
    stack = read_stack(home)
    if stack is not None and any(each.pid == server.pid and each.owned for each in stack.processes.values()):
        raise StateError(f"the Prefect server {server.url} is part of the stack of {home}; `gpo down` stops that")
    stop([server.process(home)], STOP_S)
    (home / "prefect-server.json").unlink(missing_ok=True)
    return True


def _read_server(home: Path) -> PrefectServer | None:
    """The server that was started for this state folder, if its process runs."""
    try:
        server = PrefectServer.model_validate_json((home / "prefect-server.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    # A stranger's server may answer on the port, and a stranger's process have the pid: neither is used or killed.
    return server if is_alive(server.process(home)) else None


def _becomes_healthy(server: PrefectServer, home: Path, seconds: float) -> bool:
    process = server.process(home)
    return wait_until(lambda: server.is_healthy, seconds, lambda: is_alive(process))


def _start_server(home: Path, wanted: int) -> PrefectServer:
    port = find_free_port(wanted)
    command = [*PYTHON, "flows.stack.prefect_server", "server", "start", "--host", HOST, "--port", str(port)]
    # Without the second name for the port its pages would call the usual one. Slots of a concurrency limit outlive the
    # server on disk; from its memory they would be lost, and stay taken for ever.
    environment = {
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        **os.environ,
        **server_folders(home),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api",
    }
    process = start(command, environment, server_log(home))
    server = PrefectServer(pid=process.pid, port=port, start_time=process.start_time)
    try:
        (home / "prefect-server.json").write_text(server.model_dump_json(), encoding="utf-8")
    except OSError:
        stop([process], STOP_S)  # what is not written down could never be stopped
        raise
    return server


async def start_prefect(home: Path, *, ui: bool) -> None:
    """Start a UI that stays, where one was asked for, and say what the seconds to come are for."""
    if ui:
        await asyncio.to_thread(attach_ui, home)
    emit(Note("starting Prefect"))
