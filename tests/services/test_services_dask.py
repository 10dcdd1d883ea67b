"""Runs whose examples real Dask workers score: the result of one process, also when one dies, and nothing stays behind.

No server of Debian's is needed; a run starts processes that import everything anew, which is what takes its time.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from gpo.errors import WorkerError
from tests.runs_whole.test_optimize import Hill, write_spec
from tests.runs_whole.test_resume import PATIENCE_S, STEPS, After, Ended, Gate, Task, ended, is_proposal
from tests.services.servers import wait_until
from tests.support.endpoint import Endpoint, serving
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.services, pytest.mark.usefixtures("own_environment")]

SLOTS = 4
# A shell gives its background processes no Ctrl-C; pytest may be one.
COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from flows.cli.entry import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving(Hill()) as running:
        yield running


def new_task(folder: Path, endpoint: Endpoint, prefect_api: str, *, spread: bool) -> Task:
    folder.mkdir()
    path = write_spec(folder, endpoint.url, optimizer={"preset": "gpo", "max_steps": STEPS})
    if spread:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(yaml.safe_dump({**content, "execution": {"runner": "dask", "workers": 2}}), encoding="utf-8")
    return Task(path, prefect_api)


def begin(task: Task) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "optimize", str(task.path), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=task.path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PREFECT_API_URL": task.prefect_api},
        start_new_session=True,
    )


def workers_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The processes of Dask that score for a run."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint, prefect_api: str) -> tuple[Task, Ended]:
    """What one process comes to."""
    endpoint.respond = Hill()
    task = new_task(tmp_path_factory.mktemp("alone") / "task", endpoint, prefect_api, spread=False)
    done = task.run()
    assert done.code == 0, done.stderr
    return task, done


def test_workers_come_to_the_result_of_one_process_though_one_of_them_dies(
    tmp_path: Path, endpoint: Endpoint, prefect_api: str, alone: tuple[Task, Ended]
) -> None:
    task, before = new_task(tmp_path / "task", endpoint, prefect_api, spread=True), endpoint.calls
    proposed = After(1, is_proposal)
    gate = Gate(Hill(), After(4, lambda request: proposed(request) and request.model == "task"))
    endpoint.respond = gate
    process = begin(task)
    try:
        gate.wait(calls=SLOTS)
        killed = workers_of(process)
        assert len(killed) == 2
        killed[0].send_signal(signal.SIGKILL)
        killed[0].wait(PATIENCE_S)
    finally:
        gate.opened.set()
    done = ended(process)
    assert done.code == 0, done.stderr
    assert "scored by 2 workers of dask" in done.stderr
    assert task.result(done.summary) == alone[0].result(alone[1].summary)
    needed = alone[1].paid
    assert needed <= endpoint.calls - before <= needed + SLOTS


def test_an_interrupted_run_leaves_no_worker_behind_and_goes_on_without_them(
    tmp_path: Path, endpoint: Endpoint, prefect_api: str, alone: tuple[Task, Ended]
) -> None:
    task, before = new_task(tmp_path / "task", endpoint, prefect_api, spread=True), endpoint.calls
    proposed = After(1, is_proposal)
    gate = Gate(Hill(), After(4, lambda request: proposed(request) and request.model == "task"))
    endpoint.respond = gate
    process = begin(task)
    gate.wait(calls=SLOTS)
    workers = workers_of(process)
    assert len(workers) == 2
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all of its processes
    assert process.stderr
    stderr = process.stderr
    wait_until(lambda: "once more ends it at once" in stderr.readline())
    gate.opened.set()
    done = ended(process)
    assert done.code == 130, done.stderr
    for worker in workers:
        worker.wait(PATIENCE_S)
    # The runner decides nothing: the same search goes on in one process.
    content = yaml.safe_load(task.path.read_text(encoding="utf-8"))
    del content["execution"]
    task.path.write_text(yaml.safe_dump(content), encoding="utf-8")
    again = task.run()
    assert again.code == 0, again.stderr
    assert json.dumps(again.summary["run_id"]) == json.dumps(alone[1].summary["run_id"])
    assert task.result(again.summary) == alone[0].result(alone[1].summary)
    assert endpoint.calls - before <= alone[1].paid + SLOTS


class Half:
    """A task runner whose processes start, and cannot be reached."""

    ended = False

    def __enter__(self) -> None:
        """Its processes run."""

    def __exit__(self, *_: object) -> None:
        self.ended = True
        raise OSError("there is no scheduler")

    @property
    def client(self) -> None:
        raise TimeoutError("no answer")


def test_workers_that_cannot_be_reached_are_ended() -> None:
    from tasks.spread.runners import _start

    runner = Half()
    with pytest.raises(WorkerError, match="the workers on tcp://here:1 cannot be had: TimeoutError: no answer"):
        _start(runner, "tcp://here:1")  # type: ignore[arg-type]
    assert runner.ended
