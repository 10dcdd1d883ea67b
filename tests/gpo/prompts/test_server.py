import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from gpo.database.engine import open_database
from gpo.messages.message import Message
from gpo.prompts.registry import Registry
from gpo.prompts.server import PromptServer, serve
from gpo.serving import connections
from gpo.template import render
from tests.gpo.prompts.test_registry import LINEAGE, NAME, TEMPLATE, content
from tests.support.paths import ROOT


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def registry(folder: Path) -> Iterator[Registry]:
    engine = open_database(f"sqlite:///{folder}/gpo.db")
    registry = Registry(engine)
    registry.register(NAME, content("Is it {good}?"), lineage=LINEAGE)
    registry.register(NAME, content("Größer?"))
    registry.promote(NAME, 1, who="ada", why="first")
    yield registry
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(folder: Path, registry: Registry, clock: Clock) -> Iterator[PromptServer]:
    server = PromptServer(f"sqlite:///{folder}/gpo.db", clock)
    yield server
    server.close()


@pytest.fixture
def client(server: PromptServer) -> Iterator[TestClient]:
    with TestClient(server.app) as client:
        yield client


def test_production_can_be_sent_from_what_is_served(client: TestClient, registry: Registry) -> None:
    answer = client.get(f"/v1/prompts/{NAME}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=10, stale-if-error=86400"
    served = answer.json()
    kept = registry.resolve(NAME)
    assert (served["version"], served["digest"], served["variables"]) == (1, kept.digest, ["review"])
    assert served["lineage"]["gain"] == {"value": 0.1, "low": 0.02, "high": 0.2}
    messages = [Message(**message) for message in served["messages"]]
    assert render(messages, served["instruction"], {"review": "x"}) == kept.content.messages({"review": "x"})
    assert messages == list(TEMPLATE)


def test_an_alias_a_version_the_list_and_the_history(client: TestClient, registry: Registry) -> None:
    registry.promote(NAME, 2, "challenger", who="flow", why="won")
    assert client.get(f"/v1/prompts/{NAME}?alias=challenger").json()["instruction"] == "Größer?"
    fixed = client.get(f"/v1/prompts/{NAME}?version=1")
    assert (fixed.json()["version"], fixed.headers["cache-control"]) == (1, "public, max-age=31536000, immutable")
    (listed,) = client.get("/v1/prompts").json()["prompts"]
    assert (listed["name"], listed["versions"], listed["aliases"]) == (NAME, 2, {"challenger": 2, "production": 1})
    history = client.get(f"/v1/prompts/{NAME}/history").json()
    assert [(move["alias"], move["to_version"], move["why"]) for move in history["moves"]] == [
        ("production", 1, "first"),
        ("challenger", 2, "won"),
    ]


def test_an_etag_saves_the_body_until_something_changes(
    client: TestClient, registry: Registry, server: PromptServer
) -> None:
    path = f"/v1/prompts/{NAME}"
    etag = client.get(path).headers["etag"]
    for condition in (etag, f'W/{etag}, "other"', "*"):
        again = client.get(path, headers={"If-None-Match": condition})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    registry.promote(NAME, 2, who="ada", why="")
    assert server.refresh()
    changed = client.get(path, headers={"If-None-Match": etag})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert changed.headers["etag"] != etag


@pytest.mark.parametrize(
    ("path", "status", "fragment"),
    [
        ("/v1/prompts/none", 404, "no such prompt"),
        (f"/v1/prompts/{NAME}?alias=none", 404, "no such prompt, alias"),
        (f"/v1/prompts/{NAME}?version=99", 404, "or version"),
        ("/v1/prompts/none/history", 404, "no such prompt"),
        (f"/v1/prompts/{NAME}?version=abc", 400, "must be a number"),
        (f"/v1/prompts/{NAME}?version=0", 400, "must be a number"),
        (f"/v1/prompts/{NAME}?version={'9' * 5000}", 400, "must be a number"),
        (f"/v1/prompts/{NAME}?version=1&alias=production", 400, "either"),
        (f"/v1/prompts/{NAME}?tag=x", 400, "unknown parameter 'tag'"),
    ],
)
def test_what_cannot_be_served(client: TestClient, path: str, status: int, fragment: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")
    assert fragment in answer.json()["error"]
    assert "gpo.db" not in answer.text


def test_an_address_that_does_not_exist_is_no_redirect_to_somewhere_else(client: TestClient) -> None:
    answer = client.get(f"/v1/prompts/{NAME}/", headers={"Host": "evil.example"}, follow_redirects=False)
    assert answer.status_code == 404
    assert "evil" not in f"{answer.headers}{answer.text}"


def test_what_is_held_is_served_without_a_look_at_the_database(
    client: TestClient, folder: Path, registry: Registry, server: PromptServer, clock: Clock
) -> None:
    paths = [f"/v1/prompts/{NAME}{rest}" for rest in ("", "?alias=production", "?version=1", "/history")]
    before = [client.get(path) for path in paths]
    registry.promote(NAME, 2, who="ada", why="better")
    folder.rename(folder.with_name("away"))
    again = [client.get(path) for path in paths]
    assert [(each.content, each.headers) for each in again] == [(each.content, each.headers) for each in before]
    folder.with_name("away").rename(folder)
    assert server.refresh()
    assert [client.get(path).json().get("version") for path in paths] == [2, 2, 1, None]
    assert len(client.get(paths[3]).json()["moves"]) == 2


def test_a_database_that_was_put_in_another_place_is_seen_in_the_end(
    client: TestClient, registry: Registry, server: PromptServer, clock: Clock
) -> None:
    path = f"/v1/prompts/{NAME}"
    client.get(path)
    assert server.refresh()
    with registry._engine.begin() as connection:  # as a backup that was played back: as many rows as before
        connection.exec_driver_sql("UPDATE prompt_aliases SET version = 2")
    assert server.refresh()
    assert client.get(path).json()["version"] == 1
    clock.now += 11
    assert server.refresh()
    assert client.get(path).json()["version"] == 2


@contextmanager
def listening(folder: Path, key: str | None = None) -> Iterator[int]:
    """The endpoint as the command serves it, in a thread: its port."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    servers: list[uvicorn.Server] = []

    class Noted(uvicorn.Server):
        def __init__(self, config: uvicorn.Config) -> None:
            super().__init__(config)
            servers.append(self)

    with patch("uvicorn.Server", Noted):
        arguments = (f"sqlite:///{folder}/gpo.db", "127.0.0.1", 0, said.put)
        thread = threading.Thread(target=serve, args=arguments, kwargs={"key": key})
        thread.start()
        address = said.get(timeout=60)
        try:
            yield int(address.split(":")[2].split("/")[0])
        finally:
            servers[0].should_exit = True
            thread.join()


def head(port: int, host: str) -> bytes:
    """The first line of what comes back for a request to a host of this name."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(f"GET /v1/prompts HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return client.makefile("rb").readline().strip()


def test_a_machine_answers_under_its_own_names_alone(folder: Path, registry: Registry) -> None:
    with listening(folder) as port:
        assert head(port, f"127.0.0.1:{port}") == b"HTTP/1.1 200 OK"
        assert head(port, f"localhost:{port}") == b"HTTP/1.1 200 OK"
        assert head(port, f"evil.example:{port}").startswith(b"HTTP/1.1 421")


def test_with_a_key_prompts_are_for_who_knows_it(folder: Path, registry: Registry) -> None:
    with listening(folder, "sesame") as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": "Basic sesame"}):
            for path in ("/v1/prompts", f"/v1/prompts/{NAME}", f"/v1/prompts/{NAME}/history", "/healthzz"):
                refused = client.get(path, headers=headers)
                assert (refused.status_code, NAME in refused.text) == (401, False)
        assert client.get(f"/v1/prompts/{NAME}", headers={"Authorization": "Bearer sesame"}).json()["version"] == 1
        assert client.get("/healthz").json() == {"status": "ok", "prompts": 1}


def test_who_says_nothing_is_not_waited_for(folder: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_S", 0.2)
    with listening(folder) as port, ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(3)]
        silent[0].sendall(b"GET /v1/prompts HTTP/1.1\r\nHost:")
        assert head(port, f"localhost:{port}") == b"HTTP/1.1 200 OK"
        assert [client.recv(1) for client in silent] == [b"", b"", b""]


def test_there_is_a_limit_to_connections(folder: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST", 2)
    with listening(folder) as port, ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(2)]
        for client in held:
            client.sendall(f"GET /v1/prompts HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
            assert client.recv(8) == b"HTTP/1.1"
        with socket.create_connection(("127.0.0.1", port), timeout=60) as more, suppress(ConnectionResetError):
            assert more.recv(1) == b""


def test_nothing_can_be_written(client: TestClient, registry: Registry) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, f"/v1/prompts/{NAME}").status_code == 405
    assert client.head(f"/v1/prompts/{NAME}").status_code == 200


def test_the_last_good_answer_is_served_while_the_database_is_away(
    client: TestClient, folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture, server: PromptServer
) -> None:
    path = f"/v1/prompts/{NAME}"
    good = client.get(path)
    assert client.get("/healthz").json() == {"status": "ok", "prompts": 1}
    folder.rename(folder.with_name("away"))
    clock.now += 42
    assert not server.refresh()
    for _ in range(3):
        stale = client.get(path)
        assert (stale.status_code, stale.content, stale.headers["etag"]) == (200, good.content, good.headers["etag"])
        assert (stale.headers["age"], stale.headers["warning"]) == ("42", '111 - "Revalidation Failed"')
    assert client.get(path, headers={"If-None-Match": good.headers["etag"]}).status_code == 304
    unseen = client.get(f"{path}?version=2")
    assert (unseen.status_code, unseen.headers["retry-after"]) == (503, "10")
    assert "gpo.db" not in unseen.text
    health = client.get("/healthz")
    assert (health.status_code, health.json()["status"]) == (200, "stale")
    folder.with_name("away").rename(folder)
    assert server.refresh()
    fresh = client.get(path)
    assert (fresh.status_code, "warning" in fresh.headers) == (200, False)
    assert [record.levelname for record in caplog.records if record.name == "gpo.serving.served_answers"] == [
        "WARNING"
    ] * 2


def test_a_server_may_start_before_its_database(folder: Path) -> None:
    server = PromptServer(f"sqlite:///{folder}/gpo.db")
    with TestClient(server.app) as client:
        assert client.get("/healthz").status_code == 503
        assert client.get(f"/v1/prompts/{NAME}").status_code == 503
        assert not folder.exists()
        engine = open_database(f"sqlite:///{folder}/gpo.db")
        registry = Registry(engine)
        assert client.get("/v1/prompts").json() == {"prompts": []}
        registry.register(NAME, content())
        registry.promote(NAME, 1, who="ada", why="")
        assert client.get(f"/v1/prompts/{NAME}").json()["version"] == 1
        engine.dispose()
    server.close()


@pytest.mark.slow
def test_the_command_serves_until_it_is_stopped(folder: Path, registry: Registry) -> None:
    command = [sys.executable, "-m", "flows.cli.app", "serve-prompts", "--port", "0", "--home", str(folder)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GPO_")}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stderr=subprocess.PIPE)
    assert server.stderr is not None
    try:
        found = re.search(r"http://127\.0\.0\.1:\d+/v1/prompts", server.stderr.readline())
        assert found is not None
        with httpx.Client(trust_env=False, timeout=60) as client:
            assert json.loads(client.get(f"{found[0]}/{NAME}").text)["version"] == 1
        taken = subprocess.run(
            [*command[:-4], "--port", found[0].split(":")[2].split("/")[0]],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert taken.returncode == 1
        assert "cannot be listened at; choose another with --port" in taken.stderr
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    assert server.returncode in (0, 130)
