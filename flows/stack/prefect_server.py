"""The Prefect server of a state folder: a process that waits for its orders, serves, and leaves with its last user.

`python -m flows.stack.prefect_server SOCKET` gets a socket that listens, as the number of a file, loads Prefect, and
reads a `ServerOrder` from stdin: until then it has written nothing, and it ends with whoever started it.

Prefect begins most transactions DEFERRED. On SQLite one that reads and then writes fails at once when another wrote in
between, whatever the time-out: a client is answered 503 and pauses, and a run that a trigger was to start is lost.
Begun IMMEDIATE, such transactions wait for each other. PostgreSQL has no such words and is not affected.
"""

import os
import queue
import re
import socket
import sqlite3
import sys
import threading
import traceback
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import event
from sqlalchemy.engine import Engine

from flows.stack.server_users import ServerOrder, watch_users
from gpo.errors import StateError
from gpo.files import make_private, replace_whole
from gpo.serving.http_guard import guard, local_hosts

_EMPTY = Path(__file__).with_name("prefect.sql")
"""Prefect's empty database; a test compares it with what Prefect makes, and says how to make it anew."""

_REVISION = re.compile(r'"alembic_version" VALUES\(\'(\w+)\'\)')

_STOP_S = 3
"""How long requests that are being answered are waited for at the end."""


_PRINTED = 1 << 20
"""Bytes that a server may print before its order comes."""


def queue_writers() -> None:
    """Let every transaction of this process that would begin DEFERRED begin IMMEDIATE."""
    if not event.contains(Engine, "before_cursor_execute", _begin_immediate):
        event.listen(Engine, "before_cursor_execute", _begin_immediate, retval=True)


def _begin_immediate(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
    return ("BEGIN IMMEDIATE" if statement == "BEGIN DEFERRED" else statement), parameters


def _await_order(orders: "queue.SimpleQueue[ServerOrder]") -> None:
    """Hear the order, and from then on watch for users, while Prefect loads."""
    line = sys.stdin.readline()
    if not line:
        os._exit(0)  # whoever started it has gone
    try:
        order = ServerOrder.model_validate_json(line)
        _print_to(order.log)
        watch_users(order.home, order.idle_s)
    except Exception:  # noqa: BLE001 - without its order the process would wait for ever, and whoever started it, too
        traceback.print_exc()
        os._exit(1)
    orders.put(order)


def _serve(listening: socket.socket) -> None:
    orders: queue.SimpleQueue[ServerOrder] = queue.SimpleQueue()
    threading.Thread(target=_await_order, args=(orders,), name="await-order", daemon=True).start()
    queue_writers()
    try:
        import uvicorn  # noqa: PLC0415 - seconds, which pass before the order comes
        from prefect.server.api.server import create_app  # noqa: PLC0415
    except BaseException:
        orders.get()  # which names the log that the error belongs in
        raise

    home = orders.get().home
    make_private(Path(os.environ["PREFECT_HOME"]))
    place_database(home)
    app = guard(create_app(final=True), local_hosts(listening.getsockname()[1]))
    config = uvicorn.Config(app, log_level="warning", timeout_keep_alive=5, timeout_graceful_shutdown=_STOP_S)
    uvicorn.Server(config).run(sockets=[listening])


def place_database(home: Path) -> bool:
    """Put an empty database of Prefect's into a state folder that has none; whether it did.

    Prefect would make it in eighty migrations, five seconds and more. Those that are newer than ours it makes itself;
    where Prefect is older, nothing is placed.

    Raises:
        StateError: there is one already, which a newer Prefect has written.
    """
    path = home / "prefect.db"
    if not os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL", "").endswith(f"///{path}"):
        return False
    if path.exists():
        _check_revision(path)
        return False
    statements = _EMPTY.read_text(encoding="utf-8")
    revision = _REVISION.search(statements)
    if revision is None or not _knows(revision[1]):
        return False
    with replace_whole(path) as draft, closing(sqlite3.connect(draft)) as database:
        database.executescript(statements)
    return True


def _knows(revision: str) -> bool:
    """Whether the installed Prefect can bring a database of a revision up to date."""
    import prefect.server.database._migrations as migrations  # noqa: PLC0415 - seconds

    versions = Path(str(migrations.__path__[0])) / "versions" / "sqlite"
    return any(versions.glob(f"*{revision}*.py"))


def _check_revision(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:  # Prefect says what is wrong with it, or fills it
        return
    if row is not None and not _knows(row[0]):
        raise StateError(
            f"{path} is of a newer Prefect than the installed one: install that again, or move the file away: only its "
            "list of past runs is lost"
        )


def _print_to(log: Path) -> None:
    """Print to the log from here on, and copy what was printed so far; whoever started it may go."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with suppress(OSError):  # a pipe or a terminal does not give back what went to it
        os.write(out, os.pread(sys.stdout.fileno(), _PRINTED, 0))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(out, stream.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())


def main() -> NoReturn:
    """Load Prefect, and serve as ordered."""
    os.umask(0o077)
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        listening.set_inheritable(False)
        _serve(listening)
    sys.exit()


if __name__ == "__main__":
    main()
