"""The local stack: which processes are its own, who uses it, and a real one from `gpo up` to `gpo down`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.stack import stack
from flows.stack.environment import api_url, chroma_key_path, find_stack, join_stack, key_path, prompts_key_path
from flows.stack.parts import PrefectApi
from flows.stack.process import find_run_processes, first_error, is_alive, start, start_time, stop
from flows.stack.record import Process, Stack, archive_stack, read_last_stack, read_stack, stack_path, write_stack
from flows.stack.server_users import read_server
from flows.stack.start import deployment_digest
from flows.stack.ui import ensure_server, stop_server
from gpo.errors import StateError
from gpo.ports import find_free_port
from tests.support.paths import ROOT

WAIT = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); {WAIT}"
PARENT = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {WAIT!r}]).pid, flush=True); {WAIT}"


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    """Start a Python program as a part of a stack; what is left of it is killed in the end."""
    begun: list[Process] = []

    def _begin(code: str) -> Process:
        log = tmp_path / "logs" / f"{len(begun)}.log"
        begun.append(start([sys.executable, "-c", code], os.environ, log))
        return begun[-1]

    yield _begin
    for process in begun:
        if is_alive(process):
            os.killpg(process.pid, signal.SIGKILL)


def test_a_process_is_known_until_it_ends(begin: Callable[[str], Process]) -> None:
    process = begin(WAIT)
    assert is_alive(process)
    stop([process], 30)
    assert not is_alive(process)


def test_one_that_does_not_listen_is_killed(begin: Callable[[str], Process]) -> None:
    process = begin(STUBBORN)
    until(process.log.read_text)
    stop([process], 0.1)
    assert not is_alive(process)


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGKILL])
def test_children_go_with_their_parent_even_if_that_was_killed(
    first: signal.Signals, begin: Callable[[str], Process]
) -> None:
    process = begin(PARENT)
    until(lambda: process.log.read_text().endswith("\n"))
    child = int(process.log.read_text())
    assert start_time(child)
    if first == signal.SIGKILL:
        os.kill(process.pid, first)
        until(lambda: not is_alive(process))
        assert start_time(child)
    stop([process], 5)
    assert not start_time(child)


def test_a_stranger_with_the_same_pid_is_left_alone(begin: Callable[[str], Process]) -> None:
    process = begin(WAIT)
    stop(
        [
            process.model_copy(update={"start_time": f"{process.start_time}0"}),
            process.model_copy(update={"start_time": ""}),
        ],
        1,
    )
    assert is_alive(process)


def test_the_runs_of_a_state_folder_are_known_by_their_environment(tmp_path: Path) -> None:
    environment = {**os.environ, "GPO_HOME": str(tmp_path), "PREFECT__FLOW_RUN_ID": "run-1"}
    # Named like the process of a run, in its arguments.
    process = start([sys.executable, "-c", WAIT, "prefect.engine"], environment, tmp_path / "log")
    other = start([sys.executable, "-c", WAIT, "gpo.models.local.server"], environment, tmp_path / "log")
    try:
        until(lambda: find_run_processes(tmp_path))
        assert {run: each.pid for run, each in find_run_processes(tmp_path).items()} == {"run-1": process.pid}
        assert find_run_processes(tmp_path / "elsewhere") == {}
    finally:
        stop([process, other], 5)


def test_a_log_is_quoted_by_its_first_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert first_error(log) == ""
    log.write_text("starting\nall is well\n---\n")
    assert first_error(log) == "all is well"
    log.write_text("starting\nOSError: No space left on device\nRuntimeError: closed\nServer stopped!\n---\n")
    assert first_error(log) == "OSError: No space left on device"


def test_a_new_start_keeps_the_log_of_before(tmp_path: Path) -> None:
    log = tmp_path / "a" / "part.log"
    for word in ("first", "second"):
        process = start([sys.executable, "-c", f"print('{word}')"], os.environ, log)
        until(lambda process=process: not is_alive(process))
    assert (log.read_text(), (tmp_path / "a" / "part.previous.log").read_text()) == ("second\n", "first\n")


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"cannot be started with its log .*a/log"):
        start([str(tmp_path / "none")], {}, tmp_path / "a" / "log")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Stack]:
    """A stack of which this very process is all parts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        me = Process(pid=os.getpid(), start_time=start_time(os.getpid()), log=tmp_path / "log")
        found = Stack(
            api_url=f"{url}/api",
            ui_url=url,
            chroma_url=url,
            prompts_url=url,
            processes={"server": me, "chroma": me},
            deployed="abc",
        )
        write_stack(tmp_path, found)
        yield found


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GPO_"))}
    kept["PREFECT_HOME"] = str(tmp_path / "prefect")
    monkeypatch.setattr(os, "environ", kept)
    return kept


