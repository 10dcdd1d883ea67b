"""Prefect for the Python API: the entry point that `gpo.optimize` finds, and goes without where there is no server."""

import asyncio
import importlib
import socket
from pathlib import Path
from urllib.parse import urlsplit

from flows.stack.environment import api_url, join_stack, prepare_prefect
from flows.stack.telling import tell_of_ends
from gpo.progress import Note, emit
from gpo.records import Splits
from gpo.runs.job import Job
from gpo.runs.outcome import Outcome

_CONNECT_S = 2.0


def find_prefect(home: Path) -> "PrefectRunner | None":
    """What carries out searches as flow runs, if a Prefect server is configured, or the stack of the folder runs.

    One that is configured and does not answer is told of; the search goes on without it.
    """
    url = api_url()
    if url is None:
        # Not its Chroma: later runs of this process may be of another folder.
        return PrefectRunner(home) if join_stack(home, whole=False) else None
    if not _answers(url):
        emit(Note(f"the Prefect server of PREFECT_API_URL, {url}, does not answer; the search goes on without it"))
        return None
    return PrefectRunner(home)


class PrefectRunner:
    """Carries out a search as a run of the flow `optimize-prompt`, in this process."""

    def __init__(self, home: Path) -> None:
        """Runs of the state folder `home`."""
        self._home = home

    async def __call__(self, job: Job, splits: Splits | None) -> Outcome:
        """What the search of a job came to; Prefect is imported now, with its environment complete."""
        prepare_prefect(self._home, verbose=True, whole=False)
        flow = await asyncio.to_thread(importlib.import_module, "flows.optimize")
        try:
            outcome: Outcome = await flow.optimize_job(job, splits)
        finally:
            await asyncio.to_thread(tell_of_ends, job.home)
        return outcome


def _answers(url: str) -> bool:
    place = urlsplit(url)
    port = place.port or (443 if place.scheme == "https" else 80)
    try:
        socket.create_connection((place.hostname or "", port), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True
