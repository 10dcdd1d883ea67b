"""A real Prefect server of a state folder, as strangers see it: other users of the machine, and pages in a browser."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flows.stack.environment import key_path, prepare_prefect
from flows.stack.launch import launch
from flows.stack.server_users import PrefectServer, server_log
from flows.stack.ui import ensure_server, stop_server
from gpo.errors import StateError
from gpo.ports import find_free_port

pytestmark = [pytest.mark.slow]

CREATE = "/api/deployments/00000000-0000-0000-0000-000000000000/create_flow_run"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> Path:
    return tmp_path_factory.mktemp("state") / ".gpo"


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[PrefectServer]:
    prepare_prefect(home)
    yield ensure_server(home)
    stop_server(home)


@pytest.fixture
def stranger(server: PrefectServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        yield client


def key(home: Path) -> tuple[str, str]:
    user, _, password = key_path(home).read_text().partition(":")
    return user, password


def test_who_has_the_key_is_answered(stranger: httpx.Client, home: Path) -> None:
    assert stranger.post("/api/flow_runs/filter", json={}, auth=key(home)).json() == []
    assert stranger.get("/api/health").status_code == 200


@pytest.mark.parametrize("auth", [None, ("gpo", "wrong"), ("", "")])
def test_another_user_of_the_machine_reads_and_starts_nothing(
    auth: tuple[str, str] | None, stranger: httpx.Client
) -> None:
    for path in ("/api/flow_runs/filter", "/api/artifacts/filter", "/api/logs/filter", CREATE):
        assert stranger.post(path, json={}, auth=auth).status_code == 401
    assert stranger.get("/api/admin/settings", auth=auth).status_code == 401


def test_a_page_from_elsewhere_may_not_even_ask_whether_it_may(stranger: httpx.Client, home: Path) -> None:
    preflight = {
        "Origin": "http://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    for answer in (
        stranger.options(CREATE, headers=preflight),
        stranger.post(CREATE, json={}, headers={"Origin": "http://evil.example"}, auth=key(home)),
        stranger.get("/api/health", headers={"Origin": "null"}),
    ):
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_its_own_page_may(stranger: httpx.Client, server: PrefectServer, home: Path) -> None:
    origin = {"Origin": server.url}
    answer = stranger.post("/api/flow_runs/filter", json={}, headers=origin, auth=key(home))
    assert answer.json() == []
    assert stranger.get("/", headers=origin, follow_redirects=True).status_code == 200


def test_a_foreign_name_that_points_to_this_machine_is_not_answered(stranger: httpx.Client, home: Path) -> None:
    for path in ("/api/health", "/", "/api/admin/version"):
        answer = stranger.get(path, headers={"Host": "evil.example"}, auth=key(home))
        assert answer.status_code == 421
        assert "evil" not in answer.text


def test_its_files_are_its_owners(server: PrefectServer, home: Path) -> None:
    assert home.stat().st_mode & 0o777 == 0o700
    for path in (key_path(home), home / "prefect.db", home / "prefect-server.json", server_log(home)):
        assert path.stat().st_mode & 0o077 == 0, path
    arguments = Path(f"/proc/{server.pid}/cmdline").read_bytes().decode()
    assert key(home)[1] not in arguments


def lines_of(statements: str) -> list[str]:
    return sorted(line.strip(" \t,") for line in statements.splitlines())


def test_the_shipped_database_is_the_one_that_prefect_makes(tmp_path: Path) -> None:
    """Where this fails, Prefect has new migrations: write `made` to flows/stack/prefect.sql."""
    import sqlite3
    from contextlib import closing

    from flows.stack import prefect_server

    # In a process of its own: Prefect keeps the first database that a process has asked it for.
    url = f"sqlite+aiosqlite:///{tmp_path}/prefect.db"
    code = "import asyncio, prefect.server.database as it; asyncio.run(it.provide_database_interface().create_db())"
    environment = {**os.environ, "PREFECT_SERVER_DATABASE_CONNECTION_URL": url}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as database:
        made = "\n".join(database.iterdump())
    # The constraints of a table come in any order.
    shipped = prefect_server._EMPTY.read_text(encoding="utf-8")
    assert lines_of(made) == lines_of(shipped)


def test_a_second_key_is_not_made(server: PrefectServer, home: Path) -> None:
    before = key_path(home).read_text()
    assert ensure_server(home) == server
    assert key_path(home).read_text() == before
    assert json.loads((home / "prefect-server.json").read_text())["pid"] == server.pid
    assert find_free_port(server.port) != server.port


def test_why_a_server_cannot_load_stands_in_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_TIMEOUT", "soon")
    with pytest.raises(StateError, match=r"did not start \(.*ValidationError.*ServerDatabaseSettings"):
        ensure_server(tmp_path / ".gpo")


def test_servers_that_start_at_once_take_ports_of_their_own(tmp_path: Path) -> None:
    launched = [launch(tmp_path / name, 4870) for name in ("one", "two", "three")]
    for each in launched:
        each.drop()
    assert len({each.port for each in launched}) == 3
