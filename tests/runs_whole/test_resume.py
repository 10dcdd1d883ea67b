"""What a run that dies, waits or is refused comes to: the command line, in a process of its own where that is killed.

All of them work on the hill of `test_optimize.py`, so all must end where the run that nothing disturbed ended.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from gpo.data.splits import load_splits
from gpo.runs.run import WAITING
from gpo.spec.file import load_spec
from tests.conftest import without_leftovers_of_prefect
from tests.runs_whole.test_optimize import CANDIDATES, DEV, TEST, Hill, shows, write_spec
from tests.support.endpoint import Endpoint, Reply, Request, Responder, serving
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

STEPS = 2
LATENCY_S = 0.02
PATIENCE_S = 600
"""A busy machine takes minutes to start a process."""
IN_FLIGHT = 4 + 1
"""Calls of the task model and of the optimizer model at once: `max_concurrency` of both."""
CHECKED = 8 + 1
"""Calls of both that come before every run."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """One address for all runs of this module, since it is part of a model's identity."""
    with serving(Hill()) as running:
        yield running


def _untimed(score: str) -> str:
    return json.dumps({name: value for name, value in json.loads(score).items() if name != "timing"})


@dataclass(frozen=True)
class Ended:
    """How a command ended; `summary` is what it printed to stdout."""

    code: int
    summary: dict[str, Any]
    stderr: str

    @property
    def paid(self) -> int:
        """Calls that reached the endpoint; the embedding model is in the process."""
        return self.count("paid")

    def count(self, what: str) -> int:
        return sum(self.summary["calls"][role][what] for role in ("task", "optimizer"))


@dataclass(frozen=True)
class Task:
    """A spec in a folder of its own, and the command that works on it."""

    path: Path
    prefect_api: str

    @property
    def database(self) -> Path:
        return self.path.parent / ".gpo" / "gpo.db"

    def start(self) -> "subprocess.Popen[str]":
        return started(self.path, {"PREFECT_API_URL": self.prefect_api})

    def run(self) -> Ended:
        """In this process, which has imported already what takes a new one seconds."""
        from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

        results = {PREFECT_LOCAL_STORAGE_PATH: self.database.parent / "results"}
        with patch.dict(os.environ), without_leftovers_of_prefect(self.prefect_api), temporary_settings(results):
            done = CliRunner().invoke(app, ["optimize", str(self.path), "--json"])
        return Ended(done.exit_code, json.loads(done.stdout or "{}"), done.stderr)

    def result(self, summary: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, ...]], list[tuple[Any, ...]]]:
        """What must not depend on how often the run was disturbed: outcome, scored prompts, results, without times."""
        with closing(sqlite3.connect(self.database)) as connection:
            rows = connection.execute("SELECT candidate, score FROM scored_prompts ORDER BY step, number").fetchall()
            each = connection.execute("SELECT run_key, split, candidate_id, place, text, score FROM results").fetchall()
        kept = {name: value for name, value in summary.items() if name not in ("calls", "wall_s", "report")}
        if kept["verdict"] is not None:
            kept["verdict"] = {name: value for name, value in kept["verdict"].items() if name != "measures"}
        return kept, [(candidate, _untimed(score)) for candidate, score in rows], sorted(each)


