"""One embedded model server: the folder in which its users meet, and the process itself.

    python -m gpo.models.local.server PLAN     PLAN is a `ServerPlan` as JSON, without its key, which comes by stdin

The folder holds

- `start.lock`: held by whoever joins or starts, and by the server while it looks for users;
- `leases/*.lease`: one for each user, locked by it for as long as it uses the server;
- `server.lock`: locked by the server process for as long as it lives;
- `server.json`: a `Running` record, written by the server once it has answered a first request;
- `server.log`: what the server printed.

The operating system frees a dead process's locks, so a lease or server lock that can be taken belongs to nobody: no
process identifier has to be trusted, and nothing has to be cleaned up after a kill.
"""

import faulthandler
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock, Timeout
from pydantic import Field

from gpo.files import write_whole
from gpo.ports import HOST
from gpo.records import Record
from gpo.serving.leases import Leases, is_free

_TICK_S = 1.0
_PROBE_S = 5.0


class ServerParameters(Record):
    """What decides how a model is served. Servers with equal parameters are shared."""

    threads: int
    n_ctx: int = 4096
    n_parallel: int = 1  # More slots do not share a prompt's prefix, and are slower.
    cache_ram_mib: int = 0  # Prompts of other requests, kept in memory: grows to the limit, gains nothing here.


class ServerPlan(Record):
    """What a server process is started with. Port 0 lets it choose one; times are in seconds."""

    folder: Path
    path: Path
    model: str
    port: int
    idle_s: float
    start_s: float
    parameters: ServerParameters
    key: str = Field(default="", exclude=True, repr=False)
    """What users show to be answered; without one the server makes it. Every user of the machine sees the arguments of
    a process: it goes over stdin."""


class Running(Record):
    """A server that has answered: `server.json`, which its user alone can read. It answers to whoever has the key."""

    model: str
    pid: int
    port: int
    started_at: str
    key: str = Field(repr=False)


@dataclass(frozen=True)
class ServerFolder:
    """The folder of one server. Call everything but `log_tail` while holding `start_lock`."""

    path: Path

    @property
    def leases(self) -> Leases:
        """Its users, to be joined and counted while holding `start_lock`."""
        return Leases(self.path / "leases")

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.path / "server.log"

    def start_lock(self) -> FileLock:
        """A new handle on the lock under which users join and the server leaves."""
        return FileLock(self.path / "start.lock", thread_local=False)

    def server_lock(self) -> FileLock:
        """A new handle on the lock that the server process holds while it lives."""
        return FileLock(self.path / "server.lock", thread_local=False)

    def alive(self) -> bool:
        """Whether a server process lives, be it ready or still starting."""
        return not is_free(self.server_lock())

    def running(self) -> Running | None:
        """The last server that was ready, dead or alive; None when there is no such record."""
        try:
            return Running.model_validate_json((self.path / "server.json").read_bytes())
        except (OSError, ValueError):
            return None

    def announce(self, running: Running | None) -> None:
        """Write `server.json` as a whole, or remove it."""
        record = self.path / "server.json"
        if running is None:
            record.unlink(missing_ok=True)
        else:
            write_whole(record, running.model_dump_json(), mode=0o600)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the log, empty when there is none."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def healthy(port: int) -> bool:
    """Whether the server at `port` of this machine answers `GET /health`. Blocks for 5 seconds at most."""
    try:
        return _request(port, "GET", "/health", timeout_s=_PROBE_S) == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def start(plan: ServerPlan) -> subprocess.Popen[bytes]:
    """Start a server process that outlives this one; it becomes ready, or ends, later."""
    folder = ServerFolder(plan.folder)
    with suppress(FileNotFoundError):
        folder.log.replace(folder.log.with_suffix(".previous.log"))
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    with folder.log.open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "gpo.models.local.server", plan.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[3],  # Where this very library is imported from.
            **detached,
        )
    if child.stdin is not None:
        with suppress(BrokenPipeError), child.stdin as pipe:
            pipe.write((plan.key or secrets.token_urlsafe(32)).encode() + b"\n")
    # Whenever the server ends, it must not stay behind as a zombie of this process.
    threading.Thread(target=child.wait, name=f"reap-{child.pid}", daemon=True).start()
    return child


