"""Opens the Chroma client of a trajectory and shares it: embedded in the state folder, or a server.

An embedded index lives in the state folder and belongs to one process at a time, as several writers would damage it.
Runs of one process share it, other processes wait. With `GPO_CHROMA_URL` a Chroma server serves any number of them.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from pydantic import SecretStr

from gpo.errors import InputError, StateError

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

HEARTBEAT = "/api/v2/heartbeat"
"""What anybody may ask a Chroma server: whether it is there."""

_POLL_S = 0.2
_T = TypeVar("_T")


class Index:
    """A Chroma client, opened at its first call and shared by `users` runs; one call at a time.

    The embedded one holds the lock of its folder until its last user has left.
    """

    def __init__(
        self, connect: Callable[[], "ClientAPI"], name: str, advice: str, lock: FileLock | None = None
    ) -> None:
        """Opened by `embedded_index` and `server_index`; `name` and `advice` are for messages."""
        self.users = 1
        self._connect = connect
        self._name = name
        self._advice = advice
        self._lock = lock
        self._client: Any = None
        self._one_at_a_time = threading.Lock()

    def call(self, work: Callable[["ClientAPI"], _T]) -> _T:
        """What `work` returns for the client. Blocks while another call is under way.

        Raises:
            StateError: the index cannot be used, or all its users have left.
        """
        with self._one_at_a_time, self._errors():
            if self.users == 0:
                raise StateError(f"{self._name} was closed before this call")
            if self._client is None:
                self._client = self._open()
            return work(self._client)

    def leave(self) -> None:
        """Close after the last user, once the call under way, whose caller may have been cancelled, has ended."""
        with _indexes_lock:
            self.users -= 1
            if self.users > 0:
                return
            with self._one_at_a_time:
                try:
                    self._close()
                finally:
                    if self._lock is not None:
                        del _indexes[self._lock.lock_file]
                        self._lock.release()

    def _close(self) -> None:
        if self._client is None:
            return
        self._client.close()
        # Chroma leaves the connections to its server open: its own and those of its inner client.
        for part in (self._client, self._client._admin_client):  # noqa: SLF001
            if (session := getattr(part._server, "_session", None)) is not None:  # noqa: SLF001
                session.close()

    def _open(self) -> "ClientAPI":
        try:
            return self._connect()
        except ValueError as error:
            # Chroma's way to say that nothing, or something else, answers there; it may quote a whole page.
            raise ConnectionError(str(error).partition("\n")[0]) from None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from chromadb.errors import ChromaError  # noqa: PLC0415 - two seconds of import
        from httpx import HTTPError  # noqa: PLC0415 - chromadb's HTTP client

        try:
            yield
        except (ChromaError, HTTPError, OSError) as error:
            raise StateError(f"{self._name} cannot be used ({error}): {self._advice}") from None


_indexes: dict[str, Index] = {}
_indexes_lock = threading.Lock()


async def embedded_index(path: Path, wait_s: float, on_wait: Callable[[], None] | None) -> Index:
    """The index in the folder `path`, shared by this process; the caller leaves it in the end.

    `on_wait` is called once when another process holds the folder and has to be waited for.

    Raises:
        StateError: another process holds it for longer than `wait_s` seconds, or the folder cannot be locked.
    """
    deadline = time.monotonic() + wait_s
    while (index := _join(path)) is None:
        if on_wait is not None:
            on_wait()
            on_wait = None
        if time.monotonic() >= deadline:
            raise StateError(
                f"index {path} is in use by another process, and was for {wait_s:g} s: wait for its end, or let both "
                f"share a server: start `chroma run --path FOLDER` and set GPO_CHROMA_URL=http://localhost:8000"
            )
        await asyncio.sleep(_POLL_S)
    return index


def _join(path: Path) -> Index | None:
    """Join this process's use of a folder, or become its owner; None while another process is."""
    lock = FileLock(path.with_name("chroma.lock"), thread_local=False)
    with _indexes_lock:
        if (index := _indexes.get(lock.lock_file)) is not None:
            index.users += 1
            return index
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=False)
        except Timeout:
            return None
        except (OSError, NotImplementedError) as error:
            raise StateError(f"index {path} cannot be locked: {error}") from None

        rebuilt = "it is only an index and is rebuilt from the database, nothing is lost"
        advice = f"see that the disk has room, or remove {path}; {rebuilt}"
        index = _indexes[lock.lock_file] = Index(lambda: open_folder(str(path)), f"index {path}", advice, lock)
        return index


def open_folder(path: str) -> "ClientAPI":
    """The client of an embedded index, which belongs to one process at a time."""
    import chromadb  # noqa: PLC0415 - two seconds of import
    from chromadb.api.shared_system_client import SharedSystemClient  # noqa: PLC0415

    try:
        return chromadb.PersistentClient(path=path, settings=_chroma_settings())
    except Exception:
        # Chroma would hand out its half-opened system at the next try, after the folder was repaired.
        SharedSystemClient._identifier_to_system.pop(path, None)  # noqa: SLF001
        raise


def server_index(url: str, key: SecretStr | None) -> Index:
    """The index on the Chroma server at `url`, which may want a key; the caller leaves it in the end.

    Raises:
        InputError: the URL is malformed.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host or parts.path not in ("", "/"):
        # The text may hold a password, so it is not repeated.
        raise InputError("GPO_CHROMA_URL is not a server's address; allowed: http://HOST:PORT, https://HOST:PORT")
    secure = parts.scheme == "https"
    port = port or (443 if secure else 8000)
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}

    def connect() -> "ClientAPI":
        import chromadb  # noqa: PLC0415 - two seconds of import

        return chromadb.HttpClient(host=host, port=port, ssl=secure, headers=headers, settings=_chroma_settings())

    up = "check GPO_CHROMA_URL, GPO_CHROMA_TOKEN and that `chroma run` is up there"
    advice = f"{up}; `gpo trajectory rebuild` repairs its data"
    return Index(connect, f"Chroma server {parts.scheme}://{host}:{port}", advice)


def _chroma_settings() -> Any:
    from chromadb.config import Settings as ChromaSettings  # noqa: PLC0415 - two seconds of import

    # Without `_env_file` Chroma would read a `.env` of the user's that is not meant for it.
    return ChromaSettings(_env_file=None, anonymized_telemetry=False)
