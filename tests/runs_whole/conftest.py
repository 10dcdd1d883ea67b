import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import without_leftovers_of_prefect

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def reoptimized(prefect_api: str) -> Run:
    """Run the flow, in this process; the final state of each run that is begun together."""
    from flows.reoptimize import reoptimize_prompt

    async def states(spec: Path, times: int, options: dict[str, Any]) -> list[Any]:
        runs = (reoptimize_prompt(spec, home=spec.parent, return_state=True, **options) for _ in range(times))
        return list(await asyncio.gather(*runs))

    def run(spec: Path, times: int = 1, **options: Any) -> list[Any]:
        with without_leftovers_of_prefect(prefect_api):
            return asyncio.run(states(spec, times, options))

    return run
