"""Tells the Prefect server of a state folder what a command has done, also where it was away at the time.

What Prefect could not be told of, the state folder knows: each flow run of a command is noted in it, with how it ended.
Whoever finds the server again tells it: the command itself at its end, else the next one, or the server's next start.
Runs of a worker are the worker's to tell of.
"""

import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import httpx

from flows.stack.environment import api_auth, api_url, find_api_url, find_key
from flows.stack.parts import PrefectApi
from flows.stack.process import is_alive, start_time
from flows.stack.record import Process, read_stack
from flows.stack.server_users import read_server
from gpo.files import make_private, write_whole
from gpo.formatting import error_line
from gpo.models.sharing import current_shared
from gpo.progress import Note, emit
from gpo.records import Record
from gpo.redaction import mask_secrets
from gpo.settings import machine_name
from tasks.telling.events import ToldEvent

_OF_A_WORKER = "PREFECT__FLOW_RUN_ID"
"""What a worker sets for the process of a flow run."""

_KILLED = "The process was killed; the same command goes on from there."

T = TypeVar("T")


def tell_server(home: Path, told: ToldEvent) -> str | None:
    """Send an event to the server that hears of what happens in a state folder; why that failed, else None.

    Where no server is known, there is nobody to tell.
    """
    url = find_api_url(home)
    if url is None:
        return None
    event = {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), **told._asdict()}
    try:
        with PrefectApi(url, _key_for(home, url)) as api:
            api.send_events([event])
    except httpx.HTTPError as error:
        return f"the Prefect server at {url} was not told of {told.event} ({type(error).__name__})"
    return None


class NotedRun(Record):
    """A flow run of a process, and how it ended: `state` is Prefect's word, empty as long as it runs.

    `api` is the server that knows it; empty for the folder's own, which may have another port by then. `machine` is
    where the process runs: the folder may be shared, and pids of other machines or containers say nothing here.
    """

    run: str
    api: str
    pid: int
    start_time: str
    machine: str = ""
    state: str = ""
    message: str = ""


class _CameTo(NamedTuple):
    """What a flow run came to, for who called it: a value, or what was raised."""

    value: object
    error: Exception | None = None


@contextmanager
def noted_run(home: Path, name: str) -> Iterator[Callable[[T], T]]:
    """Note the flow run that works inside; what it returns is passed through, and found by `carry_out` under `name`."""
    from prefect.runtime import flow_run  # noqa: PLC0415 - seconds, where only events are told

    server, url = read_server(home), api_url()
    is_own = server is not None and url == f"{server.url}/api"
    pid = os.getpid()
    known_by = "" if is_own else url or ""
    noted = NotedRun(run=str(flow_run.id), api=known_by, pid=pid, start_time=start_time(pid), machine=machine_name())

    def came_to(value: T) -> T:
        current_shared().hand_on(name, _CameTo(value))
        return value

    _note(home, noted)
    try:
        yield came_to
    except Exception as error:
        current_shared().hand_on(name, _CameTo(None, error))
        _note(home, noted.model_copy(update={"state": "FAILED", "message": error_line(error, mask_secrets)}))
        raise
    except BaseException:
        _note(home, noted.model_copy(update={"state": "CRASHED", "message": "It was interrupted."}))
        raise
    _note(home, noted.model_copy(update={"state": "COMPLETED"}))


async def carry_out(run: Coroutine[Any, Any, T], name: str) -> T:
    """Await a flow run. Where its server cannot be told of the end, what it came to counts all the same.

    Raises:
        Exception: whatever the flow raised.
    """
    try:
        return await run
    except httpx.HTTPError as unheard:
        found = current_shared().take(name)
        if not isinstance(found, _CameTo):
            raise
        emit(Note(f"the Prefect server could not be told of the end of the run ({type(unheard).__name__})"))
        if found.error is not None:
            raise found.error from None
        return found.value  # type: ignore[return-value]  # handed on under the flow's own name


def tell_of_ends(home: Path) -> None:
    """Tell Prefect's servers of ended runs that they take for running; where one is away, it is told another time."""
    away: set[str] = set()  # which is not asked once more for every note about it
    for path in _kept_notes(home):
        try:
            noted = NotedRun.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # told by another command meanwhile, or damaged
            path.unlink(missing_ok=True)
            continue
        if noted.api in away or not (noted.state or _was_killed(noted, path)):
            continue
        try:
            _tell_of_end(home, noted)
            path.unlink(missing_ok=True)
        except httpx.HTTPStatusError:  # of this run alone: the next note is another matter
            continue
        except httpx.HTTPError:
            away.add(noted.api)


def _was_killed(noted: NotedRun, path: Path) -> bool:
    """Whether the process surely runs no more; of other machines nobody here knows."""
    if noted.machine not in ("", machine_name()):
        return False
    return not is_alive(Process(pid=noted.pid, start_time=noted.start_time, log=path))


def _tell_of_end(home: Path, noted: NotedRun) -> None:
    server = read_server(home)
    url = noted.api or (f"{server.url}/api" if server is not None else "")
    if not url:
        raise httpx.ConnectError("no server of the folder runs")
    with PrefectApi(url, _key_for(home, url)) as api:
        api.end(noted.run, noted.state or "CRASHED", noted.message if noted.state else _KILLED)


def _key_for(home: Path, url: str) -> str | None:
    """What a server wants to be shown: the folder's key only where it is the folder's own."""
    server, stack = read_server(home), read_stack(home)
    own = {f"{server.url}/api"} if server is not None else set()
    own |= {stack.api_url} if stack is not None else set()
    return (find_key(home) or api_auth()) if url in own else api_auth()


def _notes(home: Path) -> Path:
    return home / "prefect-runs"


def _kept_notes(home: Path) -> list[Path]:
    try:
        return sorted(_notes(home).glob("*.json"))
    except OSError:  # a folder that may not be read has its own message
        return []


def _note(home: Path, noted: NotedRun) -> None:
    if os.environ.get(_OF_A_WORKER):
        return
    with suppress(OSError):  # a full disk has its own message; nothing that was paid for hangs on the note
        make_private(_notes(home))
        write_whole(_notes(home) / f"{noted.run}.json", noted.model_dump_json(), mode=0o600)
