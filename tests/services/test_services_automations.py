"""Automations that follow a prompt, on the Prefect server of a state folder: from a command to the run it starts."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.stack.server_users import read_server
from tests.services.servers import START_S, wait_until
from tests.services.test_services_runs import synthetic
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.services, pytest.mark.usefixtures("own_environment")]

TAKEN = """
import asyncio
from prefect import flow
from prefect.client.orchestration import get_client

@flow(name="reload-bot")
def reload_bot(prompt: str, version: int): ...

async def main():
    async with get_client() as client:
        await client.create_deployment(await client.create_flow(reload_bot), name="production")

asyncio.run(main())
"""


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """That of commands, with the state folder's own server as `gpo ui start` starts it."""
    home = tmp_path / ".gpo"
    mine = {**os.environ, "GPO_HOME": str(home), "PYTHONPATH": str(ROOT)}
    run(mine, "-m", "flows.cli.app", "ui", "start")
    server = read_server(home)
    assert server is not None
    key = (home / "prefect-key").read_text().strip()
    yield {**mine, "PREFECT_API_URL": f"{server.url}/api", "PREFECT_API_AUTH_STRING": key}
    run(mine, "-m", "flows.cli.app", "ui", "stop")


def run(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, text=True, capture_output=True, timeout=2 * START_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_prompt_that_is_promoted_starts_the_deployment_that_follows_it(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    run(environment, "-c", TAKEN)
    for _ in range(2):  # again: it is renewed, and acts once
        run(environment, "deployments/follow_prompt.py", "synthetic", "reload-bot/production")
    # As a person types it, who has no address in the environment: the command finds the folder's server.
    typed = {name: value for name, value in environment.items() if not name.startswith("PREFECT_API")}
    run(typed, "-m", "flows.cli.app", "prompt", "register", str(synthetic(tmp_path)), "--promote")

    user, _, password = environment["PREFECT_API_AUTH_STRING"].partition(":")
    with httpx.Client(base_url=environment["PREFECT_API_URL"], auth=(user, password), trust_env=False) as api:

        def ask(what: str, wanted: dict[str, Any]) -> Any:
            return api.post(f"/{what}/filter", json=wanted).raise_for_status().json()

        def executed() -> list[Any]:
            wanted = {"filter": {"event": {"name": ["prefect.automation.action.executed"]}}, "limit": 10}
            return list(ask("events", wanted)["events"])

        wait_until(executed)
        runs = ask("flow_runs", {"flows": {"name": {"any_": ["reload-bot"]}}})
    assert [each["parameters"] for each in runs] == [{"prompt": "synthetic", "version": 1}], json.dumps(runs)
