"""The users of a state folder's Prefect server, and the server's own watch: it leaves with the last of them.

Users hold leases below the state folder. A server whose last user left in order stays for a while, for the next run to
find it; one whose users died or were interrupted leaves at once. `gpo up`, `gpo ui start` and `--ui` write a file that
keeps it until it is stopped.
"""

import os
import signal
import threading
import time
from http import HTTPStatus
from pathlib import Path

from filelock import FileLock, Timeout

from flows.stack.process import http_status, is_alive
from flows.stack.record import Process
from gpo.ports import HOST
from gpo.records import Record
from gpo.serving.leases import Leases, Users

_TICK_S = 0.5
_STOP_S = 5.0


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


class ServerOrder(Record):
    """What a server is to do: serve the runs of a state folder, and leave `idle_s` seconds after its last user."""

    home: Path
    log: Path
    idle_s: float


def server_log(home: Path) -> Path:
    """Where the server of a state folder prints to."""
    return home / "logs" / "prefect-server.log"


def read_server(home: Path) -> PrefectServer | None:
    """The server that was started for this state folder, if its process runs."""
    server = _read_record(home)
    # A stranger's server may answer on the port, and a stranger's process have the pid: neither is used or killed.
    return server if server is not None and is_alive(server.process(home)) else None


def _read_record(home: Path) -> PrefectServer | None:
    try:
        return PrefectServer.model_validate_json(record_path(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def server_lock(home: Path) -> FileLock:
    """Held by whoever finds, starts or ends the server of a state folder."""
    return FileLock(home / "prefect-server.lock", thread_local=False)


def record_path(home: Path) -> Path:
    """Where it is written down."""
    return home / "prefect-server.json"


def server_leases(home: Path) -> Leases:
    """Its users."""
    return Leases(home / "prefect-users")


def keep_path(home: Path) -> Path:
    """The file that keeps a server without users."""
    return home / "prefect-server.keep"


def watch_users(home: Path, idle_s: float) -> None:
    """End this process, the server of a state folder, when nobody needs it any more; returns at once."""
    threading.Thread(target=_watch, args=(home, idle_s), name="watch-users", daemon=True).start()


def _watch(home: Path, idle_s: float) -> None:
    last_used = time.monotonic()
    while True:
        time.sleep(_TICK_S)
        lock = server_lock(home)
        try:
            lock.acquire(blocking=False)
        except Timeout:  # somebody is joining
            last_used = time.monotonic()
            continue
        except OSError:  # the state folder has gone
            break
        users = server_leases(home).look()
        if users.alive or keep_path(home).exists():
            last_used = time.monotonic()
        if not _is_ours(home) or _is_over(users, time.monotonic() - last_used, idle_s, keep_path(home).exists()):
            break  # with the lock, so that whoever comes now waits until this process has ended
        lock.release()
    if _is_ours(home):
        record_path(home).unlink(missing_ok=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_S)
    os._exit(1)


def _is_over(users: Users, idle: float, idle_s: float, kept: bool) -> bool:
    if users.alive or kept:
        return False
    return users.died > 0 or idle >= idle_s


def _is_ours(home: Path) -> bool:
    server = _read_record(home)
    return server is not None and server.pid == os.getpid()
