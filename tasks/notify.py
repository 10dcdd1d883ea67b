"""Notifies people of what became of a run, by Prefect notification blocks and by a webhook."""

from pathlib import Path
from typing import Any

import httpx
from prefect import task
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.logging import get_logger, get_run_logger

from gpo.production.starting_point import prompt_name
from gpo.records import Record
from gpo.settings import read_secret
from gpo.spec.file import load_spec
from gpo.spec.production import NotifySpec

TIMEOUT_S = 20.0


class Notice(Record):
    """What is told: `page` is the run's address in the Prefect UI, if it has one."""

    status: str
    subject: str
    text: str
    page: str | None = None


class NotificationError(Exception):
    """Someone could not be told."""


async def try_to_notify(told: NotifySpec, message: Notice) -> None:
    """Send a message to all who want it. No run fails for it: what could not be sent is logged and seen in the task."""
    if message.status not in told.when or not (told.blocks or told.webhook_env):
        return
    state: State[None] = await notify(told, message, return_state=True)  # type: ignore[misc]
    if state.is_failed():
        get_run_logger().warning("Not everyone could be told: %s", state.message)


@task(
    name="notify", task_run_name="notify: {message.subject}", cache_policy=NO_CACHE,
    retries=2, retry_delay_seconds=[5, 30],
)  # fmt: skip
async def notify(told: NotifySpec, message: Notice) -> None:
    """Send a message to everyone; raises if anyone could not be told, and is then repeated."""
    await send(told, message)


async def send(told: NotifySpec, message: Notice) -> None:
    """Send a message.

    Raises:
        NotificationError: one or several could not be told; the others were.
    """
    failures = [failure for name in told.blocks if (failure := await _block(name, message))]
    if told.webhook_env is not None and (failure := await _post(told.webhook_env, message)):
        failures.append(failure)
    if failures:
        raise NotificationError("; ".join(failures))


async def _block(name: str, message: Notice) -> str | None:
    try:
        block: Block = await Block.aload(name)
        if not isinstance(block, NotificationBlock):
            return f"block {name}: it is a {type(block).__name__}, which sends no notifications"
        await block.notify(f"{message.text}\n\n{message.page}" if message.page else message.text, message.subject)
    except Exception as error:  # noqa: BLE001 - every service has its own; its words may hold a secret address
        return f"block {name}: {type(error).__name__}"
    return None


async def _post(variable: str, message: Notice) -> str | None:
    url = read_secret(variable)
    if url is None:
        return f"webhook: the environment variable {variable} is not set"
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            response = await client.post(url.get_secret_value(), json=message.model_dump())
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"webhook {variable}: {type(error).__name__}"
    return None if response.is_success else f"webhook {variable}: HTTP {response.status_code}"


async def notify_of_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook of a flow that takes a spec: notify those who want to know that a run of it has failed or crashed.

    It reads the spec alone: the data or the database may be what is out of order.
    """
    try:
        spec = load_spec(Path(flow_run.parameters["spec"]))
        told, subject = spec.production.notify, f"{prompt_name(spec)}: {flow.name} failed"
        if "failed" in told.when:
            await send(told, Notice(status="failed", subject=subject, text=state.message or subject))
    except Exception as error:  # noqa: BLE001 - nothing is left that could be told
        get_logger("gpo").warning("Nobody could be told of the failure: %s", type(error).__name__)
