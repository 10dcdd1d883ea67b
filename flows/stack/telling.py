"""Tells the Prefect server of a state folder what a command has done, so that automations can follow that too."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx

from flows.stack.environment import api_auth, find_api_url, find_key
from flows.stack.parts import PrefectApi
from tasks.telling.events import ToldEvent


def tell_server(home: Path, told: ToldEvent) -> str | None:
    """Send an event to the server that hears of what happens in a state folder; why that failed, else None.

    Where no server is known, there is nobody to tell.
    """
    url = find_api_url(home)
    if url is None:
        return None
    event = {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), **told._asdict()}
    try:
        with PrefectApi(url, api_auth() or find_key(home)) as api:
            api.send_events([event])
    except httpx.HTTPError as error:
        return f"the Prefect server at {url} was not told of {told.event} ({type(error).__name__})"
    return None
