"""Processes that outlive the command that started them: started apart, known again, stopped with their children."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from flows.stack.record import Process
from gpo.errors import StateError

HOST = "127.0.0.1"
# Safe path: a folder `flows` in the user's working folder is not ours.
PYTHON = (sys.executable, "-P", "-m")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_ERROR = re.compile(r"\b\w*(Error|Exception|Panic)\b.*:|\berror: ", re.ASCII)
_POLL_S = 0.05
_KILL_S = 10.0
_ANSWER_S = 5.0
_LAST_PORT = 65535


def began(pid: int) -> str:
    """When a process began, in some form that tells it from another of the same number; empty when there is none."""
    try:
        # After the name, which may hold spaces: the state, and later the start in ticks since the boot that is named.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else f"{_BOOT.read_text(encoding='utf-8').strip()} {fields[19]}"
    except (OSError, IndexError):
        pass
    state, _, since = _ps("-p", str(pid), "-o", "stat=", "-o", "lstart=").strip().partition(" ")
    return "" if state.startswith("Z") else since.strip()


def is_alive(process: Process) -> bool:
    """Whether it is the process that was started, and runs."""
    return process.began != "" and began(process.pid) == process.began


def start(command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path | None = None) -> Process:
    """Start a command that goes on when this process ends, and prints to `log`; the log of before is kept beside it.

    Raises:
        StateError: it cannot be started, or its log not be written.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            log.replace(log.with_suffix(".previous.log"))
        with log.open("wb") as out:
            child = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
    except OSError as error:
        raise StateError(f"{command[0]} cannot be started with its log {log} ({error.strerror})") from None
    process = Process(pid=child.pid, began=began(child.pid), log=log)
    # Whenever it ends, it must not stay behind as a zombie of this process.
    threading.Thread(target=child.wait, name=f"reap-{child.pid}", daemon=True).start()
    return process


def runs_of(home: Path) -> dict[str, Process]:
    """The processes of flow runs that work in a state folder, by the run's id, as workers of its stack started them.

    They lead groups of their own, and go on without their worker. Known where the system has `/proc`.
    """
    found = {}
    for pid in _pids():
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"prefect.engine" not in command:
                continue
            pairs = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
            variables = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
            run = variables.get("PREFECT__FLOW_RUN_ID")
            if run is not None and variables.get("GPO_HOME") == str(home):
                found[run] = Process(pid=pid, began=began(pid), log=Path())
    return found


def stop(processes: Iterable[Process], grace_s: float) -> None:
    """Ask processes to end, all at once, and after `grace_s` seconds kill them and what is left of their children.

    A number that is somebody else's by now is left alone.
    """
    ours = [process for process in processes if is_alive(process) or _orphans(process)]
    # Only itself: a worker has first to tell the server what becomes of its runs.
    _signal((process.pid for process in ours if is_alive(process)), signal.SIGTERM)
    _wait(ours, grace_s)
    _signal((pid for process in ours for pid in _members(process.pid)), signal.SIGTERM)
    _wait(ours, min(grace_s, _KILL_S), groups=True)
    _signal((pid for process in ours for pid in _members(process.pid)), signal.SIGKILL)
    _wait(ours, _KILL_S, groups=True)


def _wait(processes: Sequence[Process], seconds: float, *, groups: bool = False) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_members(each.pid) if groups else is_alive(each) for each in processes):
            return
        time.sleep(_POLL_S)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _orphans(process: Process) -> bool:
    """Whether children run on without it. A group's number is not given away while it has a member."""
    try:
        same_boot = process.began.startswith(_BOOT.read_text(encoding="utf-8").strip())
    except OSError:
        return False
    return same_boot and began(process.pid) == "" and bool(_members(process.pid))


def _members(group: int) -> list[int]:
    """The processes of a group that run."""
    if sys.platform != "linux":
        rows = (line.split() for line in _ps("-ax", "-o", "pid=", "-o", "pgid=", "-o", "stat=").splitlines())
        return [int(row[0]) for row in rows if int(row[1]) == group and not row[2].startswith("Z")]
    members = []
    for pid in _pids():
        with suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] not in "ZX":
                members.append(pid)
    return members


def _pids() -> list[int]:
    try:
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    except OSError:
        return []


def _ps(*options: str) -> str:
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(["ps", *options], capture_output=True, text=True, check=False, env=environment)  # noqa: S603, S607
    except OSError:
        return ""  # Windows
    return done.stdout


def free_port(wanted: int) -> int:
    """The port itself if nobody listens there, else one of the next, else any.

    Raises:
        StateError: there is none.
    """
    for port in (*range(wanted, min(wanted + 20, _LAST_PORT)), 0):
        with socket.socket() as probe:
            if os.name == "posix":  # Elsewhere the option would let two servers share a port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StateError("no free port on the loopback interface")


def http_status(url: str) -> int | None:
    """The status with which a server of this machine answers; None when it does not.

    Asked many times a second while servers start, for which a client with its certificates is too slow.
    """
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or HOST, place.port or 80, timeout=_ANSWER_S)
    try:
        connection.request("GET", place.path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def first_error(log: Path) -> str:
    """The first error in the log of a process that did not start, else the last line that says something."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    said = [line.strip() for line in lines if any(each.isalnum() for each in line)]
    error = next((line for line in said if _ERROR.search(line)), "")
    return (error or (said[-1] if said else ""))[:300]
