"""Sends Prefect an event when a dataset has a new version, so that deployments that depend on it start."""

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import httpx

from gpo.datasets.registry import Datasets
from gpo.datasets.version import DatasetVersion
from gpo.records import Record

EVENT = "gpo.dataset.updated"
NO_SERVER = "no Prefect server is known here, so nothing was told; `gpo up` starts one"

_TIMEOUT_S = 20.0


class Announcement(Record):
    """What became of an event: `sent` to a server, not sent because there is `none`, or `failed`; `text` says it."""

    status: Literal["sent", "none", "failed"]
    text: str


def announce_and_record(datasets: Datasets, version: DatasetVersion, server: str | None) -> Announcement:
    """Announce a version to `server` and note that it was. The next push or look announces what was not.

    Raises:
        StateError: it was announced, and the database cannot be used: it may be announced once more.
    """
    announcement = announce(version, server)
    if announcement.status == "sent":
        datasets.note_announced(version)
    return announcement


def announce(version: DatasetVersion, server: str | None) -> Announcement:
    """Send the event of a version to a Prefect server, by the URL of its API; None: no server is known.

    When it returns `sent`, the server has taken the event. Nothing is raised: the version is kept either way.
    """
    if not server:
        return Announcement(status="none", text=NO_SERVER)
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - takes seconds
    from prefect.exceptions import PrefectHTTPStatusError  # noqa: PLC0415
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings  # noqa: PLC0415

    settings = {PREFECT_API_URL: server, PREFECT_CLIENT_MAX_RETRIES: 1}
    try:
        with (
            temporary_settings(settings),
            get_client(httpx_settings={"timeout": _TIMEOUT_S}, sync_client=True) as client,
        ):
            # Not `emit_event`: that hands the event to a thread, and nobody learns whether it arrived.
            client.request("POST", "/events", json=[event_of(version)])
    except (httpx.HTTPError, PrefectHTTPStatusError, RuntimeError, OSError) as error:
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        return Announcement(
            status="failed",
            text=f"the Prefect server at {server} did not take the event ({why}), so nothing was told; the next "
            f"push of {version.name} will, or `gpo dataset announce {version.name}`",
        )
    return Announcement(status="sent", text=f"told {server}: {EVENT} for {version.name} version {version.version}")


def event_of(version: DatasetVersion) -> dict[str, Any]:
    """The event as the Prefect server takes it; from a flow, the run is among what it is related to."""
    from prefect.runtime import flow_run  # noqa: PLC0415

    changes = version.changes
    related = [{"prefect.resource.id": f"prefect.flow-run.{flow_run.id}", "prefect.resource.role": "flow-run"}]
    return {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": EVENT,
        "resource": {"prefect.resource.id": f"gpo.dataset.{version.name}", "prefect.resource.name": version.name},
        "related": related if flow_run.id else [],
        "payload": {
            "name": version.name,
            "version": version.version,
            "digest": version.digest,
            "rows": version.rows,
            "added": changes.added,
            "removed": changes.removed,
            "relabelled": changes.relabelled,
        },
    }
