"""Ctrl-C, SIGTERM and SIGKILL at different moments: how soon a command ends, what it keeps, what it leaves running."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.stack.process import start_time
from flows.stack.server_users import PrefectServer, record_path
from tests.support.commands import right, spec_content, write
from tests.support.endpoint import Endpoint, Request, serving
from tests.support.terminal import CTRL_C, on_terminal

pytestmark = [pytest.mark.slow]

CHECKED = 9
"""Calls of the check: eight of the task model, one of the optimizer model."""

LINE = 300


class Held:
    """A server that answers the calls of the check, and holds the others back until it is told."""

    def __init__(self, answered: int) -> None:
        self.answered = answered
        self.holds, self.go = threading.Event(), threading.Event()

    def __call__(self, request: Request) -> str:
        if request.number > self.answered:
            self.holds.set()
            self.go.wait(60)
        return right(request)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GPO_HOME", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "not-needed")
    return tmp_path


@pytest.fixture
def held() -> Iterator[tuple[Held, Endpoint]]:
    respond = Held(CHECKED)
    with serving(respond) as endpoint:
        yield respond, endpoint
        respond.go.set()


def write_spec(folder: Path, endpoint: Endpoint) -> Path:
    content = spec_content(endpoint.url, optimizer={"max_steps": 1, "candidates": 2})
    content["dataset"]["split"] = {"train": 4, "dev": 18, "test": 8}
    for name in ("task", "optimizer"):
        content["models"][name] |= {"max_concurrency": 4, "api_key_env": "OPENAI_API_KEY"}
    return write(folder, content)


def server_of(home: Path) -> PrefectServer:
    return PrefectServer.model_validate_json(record_path(home).read_text())


def until_gone(server: PrefectServer, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while start_time(server.pid) == server.start_time:
        assert time.monotonic() < deadline, "the server runs on"
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "Interrupted"), (signal.SIGTERM, "Terminated")])
def test_calls_in_flight_are_waited_for_and_kept(
    number: signal.Signals, word: str, folder: Path, held: tuple[Held, Endpoint]
) -> None:
    respond, endpoint = held
    path = write_spec(folder, endpoint)
    with on_terminal("evaluate", path, "--json") as terminal:
        terminal.until_set(respond.holds)
        if number == signal.SIGINT:
            terminal.press(CTRL_C)
        else:
            terminal.signal(number)
        terminal.until(rf"{word}: waiting up to 5 s for \d call")
        respond.go.set()
        assert terminal.end() == 128 + number
        assert terminal.lines[-1] == f"{word}. What was paid for is kept: the same command goes on from here."
    before = endpoint.calls
    with on_terminal("evaluate", path, "--json") as again:
        assert again.end() == 0
    texts = [(request.model, request.text) for request in endpoint.requests]
    assert before < len(texts) == len(set(texts))


def test_answers_of_an_interrupted_check_are_kept(folder: Path) -> None:
    respond = Held(answered=0)
    with serving(respond) as endpoint:
        path = write_spec(folder, endpoint)
        with on_terminal("optimize", path) as terminal:
            terminal.until_set(respond.holds)
            terminal.press(CTRL_C)
            terminal.until("Interrupted: waiting")
            respond.go.set()
            assert terminal.end() == 130
        with on_terminal("evaluate", path, "--json") as again:
            assert again.end() == 0
        texts = [(request.model, request.text) for request in endpoint.requests]
        assert len(texts) == len(set(texts))


def test_a_second_key_ends_it_at_once(folder: Path, held: tuple[Held, Endpoint]) -> None:
    respond, endpoint = held
    with on_terminal("evaluate", write_spec(folder, endpoint), "--json") as terminal:
        terminal.until_set(respond.holds)
        terminal.press(CTRL_C)
        terminal.until("once more ends it at once")
        terminal.press(CTRL_C)
        assert terminal.end() == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_while_prefect_starts_nothing_is_left(number: signal.Signals, folder: Path) -> None:
    with serving(right) as endpoint:
        path = write_spec(folder, endpoint)
        with on_terminal("optimize", path) as terminal:
            terminal.until(r"Prefect: http")
            server = server_of(path.parent / ".gpo")
            if number == signal.SIGINT:
                terminal.press(CTRL_C)
            else:
                terminal.signal(number)
            assert terminal.end() == 128 + number
            assert max(map(len, terminal.lines)) < LINE
            assert "Traceback" not in terminal.shown
        until_gone(server)


def test_in_the_middle_of_a_search_the_server_goes_last(folder: Path) -> None:
    respond = Held(CHECKED + 15)
    with serving(respond) as endpoint:
        path = write_spec(folder, endpoint)
        with on_terminal("optimize", path) as terminal:
            terminal.until_set(respond.holds)
            server = server_of(path.parent / ".gpo")
            terminal.press(CTRL_C)
            terminal.until("Interrupted: waiting")
            respond.go.set()
            assert terminal.end() == 130
            assert max(map(len, terminal.lines)) < LINE
            assert "Error" not in terminal.shown
        until_gone(server)
        with on_terminal("optimize", path) as again:
            assert again.end() == 0
            again_server = "Prefect: http" in again.shown
        assert again_server
        texts = [(request.model, request.text) for request in endpoint.requests if request.model == "task"]
        assert len(texts) == len(set(texts))
