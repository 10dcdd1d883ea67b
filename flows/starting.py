"""The last thing before Prefect is imported."""

import asyncio
from pathlib import Path

from gpo.progress import Note, emit


async def start_prefect(home: Path, *, ui: bool) -> None:
    """Start a UI that stays, where one was asked for, and say what the seconds to come are for."""
    if ui:
        from flows.ui import attach_ui  # noqa: PLC0415 - only on request

        await asyncio.to_thread(attach_ui, home)
    emit(Note("starting Prefect"))