def test_a_run_of_the_state_folder_joins_its_stack(tmp_path: Path, running: Stack, environment: dict[str, str]) -> None:
    assert find_stack(tmp_path) == running
    assert join_stack(tmp_path)
    assert (api_url(), environment["PREFECT_UI_URL"]) == (running.api_url, running.ui_url)
    assert environment["GPO_CHROMA_URL"] == running.chroma_url
    assert "GPO_REPORTS_URL" not in environment
    write_stack(tmp_path, running.model_copy(update={"reports_url": "http://127.0.0.1:4202/reports"}))
    assert join_stack(tmp_path)
    assert environment["GPO_REPORTS_URL"] == "http://127.0.0.1:4202/reports"


def test_what_is_configured_wins_over_the_stack(tmp_path: Path, running: Stack, environment: dict[str, str]) -> None:
    environment |= {"PREFECT_API_URL": "http://team:4200/api", "GPO_CHROMA_URL": "http://team:8000"}
    assert join_stack(tmp_path)
    assert (api_url(), environment["GPO_CHROMA_URL"]) == ("http://team:4200/api", "http://team:8000")
    assert "PREFECT_UI_URL" not in environment


def test_a_run_of_another_state_folder_is_shown_but_keeps_its_own_index(
    tmp_path: Path, running: Stack, environment: dict[str, str]
) -> None:
    assert join_stack(tmp_path, whole=False)
    assert api_url() == running.api_url
    assert "GPO_CHROMA_URL" not in environment


@pytest.mark.parametrize("missing", ["server", "chroma"])
def test_a_stack_that_is_not_whole_is_not_joined(
    missing: str, tmp_path: Path, running: Stack, environment: dict[str, str]
) -> None:
    others = {name: process for name, process in running.processes.items() if name != missing}
    write_stack(tmp_path, running.model_copy(update={"processes": others}))
    assert not join_stack(tmp_path)
    assert api_url() is None


def test_a_stack_that_was_stopped_leaves_its_addresses(tmp_path: Path, running: Stack) -> None:
    archive_stack(tmp_path)
    assert read_stack(tmp_path) is None
    left = read_last_stack(tmp_path)
    assert left == running.model_copy(update={"processes": {}})
    assert stack.status(tmp_path) == ()
    assert stack.down(tmp_path) == ((), 0)


def test_a_damaged_record_is_none(tmp_path: Path) -> None:
    stack_path(tmp_path).write_text('{"api_url": 1')
    assert read_stack(tmp_path) is None


def test_a_state_folder_that_cannot_be_made(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"cannot be kept in .*file/\.gpo .*GPO_HOME"):
        stack.up(tmp_path / "file" / ".gpo", None, 4700)


