"""Processes that outlive the command that started them: start one, know it again, stop it with its children."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from flows.stack.record import Process
from flows.stack.waiting import wait_until
from gpo.errors import StateError
from gpo.ports import HOST

# Safe path: a folder `flows` in the user's working folder is not ours.
PYTHON = (sys.executable, "-P", "-m")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_ERROR = re.compile(r"\b\w*(Error|Exception|Panic)\b.*:|\berror: ", re.ASCII)
_KILL_S = 10.0
_ANSWER_S = 5.0


def start_time(pid: int) -> str:
    """When a process began, in some form that tells it from another of the same number; empty when there is none."""
    try:
        # After the name, which may hold spaces: the state, and later the start in ticks since the boot that is named.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else f"{_BOOT.read_text(encoding='utf-8').strip()} {fields[19]}"
    except (OSError, IndexError):
        pass
    state, _, since = _run_ps("-p", str(pid), "-o", "stat=", "-o", "lstart=").strip().partition(" ")
    return "" if state.startswith("Z") else since.strip()


def is_alive(process: Process) -> bool:
    """Whether it is the process that was started, and runs."""
    return process.start_time != "" and start_time(process.pid) == process.start_time


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
    process = Process(pid=child.pid, start_time=start_time(child.pid), log=log)
    # Whenever it ends, it must not stay behind as a zombie of this process.
    threading.Thread(target=child.wait, name=f"reap-{child.pid}", daemon=True).start()
    return process


def find_run_processes(home: Path) -> dict[str, Process]:
    """The processes of flow runs that work in a state folder, by the run's id, as workers of its stack started them.

    They lead groups of their own, and go on without their worker. Known where the system has `/proc`.
    """
    processes = {}
    for pid in _list_processes():
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"prefect.engine" not in command:
                continue
            pairs = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
            variables = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
            run = variables.get("PREFECT__FLOW_RUN_ID")
            if run is not None and variables.get("GPO_HOME") == str(home):
                processes[run] = Process(pid=pid, start_time=start_time(pid), log=Path())
    return processes


def stop(processes: Iterable[Process], grace_s: float) -> None:
    """Ask processes to end, all at once, and after `grace_s` seconds kill them and what is left of their children.

    A number that is somebody else's by now is left alone.
    """
    ours = [process for process in processes if is_alive(process) or _has_orphans(process)]
    # Only itself: a worker has first to tell the server what becomes of its runs.
    _send_signal((process.pid for process in ours if is_alive(process)), signal.SIGTERM)
    _wait_until_gone(ours, grace_s)
    _send_signal((pid for process in ours for pid in _group_members(process.pid)), signal.SIGTERM)
    _wait_until_gone(ours, min(grace_s, _KILL_S), groups=True)
    _send_signal((pid for process in ours for pid in _group_members(process.pid)), signal.SIGKILL)
    _wait_until_gone(ours, _KILL_S, groups=True)


def _wait_until_gone(processes: Sequence[Process], seconds: float, *, groups: bool = False) -> None:
    wait_until(lambda: not any(_group_members(each.pid) if groups else is_alive(each) for each in processes), seconds)


def _send_signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _has_orphans(process: Process) -> bool:
    """Whether children run on without it. A group's number is not given away while it has a member."""
    try:
        same_boot = process.start_time.startswith(_BOOT.read_text(encoding="utf-8").strip())
    except OSError:
        return False
    return same_boot and start_time(process.pid) == "" and bool(_group_members(process.pid))


def _group_members(group: int) -> list[int]:
    """The processes of a group that run."""
    if sys.platform != "linux":
        rows = (line.split() for line in _run_ps("-ax", "-o", "pid=", "-o", "pgid=", "-o", "stat=").splitlines())
        return [int(row[0]) for row in rows if int(row[1]) == group and not row[2].startswith("Z")]
    members = []
    for pid in _list_processes():
        with suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] not in "ZX":
                members.append(pid)
    return members


def _list_processes() -> list[int]:
    try:
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    except OSError:
        return []


def _run_ps(*options: str) -> str:
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(["ps", *options], capture_output=True, text=True, check=False, env=environment)  # noqa: S603, S607
    except OSError:
        return ""  # Windows
    return done.stdout


def http_status(url: str, headers: Mapping[str, str] | None = None) -> int | None:
    """The status with which a server of this machine answers; None when it does not.

    Asked many times a second while servers start, for which a client with its certificates is too slow.
    """
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or HOST, place.port or 80, timeout=_ANSWER_S)
    try:
        connection.request("GET", place.path, headers=dict(headers or {}))
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
    lines = [line.strip() for line in lines if any(each.isalnum() for each in line)]
    error = next((line for line in lines if _ERROR.search(line)), "")
    return (error or (lines[-1] if lines else ""))[:300]
