"""A run with everything on servers: PostgreSQL for its state, Chroma for its trajectory, and a Prefect server on
PostgreSQL and Redis. Killed, and with a Prefect server that dies, it comes to what the run in a folder came to.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, func, select, text

from benchmarks.control_study import run_loop
from benchmarks.databases import database_on
from gpo.database.engine import open_database, read_transaction
from gpo.database.tables import calls, runs, scored_prompts
from gpo.report.run_json import summary_json
from tests.runs_whole.test_resume import CHECKED, Ended, ended, started
from tests.services.servers import START_S, Server, chroma, postgresql, prefect, redis, wait_until
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.services, pytest.mark.usefixtures("own_environment")]

Rows = list[tuple[str, Any]]
SYNTHETIC = ROOT / "examples" / "synthetic"


@dataclass(frozen=True)
class Stack:
    """Where everything is; `web` is Prefect's web server."""

    postgresql: str
    chroma: str
    api: str
    web: Server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with (
        postgresql() as database,
        redis() as (_, redis_url),
        chroma(folder / "chroma") as (_, chroma_url),
        database_on(database.url) as prefects,
        prefect(prefects, redis_url, folder / "prefect") as (web, api),
    ):
        yield Stack(database.url, chroma_url, api, web)


@dataclass(frozen=True)
class Task:
    """The synthetic example in a folder of its own, and what its command is told of servers."""

    path: Path
    database: str
    environment: dict[str, str]

    def start(self) -> "subprocess.Popen[str]":
        return started(self.path, self.environment)

    def run(self) -> Ended:
        return ended(self.start())

    def rows(self) -> Rows:
        engine = open_database(self.database)
        with read_transaction(engine) as connection:
            order = (scored_prompts.c.step, scored_prompts.c.number)
            found = connection.execute(select(scored_prompts.c.candidate, scored_prompts.c.score).order_by(*order))
            rows = [(candidate, json.loads(score)["values"]) for candidate, score in found]
        engine.dispose()
        return rows

    def count(self, what: Any) -> int:
        engine = open_database(self.database)
        with read_transaction(engine) as connection:
            found = connection.execute(select(func.count()).select_from(what)).scalar_one()
        engine.dispose()
        return int(found)


def result(done: Ended) -> dict[str, Any]:
    """What must not depend on how often the run was disturbed, or on where its state is."""
    assert done.code == 0, done.stderr
    # The verdict measures latency too.
    measured = {"calls", "wall_s", "report", "run_id", "verdict"}
    decision = done.summary["verdict"]["decision"]
    return {"decision": decision, **{name: value for name, value in done.summary.items() if name not in measured}}


def synthetic(folder: Path) -> Path:
    for name in ("spec.yaml", "questions.jsonl"):
        shutil.copy(SYNTHETIC / name, folder)
    return folder / "spec.yaml"


@pytest.fixture
def task(tmp_path: Path, stack: Stack) -> Iterator[Task]:
    with database_on(stack.postgresql) as url:
        servers = {"GPO_DATABASE_URL": url, "GPO_CHROMA_URL": stack.chroma, "PREFECT_API_URL": stack.api}
        yield Task(synthetic(tmp_path), url, servers)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> tuple[dict[str, Any], Rows]:
    """The result and the scored prompts of the loop without any server, its state in a folder."""
    path = synthetic(tmp_path_factory.mktemp("plain"))
    outcome = run_loop(path)
    task = Task(path, f"sqlite:///{path.parent}/.gpo/gpo.db", {})
    return result(Ended(0, summary_json(outcome, ""), "")), task.rows()


@contextmanager
def held_up(task: Task, after: int) -> Iterator["subprocess.Popen[str]"]:
    """The command, held up when it goes on to write after so many scored prompts; it goes on in the end."""
    open_database(task.database).dispose()
    engine = create_engine(task.database)
    process = task.start()
    try:
        with engine.connect() as connection:
            wait_until(lambda: process.poll() is not None or task.count(scored_prompts) >= after)
            connection.execute(text("LOCK TABLE scored_prompts IN EXCLUSIVE MODE"))
            assert process.poll() is None, process.communicate()
            yield process
    finally:
        engine.dispose()


def test_a_run_on_servers_that_is_killed_goes_on_and_is_the_run_in_a_folder(
    task: Task, plain: tuple[dict[str, Any], Rows]
) -> None:
    with held_up(task, 20) as process:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    kept = task.count(calls)
    done = task.run()
    assert (result(done), task.rows()) == plain
    assert 0 < done.paid <= task.count(calls) - kept + CHECKED
    assert task.count(runs) == 1
    state = task.path.parent / ".gpo"
    assert not any((state / name).exists() for name in ("gpo.db", "chroma", "prefect.db"))


def test_a_run_whose_prefect_server_is_restarted_does_not_notice(
    task: Task, stack: Stack, plain: tuple[dict[str, Any], Rows]
) -> None:
    with held_up(task, 8) as process:
        stack.web.kill()
        stack.web.start()
    assert result(ended(process)) == plain[0]
    assert task.rows() == plain[1]


def test_an_event_reaches_a_trigger(stack: Stack, tmp_path: Path) -> None:
    """Through the web server, Redis, and the services that judge triggers and act on them."""
    command = [sys.executable, "-c", TRIGGER, str(tmp_path), uuid4().hex]
    environment = {**os.environ, "PREFECT_API_URL": stack.api, "PYTHONPATH": str(ROOT)}
    ran = subprocess.Popen(
        command, env=environment, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    stdout, stderr = ran.communicate(timeout=2 * START_S)
    assert ran.returncode == 0, stderr
    assert json.loads(stdout) == {"dataset": "reviews", "version": 3}


# In a process of its own: Prefect takes its server from the environment as it is imported.
TRIGGER = """
import asyncio, json, sys, time
from pathlib import Path
from prefect import flow
from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.events import EventTrigger, emit_event
from prefect.events.actions import RunDeployment

name = sys.argv[2]

@flow(name=name)
def taken(dataset: str, version: int) -> None: ...

async def main():
    async with get_client() as client:
        flow_id = await client.create_flow(taken)
        made = await client.create_deployment(flow_id, name=name, enforce_parameter_schema=False)
        resource = {"prefect.resource.id": f"gpo.dataset.{name}"}
        version = {"__prefect_kind": "jinja", "template": "{{ event.payload.version | tojson }}"}
        typed = {"__prefect_kind": "json", "value": version}
        action = RunDeployment(
            source="selected", deployment_id=made, parameters={"dataset": "{{ event.payload.name }}", "version": typed}
        )
        expect = {"gpo.dataset.updated"}
        trigger = EventTrigger(match=resource, expect=expect, posture="Reactive", threshold=1, within=0)
        await Automation(name=name, trigger=trigger, actions=[action]).acreate()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            # Again and again: the services take a moment to learn of a new automation.
            emit_event("gpo.dataset.updated", resource=resource, payload={"name": "reviews", "version": 3})
            for _ in range(20):
                await asyncio.sleep(0.1)
                wanted = DeploymentFilter(id=DeploymentFilterId(any_=[made]))
                if found := await client.read_flow_runs(deployment_filter=wanted):
                    return found[0].parameters
    raise SystemExit("no run came of the event")

print(json.dumps(asyncio.run(main())))
"""