def kill(running: Running) -> None:
    """Kill a server that does not answer. Call it only while its server lock is held: then the pid is its own."""
    with suppress(ProcessLookupError):
        os.kill(running.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _request(port: int, method: str, path: str, *, body: object = None, key: str = "", timeout_s: float) -> int:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _listen(plan: ServerPlan) -> Any:
    """Load the model and listen; the server ends with the object that this returns."""
    from xllamacpp import CommonParams, Server  # noqa: PLC0415 - 100 MB, needed in the server process only

    params = CommonParams()
    params.model.path = str(plan.path)
    params.model_alias = {plan.model}
    params.hostnames = [HOST]
    params.port = plan.port
    params.api_keys = [plan.key]  # Other users of the machine reach the port, too.
    params.n_ctx = plan.parameters.n_ctx
    params.n_parallel = plan.parameters.n_parallel
    params.cpuparams.n_threads = plan.parameters.threads
    params.cpuparams_batch.n_threads = plan.parameters.threads
    params.cache_ram_mib = plan.parameters.cache_ram_mib
    params.cache_prompt = True
    params.offline = True
    params.fit_params = False  # Serve as asked, whatever memory is free at the moment.
    params.warmup = False  # A real request follows.
    params.ui = False
    params.endpoint_slots = False  # Shows the prompts of other users of the server.
    params.cors_origins = ""  # Web pages have no business here.
    params.verbosity = 1
    return Server(params)


def _warm_up(plan: ServerPlan, port: int) -> None:
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    status = _request(port, "POST", "/v1/chat/completions", body=body, key=plan.key, timeout_s=plan.start_s)
    if status != http.client.OK:
        raise RuntimeError(f"the first completion came back with HTTP status {status}")


def _watch(folder: ServerFolder, idle_s: float) -> NoReturn:
    """End the process once nobody has used the server for `idle_s`, holding the start lock to the last."""
    last_used = time.monotonic()
    while True:
        time.sleep(_TICK_S)
        start_lock = folder.start_lock()
        try:
            start_lock.acquire(blocking=False)
        except Timeout:  # Somebody is joining.
            last_used = time.monotonic()
            continue
        if folder.leases.look().alive:
            last_used = time.monotonic()
        elif time.monotonic() - last_used >= idle_s:
            folder.announce(None)
            # Destroying a server may hang, and the lock must outlive everything else: leave both to the system.
            os._exit(0)
        start_lock.release()


def _serve(plan: ServerPlan) -> NoReturn:
    folder = ServerFolder(plan.folder)
    # A starter that probes the lock holds it for a moment; another server holds it for longer.
    lock = folder.server_lock()
    lock.acquire(timeout=_PROBE_S)
    # Loading keeps the interpreter's lock, so only a timer below Python can end a load that hangs.
    faulthandler.dump_traceback_later(plan.start_s, exit=True)
    server = _listen(plan)
    port = int(server.listening_address.rsplit(":", 1)[1])
    _warm_up(plan, port)
    faulthandler.cancel_dump_traceback_later()
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    folder.announce(Running(model=plan.model, pid=os.getpid(), port=port, started_at=started_at, key=plan.key))
    _watch(folder, plan.idle_s)


def main() -> NoReturn:
    """Serve the model of the plan in `sys.argv[1]` until nobody uses it; a failure is exit code 1 and a traceback."""
    try:
        plan = ServerPlan.model_validate_json(sys.argv[1])
        _serve(plan.model_copy(update={"key": sys.stdin.readline().strip()}))
    except BaseException:  # noqa: BLE001 - whatever it was, the process ends here and says why
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    main()
