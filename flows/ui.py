"""A local Prefect server that stays up, so that runs can be watched: started once, found again, stopped on request."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from filelock import FileLock

from flows.environment import api_url
from gpo.errors import StateError
from gpo.records import Record

HOST, USUAL_PORT = "127.0.0.1", 4200
_START_S = 120.0


class PrefectServer(Record):
    """A running local Prefect server."""

    pid: int
    port: int
    started: str
    """When its process began; after a reboot the pid may be a stranger's."""

    @property
    def url(self) -> str:
        """Address of its pages."""
        return f"http://{HOST}:{self.port}"

    @property
    def is_healthy(self) -> bool:
        """Whether it answers."""
        try:
            return httpx.get(f"{self.url}/api/health", timeout=5.0).is_success
        except httpx.HTTPError:
            return False


def ensure_server(home: Path) -> PrefectServer:
    """The Prefect server of this state folder, started if none runs.

    Raises:
        StateError: the state folder cannot be made, or it did not start; the message names its log.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the state folder {home} cannot be made ({error.strerror}); set GPO_HOME") from error
    with FileLock(home / "prefect-server.lock"):
        running = find_server(home)
        return running if running is not None else _start(home)


def attach_ui(home: Path) -> None:
    """Send this run to a Prefect server with pages: the user's own if one is configured, else a local one."""
    if api_url():
        return
    server = ensure_server(home)
    os.environ["PREFECT_API_URL"] = f"{server.url}/api"
    os.environ["PREFECT_UI_URL"] = server.url


def find_server(home: Path) -> PrefectServer | None:
    """The server that was started for this state folder, if it still answers."""
    try:
        server = PrefectServer.model_validate_json((home / "prefect-server.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    # A stranger's server may answer on the port, and a stranger's process have the pid: neither is used or killed.
    return server if server.started == _began(server.pid) and server.is_healthy else None


def stop_server(home: Path) -> bool:
    """Stop the server of this state folder; False when none runs."""
    server = find_server(home)
    if server is None:
        return False
    os.kill(server.pid, 15)
    deadline = time.monotonic() + 20
    while server.is_healthy and time.monotonic() < deadline:
        time.sleep(0.2)
    (home / "prefect-server.json").unlink(missing_ok=True)
    return True


def _began(pid: int) -> str:
    """When a process began, in some form that tells it from another of the same number; empty when there is none."""
    try:
        # The start time in ticks after the fields of the name, which may hold spaces, and the boot that it counts from.
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text(encoding='utf-8').strip()} {ticks}"
    except (OSError, IndexError):
        pass
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    except OSError:
        return ""  # Windows
    return done.stdout.strip()


def _start(home: Path) -> PrefectServer:
    port, log = _free_port(), home / "prefect-server.log"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    # Without the second name for the port its pages would call the usual one.
    environment = {
        **os.environ,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api",
    }
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, start_new_session=True
        )
    server = PrefectServer(pid=process.pid, port=port, started=_began(process.pid))
    deadline = time.monotonic() + _START_S
    while not server.is_healthy:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise StateError(f"the Prefect server did not start; its log: {log}")
        time.sleep(0.3)
    (home / "prefect-server.json").write_text(json.dumps(server.model_dump()), encoding="utf-8")
    return server


def _free_port() -> int:
    for wanted in (USUAL_PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StateError("no free port on the loopback interface")
