"""Functions of one's own behind `gpo evaluate`: what goes wrong in them is theirs, and stdout stays JSON alone."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from flows.cli.app import app
from tests.support.endpoint import Endpoint, Request, serving

ANSWER = "a" * 60 + "b"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    names = [name for name in os.environ if name.startswith(("GPO_", "OPENAI_", "PREFECT_"))]
    with patch.dict(os.environ):
        for name in names:
            del os.environ[name]
        os.environ.update(NO_PROXY="127.0.0.1", OPENAI_API_KEY="none")
        monkeypatch.chdir(tmp_path)
        yield tmp_path


def answered(request: Request) -> str:
    """Right but for the first question."""
    return ANSWER if "number 0?" in request.text else "yes"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving(answered) as running:
        yield running


def evaluated(folder: Path, endpoint: Endpoint, metric: object, source: str = "", **changes: Any) -> Result:
    rows = [{"q": f"number {n}?", "user": f"u{n}", "a": "yes"} for n in range(40)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "scoring.py").write_text(source)
    content = {
        "name": "t",
        "prompt": {"instruction": "Say yes.", "messages": [{"user": "{{q}} {{instruction}}"}]},
        "dataset": {"path": "rows.jsonl", "input": "q", "reference": "a", "split": {"train": 0, "dev": 39, "test": 1}},
        "metric": metric,
        "models": {"task": {"model": "openai:task", "base_url": endpoint.url, "max_retries": 0}},
    }
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump({**content, **changes}))
    return CliRunner().invoke(app, ["evaluate", str(path), "--json"])


@pytest.mark.slow
def test_what_a_function_prints_does_not_stand_in_the_json(folder: Path, endpoint: Endpoint) -> None:
    source = "print('hello')\ndef f(answer, reference):\n    print('scoring', answer)\n    return 1.0000000001"
    result = evaluated(folder, endpoint, "scoring:f", source)
    assert json.loads(result.stdout)["score"] == 1
    assert "scoring yes" in result.stderr


@pytest.mark.slow
def test_an_exception_is_laid_to_the_function_and_not_to_the_model(folder: Path, endpoint: Endpoint) -> None:
    result = evaluated(
        folder, endpoint, "scoring:f", "def f(answer, reference): return {'yes': 1}[answer]", max_failure_rate=0
    )
    assert result.exit_code in {1, 2}
    assert result.stdout == ""
    assert "metric function 'scoring:f' raised KeyError" in result.stderr
    assert ANSWER in result.stderr
    assert "a model named in the spec" not in result.stderr
    assert "calls failed" not in result.stderr


@pytest.mark.slow
def test_an_expression_that_takes_too_long_costs_one_score_and_not_the_run(folder: Path, endpoint: Endpoint) -> None:
    result = evaluated(folder, endpoint, {"name": "regex", "pattern": "^(yes|(a|aa)+$)"}, max_failure_rate=0.05)
    shown = json.loads(result.stdout)
    assert (shown["score"], shown["n"], shown["failed"]) == (1, 38, 1)
    assert "gave up on the expression" in result.stderr


@pytest.mark.slow
def test_a_function_sees_the_row(folder: Path, endpoint: Endpoint) -> None:
    source = "async def f(text, row): return row['user'].startswith('u') and row['a'] == 'yes' and len(text) > 2"
    result = evaluated(
        folder,
        endpoint,
        "scoring:f",
        source,
        dataset={
            "path": "rows.jsonl",
            "input": ["q", "user"],
            "reference": "a",
            "split": {"train": 0, "dev": 39, "test": 1},
        },
    )
    assert json.loads(result.stdout)["score"] == 1
    assert "No message" not in result.stderr


def test_an_input_that_no_message_uses_is_named(folder: Path, endpoint: Endpoint) -> None:
    dataset = {
        "path": "rows.jsonl",
        "input": ["q", "user"],
        "reference": "a",
        "split": {"train": 0, "dev": 39, "test": 1},
    }
    result = evaluated(folder, endpoint, "contains", dataset=dataset)
    assert "No message of `prompt` uses `user` of dataset.input" in result.stderr
    prompt = {"instruction": "Say yes.", "messages": [{"user": "{{user-name}} {{q}} {{instruction}}"}]}
    result = evaluated(folder, endpoint, "contains", dataset=dataset, prompt=prompt)
    assert result.exit_code == 2
    assert "{{user-name}}, which is no variable" in result.stderr
