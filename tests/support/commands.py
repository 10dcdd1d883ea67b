"""Commands of `gpo` as a person calls them: a small task on an endpoint, and what a refusal looks like."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from click.testing import Result
from typer.testing import CliRunner

from flows.cli.app import app
from tests.support.endpoint import Request
from tests.support.paths import ROOT

Rows = list[dict[str, Any]]
Content = dict[str, Any]


def right(request: Request) -> str:
    if request.model == "optimizer":
        return "ready"
    return "positive" if "is good." in request.text else "negative"


def rows(count: int = 30) -> Rows:
    return [
        {
            "id": f"r{i}",
            "review": f"Thing {i} is {'good' if i % 2 else 'bad'}.",
            "label": ["negative", "positive"][i % 2],
        }
        for i in range(count)
    ]


def jsonl(content: Rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in content)


def spec_content(url: str, **changes: Any) -> Content:
    content = {
        "name": "reviews",
        "prompt": {"instruction": "Is it good?", "messages": [{"user": "{{review}}\n{{instruction}}"}]},
        "dataset": {
            "path": "reviews.jsonl",
            "input": "review",
            "reference": "label",
            "id": "id",
            "split": {"train": 6, "dev": 10, "test": 12},
        },
        "answer": {"kind": "choice", "labels": ["positive", "negative"]},
        "models": {
            "task": {"model": "openai:task", "base_url": url, "max_retries": 0},
            "optimizer": {"model": "openai:optimizer", "base_url": url, "max_retries": 0},
            "embedding": "local:wordllama",
        },
    }
    return content | changes


def task_model(**changes: Any) -> Callable[[Content], None]:
    """A change of the spec's task model; None removes a key."""

    def change(content: Content) -> None:
        model = content["models"]["task"] | changes
        content["models"]["task"] = {key: value for key, value in model.items() if value is not None}

    return change


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} | {
        str(path.relative_to(folder)): b"a folder" for path in folder.rglob("*") if path.is_dir()
    }


def write(folder: Path, content: Content, data: bytes | str | None = None) -> Path:
    raw = jsonl(rows()) if data is None else data
    (folder / "reviews.jsonl").write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    path = folder / "reviews.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def gpo(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(result: Result, *fragments: str) -> None:
    """Exit code 2, one message that holds the fragments, and nothing on stdout."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert [line for line in result.stderr.splitlines() if line.startswith("Error")] == [result.stderr.splitlines()[0]]
    assert "Traceback" not in result.stderr
    assert len(result.stderr) < 1500
    for fragment in fragments:
        assert fragment in result.stderr


def environment() -> dict[str, str]:
    """The environment of this process, for a command in a process of its own: it finds the code from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}
