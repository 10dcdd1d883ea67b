"""`gpo deploy SPEC`: a Prefect deployment that re-optimises one prompt, by schedule and when its dataset changes."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import exit_on_error
from flows.cli.options import Debug, Home, SpecPath
from flows.cli.panels import PRODUCTION
from flows.cli.state import state_folder
from flows.stack import POOL
from gpo.errors import InputError, StateError, suggestion

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.events import DeploymentEventTrigger

commands = typer.Typer()

_SCHEDULE = {"schedule", "active", "parameters", "slug"}

Cron = Annotated[
    str | None, typer.Option(help='When to run, such as "0 3 * * *"; by default as it is now, at first never.')
]
Timezone = Annotated[str, typer.Option(help="The time zone of --cron, such as Europe/Berlin.")]
Pool = Annotated[str, typer.Option(help="The work pool; its workers have to see the spec under its path here.")]
Paused = Annotated[
    bool | None,
    typer.Option("--paused/--no-paused", help="Whether schedule and trigger start no runs; by default as it is now."),
]


@dataclass(frozen=True)
class PromptDeployment:
    """A deployment as it is now. `dataset` is the one whose new versions start it, or None."""

    name: str
    page: str
    dataset: str | None


@commands.command(rich_help_panel=PRODUCTION)
def deploy(
    spec: SpecPath,
    *,
    cron: Cron = None,
    timezone: Timezone = "UTC",
    pool: Pool = POOL,
    paused: Paused = None,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Re-optimise the prompt of a spec on a schedule, and when its dataset changes, on the stack that runs here.

    Run it again to change the deployment; there is one for each prompt. Its runs share an error budget over the uses of
    the alias; `gate.when_worn` says what becomes of a gain that is too thin for so many: by default, a person is asked.
    """
    with exit_on_error(debug=debug):
        from flows.stack.environment import api_url, prepare_prefect

        folder = state_folder(home)
        prepare_prefect(folder)
        check_schedule(cron, timezone)
        if not api_url():
            raise StateError(
                f"no stack runs for {folder}, and no Prefect server is configured: start one with `gpo up`"
            )
        deployed = asyncio.run(deploy_spec(spec.resolve(), cron, timezone, pool, paused=paused))
        typer.echo(_text_of(deployed, folder))


def _text_of(deployed: PromptDeployment, folder: Path) -> str:
    """What was deployed, what starts it, and its page."""
    from gpo.datasets.registry import Datasets
    from gpo.settings import load_settings

    dataset = deployed.dataset
    if dataset is None:
        trigger = "No trigger: the spec's dataset has no name; see `gpo dataset push` and `dataset.name`"
    else:
        trigger = f"Starts when `gpo dataset push {dataset} FILE` stores a new version"
        newest = Datasets(load_settings(), folder).newest(dataset)
        if newest is None:
            trigger += "; there is none yet"
        else:
            trigger += f"; with version {newest.version}, which is there, now: `gpo dataset announce {dataset}`"
    return f"Deployed {deployed.name}\n{trigger}\n{deployed.page}"


def check_schedule(cron: str | None, timezone: str) -> None:
    """See that a schedule can be one.

    Raises:
        InputError: it cannot.
    """
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):  # unknown, no name, or a folder of zones
        raise InputError(f"--timezone: unknown time zone '{timezone}'; give one such as Europe/Berlin or UTC") from None
    if cron is None:
        return
    from prefect.schedules import Cron as CronSchedule

    try:
        CronSchedule(cron, timezone=timezone)
    except ValueError:
        raise InputError(
            f"--cron: received '{cron}'; give minute, hour, day of month, month and day of week: \"0 3 * * *\""
        ) from None


def dataset_trigger(prompt: str, dataset: str) -> "DeploymentEventTrigger":
    """Starts a run for a new version of a dataset, and passes it on; the version as the number that it is."""
    from prefect.events import DeploymentEventTrigger

    from tasks.announce import EVENT

    return DeploymentEventTrigger(
        name=f"{prompt} when dataset {dataset} changes",
        expect={EVENT},
        match={"prefect.resource.id": f"gpo.dataset.{dataset}"},
        parameters={
            "dataset": "{{ event.payload.name }}",
            "dataset_version": {
                "__prefect_kind": "json",
                "value": {"__prefect_kind": "jinja", "template": "{{ event.payload.version | tojson }}"},
            },
        },
    )


async def deploy_spec(
    spec: Path, cron: str | None, timezone: str, pool: str, *, paused: bool | None
) -> PromptDeployment:
    """Make or update the deployment of `reoptimize_prompt` for a spec on the Prefect server of this process.

    `spec` is an absolute path. None leaves schedule and pause as they are.

    Raises:
        InputError: the spec is wrong, the pool unknown, or the schedule refused.
        StateError: the server cannot be reached.
    """
    from httpx import HTTPError
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.schedules import Cron as CronSchedule
    from prefect.types.entrypoint import EntrypointType

    from flows.reoptimize import reoptimize_prompt
    from flows.stack.environment import api_url
    from gpo.production.starting_point import prompt_name
    from gpo.spec.file import load_spec

    task = load_spec(spec)
    name = prompt_name(task)
    full_name = f"{reoptimize_prompt.name}/{name}"
    # A pinned version is what the spec wants, whatever comes after it.
    watched = task.dataset.name if task.dataset.version is None else None
    try:
        async with get_client() as client:
            await _check_pool(client, pool)
            known = await _find_deployment(client, full_name)
            deployment = await reoptimize_prompt.ato_deployment(
                name,
                schedule=None if cron is None else CronSchedule(cron, timezone=timezone),
                paused=bool(known.paused if paused is None and known is not None else paused),
                concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
                parameters={"spec": str(spec)},
                triggers=[] if watched is None else [dataset_trigger(name, watched)],
                description=f"Re-optimises the prompt `{name}`; a better one goes live only through the gate.",
                tags=["gpo", "reoptimize", name],
                work_pool_name=pool,
                entrypoint_type=EntrypointType.MODULE_PATH,
            )
            # An update without schedules would remove them.
            kept = [] if known is None or cron is not None else known.schedules
            identity = await deployment.aapply(schedules=[each.model_dump(include=_SCHEDULE) for each in kept] or None)
    except HTTPError as error:
        raise StateError(f"the Prefect server {api_url()} cannot be used ({error}); `gpo status`") from None
    return PromptDeployment(full_name, _page_of(identity), watched)


def _page_of(identity: "UUID") -> str:
    """The address of a deployment's page in the Prefect UI."""
    from prefect.settings import get_current_settings

    return f"{get_current_settings().ui_url}/deployments/deployment/{identity}"


async def _check_pool(client: "PrefectClient", pool: str) -> None:
    """See that a work pool is there.

    Raises:
        InputError: it is not.
    """
    from prefect.exceptions import ObjectNotFound

    try:
        await client.read_work_pool(pool)
    except ObjectNotFound:
        pools = [each.name for each in await client.read_work_pools()]
        raise InputError(
            f"--pool: no work pool '{pool}'{suggestion(pool, pools)}; "
            f"make it with `prefect work-pool create {pool} --type process`"
        ) from None


async def _find_deployment(client: "PrefectClient", name: str) -> "DeploymentResponse | None":
    """The deployment of this name as it is now; None where there is none."""
    from prefect.exceptions import ObjectNotFound

    try:
        return await client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None