def started(spec: Path, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    """`gpo optimize SPEC --json` in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli.app", "optimize", str(spec), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=spec.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        start_new_session=True,
    )


def ended(process: "subprocess.Popen[str]") -> Ended:
    try:
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return Ended(process.returncode, json.loads(stdout or "{}"), stderr)


def failed_with(done: Ended, *fragments: str) -> None:
    """Exit code 1, one clear message at the end, and nothing on stdout."""
    assert (done.code, done.summary) == (1, {}), done.stderr
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("Error: ")] == [lines[-1]], done.stderr
    assert "Traceback" not in done.stderr
    for fragment in fragments:
        assert fragment in lines[-1]


@pytest.fixture
def task(tmp_path: Path, endpoint: Endpoint, prefect_api: str) -> Task:
    return new_task(tmp_path, endpoint, prefect_api)


def new_task(folder: Path, endpoint: Endpoint, prefect_api: str, preset: str = "gpo") -> Task:
    endpoint.respond = slowly(Hill())
    folder.mkdir(exist_ok=True)
    return Task(write_spec(folder, endpoint.url, optimizer={"preset": preset, "max_steps": STEPS}), prefect_api)


def is_proposal(request: Request) -> bool:
    """Whether the optimizer model is asked for one, and not whether it is there."""
    return request.model == "optimizer" and not request.text.endswith("ready")


def slowly(respond: Callable[[Request], str]) -> Responder:
    return lambda request: Reply(respond(request), latency_s=LATENCY_S)


@dataclass
class Gate:
    """Lets calls through until one for which `closes` holds; that one and all after it wait until the gate opens."""

    respond: Responder
    closes: Callable[[Request], bool]
    closed: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    _waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __call__(self, request: Request) -> Reply | str:
        if self.closed.is_set() or self.closes(request):
            self.closed.set()
            self._waiting.release()
            assert self.opened.wait(PATIENCE_S)
        return self.respond(request)

    def wait(self, calls: int = 1) -> None:
        """Until so many calls wait."""
        for _ in range(calls):
            assert self._waiting.acquire(timeout=PATIENCE_S), "the run never came to the closed gate"


class After:
    """True from the given number of requests that are of a kind."""

    def __init__(self, number: int, kind: Callable[[Request], bool]) -> None:
        self._left = number
        self._kind = kind
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> bool:
        with self._lock:
            self._left -= self._kind(request)
            return self._left <= 0


def killed_at(task: Task, endpoint: Endpoint, hill: Hill, closes: Callable[[Request], bool]) -> None:
    """Start the command, and kill its process group when several calls are in flight."""
    gate = Gate(slowly(hill), closes)
    endpoint.respond = gate
    process = task.start()
    try:
        gate.wait(calls=2)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        gate.opened.set()
    assert process.returncode == -signal.SIGKILL
    endpoint.respond = slowly(hill)


@dataclass(frozen=True)
class Undisturbed:
    result: tuple[dict[str, Any], list[tuple[str, ...]]]
    calls: int


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint, prefect_api: str
) -> tuple[Task, list[Ended], int]:
    """The same command twice at once on one state folder, and how many calls came of it."""
    task, before = new_task(tmp_path_factory.mktemp("pair"), endpoint, prefect_api), endpoint.calls
    processes = [task.start(), task.start()]
    return task, [ended(process) for process in processes], endpoint.calls - before


@pytest.fixture(scope="module")
def undisturbed(pair: tuple[Task, list[Ended], int]) -> Undisturbed:
    """What all others must come to, from the one of the pair that had not to wait."""
    task, both, _ = pair
    (first,) = (done for done in both if WAITING not in done.stderr)
    assert first.code == 0, first.stderr
    calls = DEV * (1 + first.summary["candidates"]["evaluated"]) + 2 * TEST + 1 + CANDIDATES * STEPS
    return Undisturbed(task.result(first.summary), calls)


def test_of_two_at_once_one_waits_and_both_end_alike(
    pair: tuple[Task, list[Ended], int], undisturbed: Undisturbed
) -> None:
    task, both, calls = pair
    assert [done.code for done in both] == [0, 0], both[0].stderr + both[1].stderr
    assert [task.result(done.summary) for done in both] == [undisturbed.result] * 2
    assert undisturbed.calls <= calls == sum(done.paid for done in both) <= undisturbed.calls + CHECKED
    assert undisturbed.result[0]["gain"]["test"] > 0


def test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_been(
    task: Task, endpoint: Endpoint, undisturbed: Undisturbed
) -> None:
    test, before, hill = load_splits(load_spec(task.path)).test, endpoint.calls, Hill()
    proposed = After(CANDIDATES * STEPS, is_proposal)
    for closes in (
        After(10, lambda request: proposed(request) and request.model == "task"),  # in the middle of the last step
        After(7, lambda request: shows(request, test)),  # while the best is proved
    ):
        killed_at(task, endpoint, hill, closes)
    done = task.run()
    assert done.code == 0, done.stderr
    assert task.result(done.summary) == undisturbed.result
    assert 0 < done.paid < 2 * TEST
    assert undisturbed.calls <= endpoint.calls - before <= undisturbed.calls + 2 * IN_FLIGHT


def test_a_run_that_is_killed_while_it_tries_proposals_on_their_cases_pays_nothing_twice(
    tmp_path: Path, endpoint: Endpoint, prefect_api: str
) -> None:
    whole, killed = (new_task(tmp_path / name, endpoint, prefect_api, "minibatch") for name in ("whole", "killed"))
    first, before, hill = whole.run(), endpoint.calls, Hill()
    assert first.code == 0, first.stderr
    proposed = After(CANDIDATES, is_proposal)
    killed_at(killed, endpoint, hill, After(3, lambda request: proposed(request) and request.model == "task"))
    done = killed.run()
    assert done.code == 0, done.stderr
    assert killed.result(done.summary) == whole.result(first.summary)
    assert 0 < done.paid < first.paid <= endpoint.calls - before <= first.paid + IN_FLIGHT


def test_a_busy_endpoint_delays_a_run_and_changes_nothing(
    task: Task, endpoint: Endpoint, undisturbed: Undisturbed
) -> None:
    hill, refused, before = Hill(), Counter[str](), endpoint.calls

    def busy(request: Request) -> Reply | str:
        if request.number % 3 == 0 and refused[request.text] < 3:
            refused[request.text] += 1
            return Reply("slow down", status=429, retry_after=0.05)
        return hill(request)

    endpoint.respond = busy
    text = task.path.read_text(encoding="utf-8")
    task.path.write_text(text.replace("max_retries: 0", "max_retries: 4"), encoding="utf-8")
    done = task.run()
    assert done.code == 0, done.stderr
    assert task.result(done.summary) == undisturbed.result
    assert done.count("failed") == 0
    assert done.paid == undisturbed.calls == endpoint.calls - before - refused.total()
    assert refused.total() > undisturbed.calls // 4


def test_a_failing_endpoint_is_tried_again_a_closed_one_ends_the_run_and_the_rest_is_paid_later(
    task: Task, endpoint: Endpoint, undisturbed: Undisturbed
) -> None:
    hill, before, refused = Hill(), endpoint.calls, 0

    def proposals_asked() -> int:
        return sum(request.model == "optimizer" for request in endpoint.requests[before:]) - 1

    def failing_then_closed(request: Request) -> Reply | str:
        nonlocal refused
        asked = proposals_asked()
        if request.model == "task" or asked < 1:
            return hill(request)
        if asked == 1:  # the first of the first step, which Prefect repeats
            refused += 1
            return Reply("the model is overloaded", status=500)
        if asked > 1 + CANDIDATES + 1:  # in the second step, after one answer
            refused += 1
            return Reply("the account is closed", status=403)
        return hill(request)

    endpoint.respond = failing_then_closed
    failed_with(task.run(), "openai:optimizer", "HTTP 403", "the account is closed")
    spent = endpoint.calls - before - refused

    endpoint.respond = hill
    done = task.run()
    assert done.code == 0, done.stderr
    assert task.result(done.summary) == undisturbed.result
    assert done.paid == undisturbed.calls - spent


def test_a_full_disk_is_named(task: Task, endpoint: Endpoint) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux can limit the files of another process")
    gate = Gate(Hill(), After(CHECKED + 2, lambda _: True))
    endpoint.respond = gate
    process = task.start()
    try:
        gate.wait()
        size = (task.database.parent / "gpo.db-wal").stat().st_size
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
    finally:
        gate.opened.set()
    # The database or the index: what is written to first.
    failed_with(ended(process), str(task.database.parent), "disk")
    with closing(sqlite3.connect(task.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM calls").fetchone()[0] >= CHECKED
