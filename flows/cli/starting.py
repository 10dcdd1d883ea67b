"""How a command that runs a flow gets its Prefect: the server and the client load side by side."""

import asyncio
import importlib
from typing import Any

from flows.stack.ui import RunServer


async def start_prefect(server: RunServer, flow: str) -> Any:
    """The module of a flow, once the server answers.

    Prefect reads its environment as it is imported: not before it is known which server hears of the run.

    Raises:
        StateError: the server did not start; the message names its log.
    """
    await asyncio.to_thread(server.claim)
    module, _ = await asyncio.gather(asyncio.to_thread(importlib.import_module, flow), asyncio.to_thread(server.wait))
    return module
