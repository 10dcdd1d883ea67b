"""Throw-away servers for the tests marked `services`: on loopback, on free ports, in folders that go with them.

Each knows how to stop, to start again on the same port with the same data, and some how to freeze: a frozen server
holds its connections open and says nothing, as one on a machine that hangs.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

START_S = 120
"""A busy machine takes its time."""
HOW_TO_INSTALL = "`tests/services/install` installs it from Debian's packages"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, *folders: str) -> str:
    """The path of a program; without it the test is skipped."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        pytest.skip(f"{name} is not installed; {HOW_TO_INSTALL}")
    return found


def postgresql_program(name: str) -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return program(name, *map(str, reversed(folders)))


@contextmanager
def folder_of(owner: str | None = None) -> Iterator[Path]:
    """A new folder; that of another user, who could not enter pytest's, when this is root."""
    folder = Path(tempfile.mkdtemp(prefix="gpo-services-"))
    try:
        if owner is not None:
            shutil.chown(folder, owner)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Server:
    """A process that can be stopped, started again and frozen. `ready` says whether it serves."""

    command: Sequence[str]
    folder: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                user=self.user,
                group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
                extra_groups=None if self.user is None else [],
            )
        wait_until(lambda: self._running() and self.ready(), self._log)

    def stop(self) -> None:
        self.end(self.stop_signal)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, how: int) -> None:
        if self.process is None:
            return
        self.signal(signal.SIGCONT)
        self.process.send_signal(how)
        try:
            self.process.wait(START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def freeze(self) -> None:
        """Stop the process and its children in the middle of whatever they do."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    @contextmanager
    def down(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def running(self) -> Iterator[None]:
        try:
            self.start()
            yield
        finally:
            self.stop()

    def signal(self, number: int) -> None:
        assert self.process is not None
        # The parent first: it must make no more children.
        for process in (self.process.pid, *children(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def _running(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.command[0]} ended: {self._log()}"
        return True

    def _log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def wait_until(holds: Callable[[], object], failed: Callable[[], str] = lambda: "it never came to hold") -> None:
    """Ask again and again, within `START_S`."""
    deadline = time.monotonic() + START_S
    pause = 0.01
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(failed())
        time.sleep(pause)
        pause = min(2 * pause, 0.25)


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@dataclass
class Postgres(Server):
    """A PostgreSQL server, with the URL of a database of it."""

    url: str = ""


@contextmanager
def postgresql(**settings: str) -> Iterator[Postgres]:
    """A new server. It does not wait for the disk: what is in it need not outlive this machine, only its process."""
    initdb, postgres = postgresql_program("initdb"), postgresql_program("postgres")
    user = unprivileged()
    port = free_port()
    with folder_of(user) as folder:
        data = folder / "data"
        identity: dict[str, Any] = {}
        if user is not None:  # it refuses to run as root
            identity = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        subprocess.run(
            [initdb, "--pgdata", str(data), "--auth=trust", "--username=gpo", "--no-sync", "--no-locale", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd=folder,
            **identity,
        )
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "200",
            **settings,
        }
        command = [postgres, "-D", str(data), *(f"--{name}={value}" for name, value in options.items())]
        server = Postgres(
            command,
            folder,
            lambda: postgresql_answers(port),
            user=user,
            stop_signal=signal.SIGQUIT,  # as a crash: at once, with a recovery at the next start
            url=f"postgresql+psycopg://gpo@127.0.0.1:{port}/postgres",
        )
        with server.running():
            yield server


def unprivileged() -> str | None:
    """The user that a server runs as that refuses to be root; None for this one."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def postgresql_answers(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(host="127.0.0.1", port=port, user="gpo", dbname="postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def redis() -> Iterator[tuple[Server, str]]:
    """A new Redis server and its URL."""
    port = free_port()
    with folder_of() as folder:
        options = {"bind": "127.0.0.1", "port": str(port), "dir": str(folder), "save": "", "appendonly": "no"}
        command = [program("redis-server"), *(word for name, value in options.items() for word in (f"--{name}", value))]
        server = Server(command, folder, lambda: redis_answers(port))
        with server.running():
            yield server, f"redis://127.0.0.1:{port}/0"


def redis_answers(port: int) -> bool:
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


@contextmanager
def chroma(folder: Path) -> Iterator[tuple[Server, str]]:
    """A new Chroma server over a folder, and its address."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [script("chroma"), "run", "--path", str(folder / "data"), "--host", "127.0.0.1", "--port", str(port)]
    server = Server(command, folder, lambda: listens(port) and answers(f"http://127.0.0.1:{port}/api/v2/heartbeat"))
    with server.running():
        yield server, f"http://127.0.0.1:{port}"


def script(name: str) -> str:
    """A program of the environment that runs the tests."""
    return str(Path(sys.executable).parent / name)


@contextmanager
def prefect(database: str, redis_url: str, folder: Path) -> Iterator[tuple[Server, str]]:
    """A Prefect server as a team runs it, on PostgreSQL and Redis, its services in a process of their own.

    The web server and the address of its API.
    """
    from sqlalchemy import make_url

    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    environment = {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": make_url(database)
        .set(drivername="postgresql+asyncpg")
        .render_as_string(hide_password=False),
        "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_REDIS_MESSAGING_URL": redis_url,
        "PREFECT_SERVER_DOCKET_URL": redis_url,
        "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    for name in ("web", "services"):
        (folder / name).mkdir(parents=True)
    subprocess.run(
        [script("prefect"), "server", "database", "upgrade", "--yes"],
        check=True,
        capture_output=True,
        env={**os.environ, **environment},
        cwd=folder,
    )
    web = Server(
        [script("prefect"), "server", "start", "--no-services"],
        folder / "web",
        lambda: listens(port) and answers(f"{api}/health"),
        environment,
    )
    services = Server(
        [script("prefect"), "server", "services", "start"], folder / "services", lambda: True, environment
    )
    with services.running(), web.running():
        yield web, api


@contextmanager
def prefect_on_sqlite(folder: Path) -> Iterator[str]:
    """A Prefect server whose writers queue, as that of a state folder: the address of its API."""
    port = free_port()
    environment = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    api = f"http://127.0.0.1:{port}/api"
    # Without a key and without users: the tests are the only ones.
    code = (
        "import os; from pathlib import Path; from flows.stack.prefect_server import place_database, queue_writers;"
        "place_database(Path(os.environ['PREFECT_HOME']));"
        "queue_writers(); from prefect.cli import app; app()"
    )
    command = [sys.executable, "-P", "-c", code, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = Server(command, folder, lambda: listens(port) and answers(f"{api}/health"), environment)
    with server.running():
        yield api
