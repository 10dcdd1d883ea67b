"""Ends of flow runs that a Prefect server has not heard of: they are told later, by whoever finds it."""

import os
from pathlib import Path

import httpx
import pytest

from flows.stack.process import start_time
from flows.stack.telling import NotedRun, tell_of_ends
from gpo.settings import machine_name
from tests.support.commands import closed_port

pytestmark = [pytest.mark.slow]


def begin_run(api: str) -> str:
    """A flow run that the server takes for running."""
    with httpx.Client(base_url=f"{api}/", timeout=60, trust_env=False) as client:
        flow = client.post("flows/", json={"name": "told"}).raise_for_status().json()["id"]
        new = {"flow_id": flow, "state": {"type": "RUNNING"}}
        return str(client.post("flow_runs/", json=new).raise_for_status().json()["id"])


def state_of(api: str, run: str) -> str:
    return str(httpx.get(f"{api}/flow_runs/{run}", timeout=60, trust_env=False).json()["state"]["type"])


def note(home: Path, run: str, api: str, *, alive: bool, **changes: str) -> Path:
    since = start_time(os.getpid()) if alive else "before the reboot"
    of_now = NotedRun(run=run, api=api, pid=os.getpid(), start_time=since, machine=machine_name())
    noted = of_now.model_copy(update=changes)
    path = home / "prefect-runs" / f"{run}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(noted.model_dump_json(), encoding="utf-8")
    return path


def test_a_server_hears_of_each_end_once_it_can_be_asked(prefect_api: str, tmp_path: Path) -> None:
    ended, killed, running, unheard, elsewhere = (begin_run(prefect_api) for _ in range(5))
    note(tmp_path, ended, prefect_api, alive=True, state="COMPLETED")
    note(tmp_path, killed, prefect_api, alive=False)
    runs_on = note(tmp_path, running, prefect_api, alive=True)
    # In another container, which shares the folder: its process numbers say nothing here.
    unknown = note(tmp_path, elsewhere, prefect_api, alive=False, machine="another")
    waits = note(tmp_path, unheard, f"http://127.0.0.1:{closed_port()}/api", alive=False, state="FAILED", message="a")
    (tmp_path / "prefect-runs" / "damaged.json").write_text("{")
    tell_of_ends(tmp_path)
    assert [state_of(prefect_api, run) for run in (ended, killed, running, unheard, elsewhere)] == [
        "COMPLETED",
        "CRASHED",
        "RUNNING",
        "RUNNING",
        "RUNNING",
    ]
    assert set((tmp_path / "prefect-runs").iterdir()) == {runs_on, waits, unknown}

    # A note that the server refuses stays, and stands in no other's way.
    first, last = sorted(begin_run(prefect_api) for _ in range(2))
    refused = note(tmp_path, first, prefect_api, alive=True, state="NO_SUCH_STATE")
    note(tmp_path, last, prefect_api, alive=False)
    tell_of_ends(tmp_path)
    assert (state_of(prefect_api, first), refused.exists()) == ("RUNNING", True)
    assert state_of(prefect_api, last) == "CRASHED"

    # What is over stays as it is, whatever a note says: the note is of no use any more.
    told = note(tmp_path, ended, prefect_api, alive=False, state="FAILED")
    tell_of_ends(tmp_path)
    assert (state_of(prefect_api, ended), told.exists()) == ("COMPLETED", False)


def test_a_folder_that_may_not_be_read_hides_no_other_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shut(*_pattern: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "glob", shut)
    tell_of_ends(tmp_path)
