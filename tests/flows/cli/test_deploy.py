"""`gpo deploy` on a real Prefect server: the deployment it makes is there, and made once."""

import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from flows.cli.app import app
from flows.stack import POOL
from flows.stack.parts import PrefectApi
from gpo.models.synthetic.task import dataset
from tests.conftest import without_leftovers_of_prefect

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

NAME = "deployed-sums"


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "questions.jsonl").write_text(dataset(60), encoding="utf-8")
    path = tmp_path / "spec.yaml"
    content = {
        "name": NAME,
        "prompt": {"instruction": "Solve the problem.", "messages": [{"user": "{{question}}\n{{instruction}}"}]},
        "dataset": {"name": NAME, "input": "question", "reference": "answer"},
        "answer": {"kind": "number"},
        "models": {"task": {"model": "synthetic:task"}, "optimizer": {"model": "synthetic:optimizer"}},
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def gpo(api: str, *arguments: str, code: int = 0) -> Result:
    with patch.dict(os.environ, {"PREFECT_API_URL": api}), without_leftovers_of_prefect(api):
        result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def found(api: str) -> list[dict[str, Any]]:
    wanted = {"deployments": {"name": {"any_": [NAME]}}}
    return list(httpx.post(f"{api}/deployments/filter", json=wanted).raise_for_status().json())


def test_a_prompt_is_deployed_once_and_keeps_what_is_not_said_again(prefect_api: str, spec: Path) -> None:
    with PrefectApi(prefect_api, None) as server:
        server.make_pool(POOL, 4)
    first = gpo(prefect_api, "deploy", str(spec), "--cron", "0 3 * * *", "--timezone", "Europe/Berlin")
    assert first.stdout.startswith(f"Deployed reoptimize-prompt/{NAME}\n")
    assert f"Starts when `gpo dataset push {NAME} FILE` stores a new version; there is none yet\n" in first.stdout
    gpo(prefect_api, "dataset", "push", NAME, "questions.jsonl", "--input", "question", "--reference", "answer")
    again = gpo(prefect_api, "deploy", str(spec), "--paused")
    assert f"; with version 1, which is there, now: `gpo dataset announce {NAME}`\n" in again.stdout
    (deployment,) = found(prefect_api)
    (schedule,) = deployment["schedules"]
    assert schedule["schedule"].items() >= {"cron": "0 3 * * *", "timezone": "Europe/Berlin"}.items()
    assert deployment["paused"]
    assert deployment["global_concurrency_limit"]["limit"] == 1
    assert deployment["parameters"] == {"spec": str(spec)}
    automations = httpx.post(f"{prefect_api}/automations/filter", json={}).raise_for_status().json()
    (automation,) = (each for each in automations if each["name"] == f"{NAME} when dataset {NAME} changes")
    assert automation["trigger"]["expect"] == ["gpo.dataset.updated"]
    assert automation["actions"][0]["deployment_id"] == deployment["id"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cron", "every night"], "--cron: received 'every night'; give minute, hour"),
        (["--cron", "0 3 * * *", "--timezone", "Berlin"], "--timezone: unknown time zone 'Berlin'"),
        (["--pool", "gpo-proces"], "--pool: no work pool 'gpo-proces'"),
    ],
)
def test_what_cannot_be_deployed_is_said(prefect_api: str, spec: Path, options: list[str], message: str) -> None:
    result = gpo(prefect_api, "deploy", str(spec), *options, code=2)
    assert message in result.stderr
    assert not [each for each in found(prefect_api) if json.dumps(str(spec)) in json.dumps(each["parameters"])]


def test_without_a_server_it_is_said_how_to_start_one(spec: Path) -> None:
    result = CliRunner().invoke(app, ["deploy", str(spec)])
    assert result.exit_code == 1
    assert "start one with `gpo up`" in result.stderr