def test_deployments_are_made_anew_when_the_file_or_its_flows_change(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    assert deployment_digest(file) == ""
    file.write_text("deployments:\n  - entrypoint: flows.move_prompt.move_prompt\n")
    first = deployment_digest(file)
    assert deployment_digest(file) == first
    file.write_text("deployments:\n  - entrypoint: flows.optimize.optimize_prompt\n")
    assert deployment_digest(file) not in ("", first)


PREFECT_YAML = """
deployments:
  - name: move-prompt
    entrypoint: flows.move_prompt.move_prompt
    work_pool: {name: gpo-process}
    pull: []
"""


class Folder:
    """A working folder in which commands are run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = path / ".gpo"

    def gpo(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GPO_", "PREFECT_"))}
        environment = {**kept, "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(self.path / "prefect")}
        environment |= variables
        command = [sys.executable, "-m", "flows.cli.app", *arguments]
        return subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, check=False, timeout=400
        )

    def up(self, *options: str, **variables: str) -> dict[str, str]:
        """What became of each part."""
        done = self.gpo("up", "--json", *options, **variables)
        assert done.returncode == 0, done.stderr
        return {part["name"]: part["state"] for part in json.loads(done.stdout)["parts"]}


@pytest.mark.slow
def test_a_stack_is_raised_repaired_and_stopped(tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text(PREFECT_YAML)
    folder = Folder(tmp_path)
    parts = ["server", "chroma", "prompts", "worker-1"]
    with socket.create_server(("127.0.0.1", find_free_port(4740))) as taken:
        port = taken.getsockname()[1]
        try:
            assert folder.up("--port", str(port)) == dict.fromkeys(parts, "started")
            first = read_stack(folder.home)
            assert first is not None
            assert f":{port}/" not in first.api_url
            _check_parts(first, folder.home)
            _check_server(folder.home)

            repeated = folder.gpo("up")
            assert "nothing had to be done" in repeated.stdout
            assert read_stack(folder.home) == first

            for name in ("chroma", "worker-1"):
                os.kill(first.processes[name].pid, signal.SIGKILL)
            until(lambda: not any(is_alive(first.processes[name]) for name in ("chroma", "worker-1")))
            assert [each.name for each in stack.status(folder.home) if each.state == "stopped"] == [
                "chroma",
                "worker-1",
            ]
            states = folder.up(GPO_PROMPTS_KEY="mine")
            assert states == {
                "server": "runs",
                "chroma": "restarted",
                "prompts": "restarted",  # with the key of now
                "worker-1": "restarted",
            }
            second = read_stack(folder.home)
            assert second is not None
            assert second.chroma_url == first.chroma_url
            assert httpx.get(f"{second.chroma_url}/api/v2/heartbeat", trust_env=False).is_success
            own = {"Authorization": "Bearer mine"}
            assert httpx.get(f"{second.prompts_url}/v1/prompts", headers=own, trust_env=False, timeout=60).is_success
        finally:
            stopped = folder.gpo("down")
    assert stopped.stdout.startswith("Stopped: "), stopped.stderr
    assert set(stopped.stdout.strip().removeprefix("Stopped: ").split(", ")) == set(parts)
    assert not any(is_alive(process) for process in (*first.processes.values(), *second.processes.values()))
    assert _processes_of(tmp_path) == []
    assert stack.status(folder.home) == ()


@pytest.mark.slow
def test_a_server_that_a_run_has_left_ends_with_the_stack(tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text(PREFECT_YAML)
    folder = Folder(tmp_path)
    ran = folder.gpo("demo", "--synthetic", GPO_HOME=str(folder.home))
    assert ran.returncode == 0, ran.stderr
    server = read_server(folder.home)
    assert server is not None
    try:
        assert folder.up()["server"] == "runs"
    finally:
        folder.gpo("down")
    assert not is_alive(server.process(folder.home))
    assert read_server(folder.home) is None


def _check_server(home: Path) -> None:
    """It outlives who started it, has pages, and is the one that `--ui` and `gpo ui` find."""
    server = read_server(home)
    assert server is not None
    assert ensure_server(home) == server
    page = httpx.get(server.url, follow_redirects=True, trust_env=False, timeout=60)
    assert page.status_code == 200
    assert "<html" in page.text
    assert (home / "prefect.db").exists()
    with pytest.raises(StateError, match="`gpo down`"):
        stop_server(home)


def _check_parts(found: Stack, home: Path) -> None:
    key = key_path(home).read_text()
    user, _, password = key.partition(":")
    with httpx.Client(trust_env=False, timeout=60, auth=(user, password)) as client:
        assert client.get(f"{found.ui_url}/api/health").is_success
        assert client.get(f"{found.chroma_url}/api/v2/heartbeat").is_success
    _check_servers(found, home)
    with httpx.Client(trust_env=False, timeout=60, auth=(user, password)) as client:
        deployment = client.get(f"{found.api_url}/deployments/name/move-prompt/move-prompt").json()
        assert deployment["work_pool_name"] == "gpo-process"
        _check_resumption(client, found, deployment, key)


def _check_servers(found: Stack, home: Path) -> None:
    """Chroma and the prompt endpoint answer to who knows their keys, which their owner alone can read."""
    prompts = f"{found.prompts_url}/v1/prompts"
    collections = f"{found.chroma_url}/api/v2/tenants/default_tenant/databases/default_database/collections"
    for url, path, there in (
        (prompts, prompts_key_path(home), {"prompts": []}),
        (collections, chroma_key_path(home), []),
    ):
        assert path.stat().st_mode & 0o777 == 0o600
        known = {"Authorization": f"Bearer {path.read_text()}"}
        assert httpx.get(url, headers=known, trust_env=False, timeout=60).json() == there
        assert httpx.get(url, trust_env=False, timeout=60).status_code == 401


def _check_resumption(client: httpx.Client, found: Stack, deployment: dict[str, Any], key: str) -> None:
    """A run whose processes are gone begins again; one that is over, or was being cancelled, does not."""
    path = f"{found.api_url}/deployments/{deployment['id']}/create_flow_run"
    states = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2999-01-01T00:00:00Z"}}
    runs = [client.post(path, json={"parameters": {"prompt": "x"}, "state": states}).json()["id"] for _ in range(3)]
    for run, state in zip(runs, ("RUNNING", "COMPLETED", "CANCELLING"), strict=True):
        change = {"state": {"type": state}, "force": True}
        assert client.post(f"{found.api_url}/flow_runs/{run}/set_state", json=change).is_success
    with PrefectApi(found.api_url, key) as api:
        assert [api.resume(run) for run in runs] == [True, False, False]
    paths = [f"{found.api_url}/flow_runs/{run}" for run in runs]
    assert [client.get(path).json()["state"]["name"] for path in paths] == ["AwaitingRetry", "Completed", "Cancelled"]
    assert client.delete(paths[0]).is_success


def _processes_of(folder: Path) -> list[bytes]:
    """The command lines of processes that still name a folder, there or in their environment."""
    commands = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
            named = command + entry.with_name("environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in named:
            commands.append(command)
    return commands
