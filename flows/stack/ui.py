"""The Prefect server of a state folder: found or started, used by its runs, stopped on request."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from flows.stack.environment import api_url, join_stack, key_path, use_server
from flows.stack.launch import Launch, launch
from flows.stack.process import first_error, is_alive, stop
from flows.stack.record import read_stack
from flows.stack.server_users import (
    PrefectServer,
    keep_path,
    read_server,
    record_path,
    server_leases,
    server_lock,
    server_log,
)
from flows.stack.telling import tell_of_ends
from flows.stack.waiting import HUNG_S, START_S, STOP_S, wait_until
from gpo.errors import InputError, StateError
from gpo.files import make_private, real_path
from gpo.progress import Note, emit
from gpo.settings import load_settings

USUAL_PORT = 4200
_SQLITE = b"SQLite format 3\0"


@dataclass
class RunServer:
    """The Prefect server that hears of a command's runs: the one that is configured, else that of the state folder.

    `keep`: it stays when the command has ended, until it is stopped.
    """

    home: Path
    keep: bool
    _launched: Launch | None = None
    _server: PrefectServer | None = None
    _lease: FileLock | None = None
    _is_elsewhere: bool = False

    def begin(self) -> None:
        """Let a server load, if one is needed; nothing is written.

        Raises:
            InputError: what it keeps in the state folder is damaged.
        """
        if api_url():
            self._is_elsewhere = True
        elif read_server(self.home) is None:
            check_kept(self.home)
            # With pages that stay, runs of other state folders go to the stack of the working folder, too.
            self._is_elsewhere = self.keep and join_stack(load_settings().home_here(), whole=False)
            self._launched = None if self._is_elsewhere else launch(self.home, USUAL_PORT)

    def claim(self) -> None:
        """Have a server for the state folder and use it from here on; it may still be starting.

        Raises:
            StateError: the state folder cannot be made.
        """
        if self._is_elsewhere:
            return
        launched, self._launched = self._launched, None
        with _held(self.home, keep=self.keep):
            self._lease = server_leases(self.home).take()
            self._server, _ = _find_or_start(self.home, USUAL_PORT, launched)
        use_server(self.home, self._server.url)
        emit(Note(f"Prefect: {self._server.url}, its page asks for the key in {key_path(self.home)}"))

    def wait(self) -> None:
        """Return once it answers.

        Raises:
            StateError: it did not start; the message names its log.
        """
        if self._server is not None:
            await_server(self.home, self._server)
        elif self._is_elsewhere:
            tell_of_ends(self.home)

    def leave(self, *, in_order: bool) -> None:
        """Use it no longer, and see that it knows how the runs ended.

        Who does not leave in order is taken for dead, and the server leaves as well.
        """
        if self._launched is not None:
            self._launched.drop()
        if in_order:
            tell_of_ends(self.home)
        if self._lease is not None and in_order:
            server_leases(self.home).end(self._lease)


@contextmanager
def run_server(home: Path, *, keep: bool) -> Iterator[RunServer]:
    """The Prefect server for the runs inside."""
    server = RunServer(real_path(home), keep)
    in_order = False
    try:
        server.begin()
        yield server
        in_order = True
    except Exception:
        in_order = True
        raise
    finally:
        server.leave(in_order=in_order)


def ensure_server(home: Path) -> PrefectServer:
    """The Prefect server of this state folder, started if none runs; it stays until it is stopped.

    Raises:
        StateError: the state folder cannot be made, or it did not start; the message names its log.
    """
    server, _ = find_or_start_server(home)
    return await_server(home, server)


def find_or_start_server(home: Path, port: int = USUAL_PORT) -> tuple[PrefectServer, bool]:
    """The server of this state folder, started at `port` or another if none runs; and whether it is new.

    It stays until it is stopped.

    Raises:
        StateError: the state folder cannot be made or written.
    """
    with _held(home, keep=True):
        return _find_or_start(home, port, None)


@contextmanager
def _held(home: Path, *, keep: bool) -> Iterator[None]:
    """The state folder, made if there is none, while nobody else finds, starts or ends its server."""
    try:
        make_private(home)
        with server_lock(home):
            if keep:
                keep_path(home).touch(mode=0o600)
            yield
    except OSError as error:
        what = f"the state folder {home} cannot be made or written"
        raise StateError(f"{what} ({error.strerror}); set GPO_HOME") from error


def _find_or_start(home: Path, port: int, launched: Launch | None) -> tuple[PrefectServer, bool]:
    server = read_server(home)
    is_found = server is not None and _becomes_healthy(server, home, HUNG_S)
    if launched is not None and (is_found or not launched.fits(home)):
        launched.drop()
        launched = None
    if server is not None and is_found:
        return server, False
    if server is not None:
        stop([server.process(home)], STOP_S)
    check_kept(home)
    return (launched or launch(home, port)).serve(home), True


def check_kept(home: Path) -> None:
    """Look whether what a Prefect server has kept in a state folder is a database at all.

    Raises:
        InputError: it is not, and what to do.
    """
    path = home / "prefect.db"
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE))
    except OSError:  # there is none, or others say what is wrong with the folder
        return
    if head not in (b"", _SQLITE):
        raise InputError(
            f"{path} is damaged: it is no SQLite database; move it away, and Prefect makes a new one: only its list of "
            "past runs is lost"
        )


def await_server(home: Path, server: PrefectServer) -> PrefectServer:
    """The server, once it answers.

    Raises:
        StateError: it did not start; the message names its log.
    """
    if not _becomes_healthy(server, home, START_S):
        stop([server.process(home)], STOP_S)
        log = server_log(home)
        why = first_error(log) or "it ended without a word or does not answer"
        raise StateError(f"the Prefect server did not start ({why}); its log: {log}")
    tell_of_ends(home)
    return server


def stop_server(home: Path) -> bool:
    """Stop the server of this state folder; False when none runs.

    Raises:
        StateError: it belongs to a stack.
    """
    server = read_server(home)
    if server is None:
        return False
    stack = read_stack(home)
    if stack is not None and any(each.pid == server.pid and each.owned for each in stack.processes.values()):
        raise StateError(f"the Prefect server {server.url} is part of the stack of {home}; `gpo down` stops that")
    stop([server.process(home)], STOP_S)
    forget_server(home)
    return True


def forget_server(home: Path) -> None:
    """Remove what was written down of a server that was stopped."""
    keep_path(home).unlink(missing_ok=True)
    record_path(home).unlink(missing_ok=True)


def _becomes_healthy(server: PrefectServer, home: Path, seconds: float) -> bool:
    process = server.process(home)
    return wait_until(lambda: server.is_healthy, seconds, lambda: is_alive(process))
