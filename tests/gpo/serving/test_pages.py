"""Reports over HTTP: only with the key, and nothing but what lies in their folder."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gpo.prompts.server import PromptServer
from gpo.serving.pages import ServedPages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pages = tmp_path / "reports"
    (pages / "prompts").mkdir(parents=True)
    (pages / "index.html").write_text("<!DOCTYPE html>all", encoding="utf-8")
    (pages / "prompts" / "tickets.html").write_text("<!DOCTYPE html>tickets", encoding="utf-8")
    (pages / ".draft.html").write_text("draft", encoding="utf-8")
    (pages / "notes.txt").write_text("notes", encoding="utf-8")
    (tmp_path / "secret.html").write_text("secret", encoding="utf-8")
    (pages / "way-out.html").symlink_to(tmp_path / "secret.html")
    return pages


def client_of(folder: Path, key: str | None) -> TestClient:
    server = PromptServer("sqlite:///none.db", pages=ServedPages(folder, key))
    return TestClient(server.app, base_url="http://127.0.0.1")


def test_the_pages_are_for_whoever_has_the_key(folder: Path) -> None:
    with client_of(folder, "kéy") as client:
        asked = client.get("/reports")
        assert asked.status_code == 401
        assert asked.headers["www-authenticate"].startswith("Basic")
        for user, key in (("a", "wrong"), ("kéy", "")):
            assert client.get("/reports/", auth=(user, key)).status_code == 401
        assert client.get("/reports/", headers={"Authorization": "Basic !!"}).status_code == 401
        found = client.get("/reports", auth=("anyone", "kéy".encode()))
        assert (found.text, found.headers["content-type"]) == ("<!DOCTYPE html>all", "text/html; charset=utf-8")
        assert found.headers["cache-control"] == "no-store"
        assert client.get("/reports/prompts/tickets.html", auth=("a", "kéy".encode())).text.endswith("tickets")


def test_nothing_else_is_served(folder: Path) -> None:
    with client_of(folder, "key") as client:
        for path in (
            "../secret.html",
            "%2e%2e/secret.html",
            "way-out.html",
            ".draft.html",
            "notes.txt",
            "prompts",
            "none.html",
            "%00.html",
            f"{'a' * 300}.html",
        ):
            assert client.get(f"/reports/{path}", auth=("a", "key")).status_code == 404, path


def test_without_a_key_none_are_served(folder: Path) -> None:
    for key in (None, ""):
        with client_of(folder, key) as client:
            answer = client.get("/reports/", auth=("a", ""))
            assert (answer.status_code, "GPO_REPORTS_KEY" in answer.text) == (404, True)
