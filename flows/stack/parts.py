"""The parts of the local stack: the command that starts each, and the question that shows whether it works."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import httpx

from flows.stack import POOL
from flows.stack.process import PYTHON, http_status
from gpo.search.memory.chroma import HEARTBEAT
from gpo.settings import load_settings

POOL_LIMIT = 4
"""How many runs a new pool has at a time; what is changed in the Prefect UI stays."""

CHROMA, PROMPTS, SERVER, WORKER = "chroma", "prompts", "server", "worker"
_TIMEOUT_S = 5.0
_OVER = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class StackPart:
    """A part that is started for an address. `name` is also its log's. `has_key`: one that works has the key of now."""

    name: str
    url: str
    command: tuple[str, ...]
    works: Callable[[], bool]
    has_key: Callable[[], bool] = lambda: True


def log_path(home: Path, name: str) -> Path:
    """Where a part prints to."""
    return home / "logs" / f"{name}.log"


def chroma_part(home: Path, host: str, port: int) -> StackPart:
    """The Chroma server. Its folder is not the one of the embedded Chroma, which has one owner."""
    url = f"http://{host}:{port}"
    command = (*PYTHON, "gpo.search.memory.chroma_server", str(home / "chroma-server"), str(port))
    return StackPart(CHROMA, url, command, lambda: http_status(f"{url}{HEARTBEAT}") == httpx.codes.OK)


def prompts_part(home: Path, host: str, port: int) -> StackPart:
    """The prompt endpoint. That its database is away is not its fault."""
    url = f"http://{host}:{port}"
    command = (
        *(*PYTHON, "flows.cli.app", "serve-prompts"),
        *("--host", host, "--port", str(port), "--home", str(home)),
    )

    def has_key() -> bool:
        key = load_settings().prompts_key
        shown = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
        return http_status(f"{url}/v1/prompts", shown) != httpx.codes.UNAUTHORIZED

    return StackPart(PROMPTS, url, command, lambda: http_status(f"{url}/healthz") is not None, has_key)


def worker_name(number: int) -> str:
    """The name of a worker, from 1, as a part of the stack."""
    return f"{WORKER}-{number}"


def worker_command(name: str) -> tuple[str, ...]:
    """A worker that serves the pool once there is one."""
    options = ("--pool", POOL, "--type", "process", "--name", name, "--install-policy", "never")
    return (*PYTHON, "flows.stack.prefect_cli", POOL, "worker", "start", *options)


def deploy_command() -> tuple[str, ...]:
    """All deployments of the `prefect.yaml` in the working folder, once there is a pool."""
    return (*PYTHON, "flows.stack.prefect_cli", POOL, "--no-prompt", "deploy", "--all")


class PrefectApi:
    """What the stack asks its Prefect server. Prefect's own client takes longer to import than all of it."""

    def __init__(self, api_url: str, auth: str | None) -> None:
        """Ask the server at `api_url`; `auth` is `USER:PASSWORD` or None."""
        self._client = httpx.Client(
            base_url=f"{api_url}/",
            auth=_basic(auth),
            timeout=_TIMEOUT_S,
            trust_env=False,
            transport=httpx.HTTPTransport(retries=2),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.close()

    def has_pool(self, name: str) -> bool:
        """Whether there is a work pool of this name; also false while the server cannot be reached."""
        try:
            return self._client.get(f"work_pools/{name}").is_success
        except httpx.HTTPError:
            return False

    def make_pool(self, name: str, limit: int) -> None:
        """Make a work pool for processes, unless it is there."""
        if self.has_pool(name):
            return
        workers = self._client.get("collections/views/aggregate-worker-metadata").raise_for_status().json()
        template = workers["prefect"]["process"]["default_base_job_configuration"]
        pool = {"name": name, "type": "process", "base_job_template": template, "concurrency_limit": limit}
        answer = self._client.post("work_pools/", json=pool)
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()

    def worker_heartbeats(self, pool: str) -> Mapping[str, str]:
        """When each worker of a pool was last heard of, by name; ISO times, which sort."""
        try:
            found = self._client.post(f"work_pools/{pool}/workers/filter", json={})
            return {each["name"]: each["last_heartbeat_time"] or "" for each in found.raise_for_status().json()}
        except httpx.HTTPError:
            return {}

    def find_interrupted_runs(self, pool: str, before: datetime, alive: Collection[str]) -> list[str]:
        """The runs of a pool that are said to run since before a time, and are not among those alive."""
        states = {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}
        wanted = {"work_pools": {"name": {"any_": [pool]}}, "flow_runs": {"state": states}, "limit": 200}
        found = self._client.post("flow_runs/filter", json=wanted).raise_for_status().json()
        return [
            run["id"]
            for run in found
            if run["id"] not in alive and datetime.fromisoformat(run["state"]["timestamp"]) < before
        ]

    def send_events(self, events: Sequence[Mapping[str, object]]) -> None:
        """Tell the server of events.

        Raises:
            httpx.HTTPError: it did not take them.
        """
        self._client.post("events", json=events).raise_for_status()

    def resume(self, run: str) -> bool:
        """Have a run that was interrupted begin again; whether it will. One that was being cancelled is Cancelled."""
        try:
            state = self._client.get(f"flow_runs/{run}").raise_for_status().json()["state"]["type"]
            if state == "CANCELLING":
                self._client.post(f"flow_runs/{run}/set_state", json={"state": {"type": "CANCELLED"}})
            if state not in ("RUNNING", "PENDING", "CRASHED"):
                return False
            again = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "The stack was stopped while this ran."}
            # Of a run that is over, the rules of the server would keep the state.
            change = {"state": again, "force": state == "CRASHED"}
            return self._client.post(f"flow_runs/{run}/set_state", json=change).is_success
        except httpx.HTTPError:
            return False

    def end(self, run: str, state: str, message: str) -> None:
        """Set the state of a flow run that is over and of which the server does not know it.

        Raises:
            httpx.HTTPError: the server cannot be asked.
        """
        found = self._client.get(f"flow_runs/{run}")
        if found.status_code == httpx.codes.NOT_FOUND:  # another server's, or removed since
            return
        known = (found.raise_for_status().json()["state"] or {}).get("type")
        if known in _OVER:
            return
        change = {"state": {"type": state, "message": message}, "force": True}
        self._client.post(f"flow_runs/{run}/set_state", json=change).raise_for_status()


def _basic(auth: str | None) -> tuple[str, str] | None:
    user, colon, password = (auth or "").partition(":")
    return (user, password) if colon else None
