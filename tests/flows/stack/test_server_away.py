"""A Prefect server that goes away in the middle of a run and comes back: the run goes on, and tells it of its end."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from flows.stack.environment import find_key
from flows.stack.server_users import PrefectServer
from flows.stack.ui import await_server, find_or_start_server, stop_server
from gpo.ports import is_free
from tests.support.commands import right, spec_content, write
from tests.support.endpoint import Request, serving
from tests.support.terminal import on_terminal

pytestmark = [pytest.mark.slow]

LEFT_OF_THE_START = 10 - 8
"""Examples of dev that the check does not ask for."""
BEGUN = 8 + 1 + LEFT_OF_THE_START
"""Calls before the first that asks for a proposal, which only a flow run makes."""
WHILE_AWAY = 6


class Gated:
    """Holds the calls back at two moments: as the first proposal is asked for, and some calls later."""

    def __init__(self) -> None:
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.away, self.is_back = threading.Event(), threading.Event()

    def __call__(self, request: Request) -> str:
        if request.number > BEGUN:
            self.begun.set()
            self.goes_on.wait(300)
        if request.number > BEGUN + WHILE_AWAY:
            self.away.set()
            self.is_back.wait(300)
        if request.model == "optimizer":
            return "ready" if "ready" in request.text else f"<START>Decide whether it is good ({request.number}).<END>"
        return right(request) if "Decide" in request.text else "negative"

    def open(self) -> None:
        self.goes_on.set()
        self.is_back.set()


@contextmanager
def started(home: Path, port: int) -> Iterator[PrefectServer]:
    server, _ = find_or_start_server(home, port)
    try:
        yield await_server(home, server)
    finally:
        stop_server(home)


def quiet_port() -> int:
    """A free port where neither the system nor other Prefect servers look for one, so that it is free again later."""
    return next(port for port in range(21_000 + os.getpid() % 8_000, 32_000) if is_free(port))


def kill(server: PrefectServer) -> None:
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while not is_free(server.port):  # a moment after the process is gone
        assert time.monotonic() < deadline, "the server runs on"
        time.sleep(0.02)


def states(server: PrefectServer, key: str) -> list[str]:
    name, _, word = key.partition(":")
    with httpx.Client(base_url=f"{server.url}/api/", auth=(name, word), timeout=60, trust_env=False) as api:
        return [each["state_type"] for each in api.post("flow_runs/filter", json={}).raise_for_status().json()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GPO_HOME", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "not-needed")
    return tmp_path


def test_a_run_goes_on_while_its_server_is_away_and_tells_it_later(folder: Path) -> None:
    home, respond = folder / "servers", Gated()
    with serving(respond) as endpoint, started(home, quiet_port()) as server:
        key = find_key(home) or ""
        path = write(folder, spec_content(endpoint.url, optimizer={"max_steps": 1, "candidates": 2}))
        variables = {"PREFECT_API_URL": f"{server.url}/api", "PREFECT_API_AUTH_STRING": key}
        try:
            with on_terminal("optimize", path, **variables) as terminal:
                terminal.until_set(respond.begun)
                assert states(server, key) == ["RUNNING"]
                kill(server)
                respond.goes_on.set()
                terminal.until_set(respond.away)  # what is paid for goes on
                with started(home, server.port) as back:
                    assert back.url == server.url
                    respond.is_back.set()
                    assert terminal.end() == 0, terminal.shown
                    assert states(back, key) == ["COMPLETED"]
        finally:
            respond.open()
    assert "Traceback" not in terminal.shown
    assert max(map(len, terminal.lines)) < 300


@pytest.mark.services
def test_a_server_that_comes_back_after_the_end_hears_of_it_from_the_next_command(folder: Path) -> None:
    """And a run that was killed is told of as well."""
    home, respond = folder / "servers", Gated()
    with serving(respond) as endpoint, started(home, quiet_port()) as server:
        key = find_key(home) or ""
        path = write(folder, spec_content(endpoint.url, optimizer={"max_steps": 1, "candidates": 2}))
        variables = {"PREFECT_API_URL": f"{server.url}/api", "PREFECT_API_AUTH_STRING": key}
        try:
            with on_terminal("optimize", path, **variables) as terminal:
                terminal.until_set(respond.begun)
                terminal.signal(signal.SIGKILL)
                assert terminal.end() == 128 + signal.SIGKILL
            assert states(server, key) == ["RUNNING"]
            respond.begun.clear()
            with on_terminal("optimize", path, **variables, PREFECT_CLIENT_MAX_RETRIES="0") as terminal:
                terminal.until_set(respond.begun)
                assert sorted(states(server, key)) == ["CRASHED", "RUNNING"]
                kill(server)
                respond.open()
                assert terminal.end() == 0, terminal.shown
            with started(home, server.port) as back:
                assert sorted(states(back, key)) == ["CRASHED", "RUNNING"]
                again = write(folder, yaml.safe_load(path.read_text(encoding="utf-8")) | {"name": "another"})
                with on_terminal("optimize", again, **variables) as terminal:
                    assert terminal.end() == 0, terminal.shown
                assert sorted(states(back, key)) == ["COMPLETED", "COMPLETED", "CRASHED"]
            assert not list((folder / ".gpo" / "prefect-runs").iterdir())
        finally:
            respond.open()
    assert "Traceback" not in terminal.shown
