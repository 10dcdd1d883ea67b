"""The flow that looks at sources which nobody pushes."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import fsspec
import httpx
import pytest

from gpo.datasets.fetch import FileFormat, fetch_source, rows_of_file, source_name, stamp_of
from gpo.datasets.registry import Datasets
from gpo.datasets.version import Changes, Pushed
from gpo.errors import DatasetError, SourceUnreachableError
from gpo.settings import Settings
from tests.conftest import without_leftovers_of_prefect
from tests.flows.cli.test_datasets import rows_of, wait_for

Watch = Callable[..., Pushed]


def text_of(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    with patch.dict(os.environ):
        for name in list(os.environ):
            if name.startswith("GPO_"):
                del os.environ[name]
        yield


@pytest.fixture
def watch(prefect_api: str, tmp_path: Path) -> Watch:
    from flows.watch_dataset import watch_dataset

    def run(name: str, source: str, **options: Any) -> Pushed:
        with without_leftovers_of_prefect(prefect_api):
            return asyncio.run(watch_dataset(name, source, home=tmp_path / "home", **options))

    return run


@pytest.mark.slow
def test_a_file_is_pushed_when_it_has_changed(watch: Watch, prefect_api: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(text_of(rows_of(30)))
    first = watch("watched", str(path))
    assert (first.is_new, first.version.version, first.version.changes) == (True, 1, Changes(added=30))
    assert not watch("watched", str(path)).is_new
    # One that nobody was told of, as after a kill, is told of at the next look.
    with sqlite3.connect(tmp_path / "home" / "gpo.db") as connection:
        connection.execute("UPDATE dataset_versions SET announced_at = NULL")
    connection.close()
    assert watch("watched", str(path)).version.announced_at is None
    assert watch("watched", str(path)).version.announced_at is not None
    path.write_bytes(text_of(rows_of(30)[::-1]))
    assert not watch("watched", str(path)).is_new
    path.write_bytes(text_of(rows_of(32)[1:]))
    second = watch("watched", str(path))
    assert (second.is_new, second.version.version, second.version.changes) == (True, 2, Changes(added=2, removed=1))
    assert second.version.source == str(path)
    events = wait_for(prefect_api, "watched", 3)
    assert [event["payload"]["version"] for event in events] == [1, 1, 2]
    assert events[0]["related"][0]["prefect.resource.role"] == "flow-run"
    (artifact,) = httpx.post(
        f"{prefect_api}/artifacts/latest/filter", json={"artifacts": {"key": {"any_": ["dataset-watched"]}}}
    ).json()
    assert artifact["data"].startswith("# watched version 2\n")
    assert "| 31 | 2 | 1 | 0 | 0 |" in artifact["data"]
    assert "id: r31" in artifact["data"]
    path.write_text("{")
    with pytest.raises(DatasetError, match="row 1: not valid JSON"):
        watch("watched", str(path))


@pytest.mark.slow
def test_other_fields_are_pushed_though_the_file_is_the_same(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("review;label;mood\n" + "".join(f"Thing {i} café;a;b\n" for i in range(30)), encoding="cp1252")
    fields = {"input_fields": ["review"], "reference_field": "label", "encoding": "cp1252"}
    assert watch("fields", str(path), **fields).version.labels == {"a": 30}
    assert not watch("fields", str(path), encoding="cp1252").is_new
    assert watch("fields", str(path), **fields | {"reference_field": "mood"}).version.labels == {"b": 30}


# Sources as files


def of(source: str, folder: Path) -> list[dict[str, Any]]:
    return [dict(row) for _, row in rows_of_file(*fetch_source(source, folder)) if not isinstance(row, DatasetError)]


def test_a_url_is_read_and_its_stamp_changes_with_it(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/watched/rows.jsonl", text_of(rows_of(3)))
    url = "memory://watched/rows.jsonl"
    before = stamp_of(url)
    assert before is not None
    assert stamp_of(url) == before != stamp_of(url, FileFormat(encoding="cp1252"))
    assert [row["id"] for row in of(url, tmp_path)] == ["r0", "r1", "r2"]
    memory.pipe_file("/watched/rows.jsonl", text_of(rows_of(4)))
    assert stamp_of(url) != before
    assert len(of(url, tmp_path)) == 4
    memory.rm("/watched", recursive=True)
    with pytest.raises(DatasetError, match=r"memory://watched/rows\.jsonl: no such file"):
        stamp_of(url)


def test_a_query_is_asked_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(tmp_path / "reviews.db") as connection:
        connection.execute("CREATE TABLE reviews (text TEXT, stars REAL, picture BLOB)")
        connection.execute("INSERT INTO reviews VALUES ('Größer', 0.5, x'00')")
    connection.close()
    monkeypatch.setenv("GPO_DATASET_URL", f"sqlite:///{tmp_path}/reviews.db")
    query = "SELECT text, stars FROM reviews"
    assert stamp_of(query) is None
    assert of(query, tmp_path) == [{"text": "Größer", "stars": "0.5"}]
    with pytest.raises(DatasetError, match=r"the query: row 1: field `picture`: b'.x00' has no form in JSON"):
        fetch_source("select * from reviews", tmp_path)


def test_a_url_that_does_not_answer_may_answer_later(tmp_path: Path) -> None:
    """So that the flow tries again."""
    with pytest.raises(SourceUnreachableError, match=r"http://127\.0\.0\.1:1/rows\.jsonl: cannot be reached"):
        stamp_of("http://127.0.0.1:1/rows.jsonl")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.jsonl", "none.jsonl: cannot be read: No such file or directory"),
        ("memory://x/rows.txt", "cannot tell the format from the ending '.txt'"),
        ("hub:org/name?split=test", "unknown option 'split'; allowed: config, revision"),
        ("hub:a b", "names no dataset; write hub:org/name"),
        ("nosuch://me:hunter2@host/rows.csv", "nosuch://host/rows.csv: cannot be read .ValueError: Protocol not known"),
    ],
)
def test_a_source_that_is_none_is_said(source: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        stamp_of(source)
    assert "hunter2" not in str(caught.value)


def test_a_record_holds_no_password() -> None:
    assert source_name("sftp://me:hunter2@host/rows.csv") == "sftp://host/rows.csv"
    assert source_name("SELECT 'a://b'") == "SELECT 'a://b'"


def test_a_stamp_is_of_the_content_not_of_the_file(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl", "c.json"):
        (tmp_path / name).write_bytes(b"{}")
    a, b, c = (stamp_of(str(tmp_path / name)) for name in ("a.jsonl", "b.jsonl", "c.json"))
    assert a == b != c


def test_a_push_of_a_watched_file_needs_no_second_look(tmp_path: Path) -> None:
    """`gpo dataset push` leaves the stamp that the flow compares with."""
    from typer.testing import CliRunner

    from flows.cli.app import app

    path = tmp_path / "rows.jsonl"
    path.write_bytes(text_of(rows_of(30)))
    with patch.dict(os.environ, {"GPO_HOME": str(tmp_path / "home"), "PREFECT_HOME": str(tmp_path)}):
        assert CliRunner().invoke(app, ["dataset", "push", "reviews", str(path)]).exit_code == 0
    assert Datasets(Settings(), tmp_path / "home").get("reviews").stamp == stamp_of(str(path))
