"""Which Prefect server is taken for one's own; test_stack.py has a real one from start to stop."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.stack.process import start_time
from flows.stack.record import Process, Stack, write_stack
from flows.stack.server_users import PrefectServer, read_server
from flows.stack.ui import ensure_server, stop_server
from gpo.errors import InputError, StateError


@pytest.fixture(autouse=True)
def _answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some server answers on every port."""
    monkeypatch.setattr(PrefectServer, "is_healthy", property(lambda _self: True))


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


def written(home: Path, server: PrefectServer) -> PrefectServer:
    (home / "prefect-server.json").write_text(server.model_dump_json())
    return server


def test_the_process_that_was_started_is_found(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    server = written(tmp_path, PrefectServer(pid=process.pid, port=4200, start_time=start_time(process.pid)))
    assert server.start_time
    assert read_server(tmp_path) == server


def test_the_process_that_was_started_is_stopped(
    tmp_path: Path, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, PrefectServer(pid=process.pid, port=4200, start_time=start_time(process.pid)))
    monkeypatch.setattr(PrefectServer, "is_healthy", property(lambda _self: process.poll() is None))
    assert stop_server(tmp_path)
    assert process.poll() is not None
    assert not (tmp_path / "prefect-server.json").exists()


def test_the_server_of_a_stack_is_stopped_with_the_stack(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    server = written(tmp_path, PrefectServer(pid=process.pid, port=4200, start_time=start_time(process.pid)))
    part = Process(pid=server.pid, start_time=server.start_time, log=tmp_path / "log")
    stack = Stack(
        api_url=f"{server.url}/api", ui_url=server.url, chroma_url="", prompts_url="", processes={"server": part}
    )
    write_stack(tmp_path, stack)
    with pytest.raises(StateError, match="`gpo down`"):
        stop_server(tmp_path)
    assert process.poll() is None
    write_stack(tmp_path, stack.model_copy(update={"processes": {"server": part.model_copy(update={"owned": False})}}))
    assert stop_server(tmp_path)


@pytest.mark.parametrize("started", ["before the reboot", ""])
def test_a_stranger_with_the_same_pid_is_neither_used_nor_killed(
    started: str, tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    written(tmp_path, PrefectServer(pid=process.pid, port=4200, start_time=started))
    assert read_server(tmp_path) is None
    assert not stop_server(tmp_path)
    assert process.poll() is None


def test_a_stranger_that_answers_after_the_own_server_died(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        server = PrefectServer(pid=ended.pid, port=4200, start_time=start_time(ended.pid))
    written(tmp_path, server)
    assert read_server(tmp_path) is None


def test_a_record_of_an_older_version_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "prefect-server.json").write_text(f'{{"pid": {os.getpid()}, "port": 4200}}')
    assert read_server(tmp_path) is None


def test_where_there_is_no_proc_ps_tells_the_same_processes_apart(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_args: object, **_options: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    first = start_time(process.pid)
    assert first
    assert start_time(process.pid) == first
    process.kill()
    process.wait()
    assert start_time(process.pid) == ""


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be made"):
        ensure_server(tmp_path / "file" / ".gpo")


def test_a_damaged_database_of_prefect_is_told_before_a_server_starts(tmp_path: Path) -> None:
    (tmp_path / "prefect.db").write_bytes(b"no database")
    with pytest.raises(InputError, match=r"prefect\.db is damaged: .* move it away"):
        ensure_server(tmp_path)
    assert read_server(tmp_path) is None
