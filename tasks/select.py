"""Step 5: the best becomes current."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from gpo import selection
from gpo.progress import BestFound, emit
from gpo.records import Edited, Scored
from gpo.selection import Search
from gpo.trajectory import Neighbour


@task(name="select", task_run_name="select step {step}", tags=["gpo"], cache_policy=NO_CACHE)
async def select(
    step: int, search: Search, neighbours: Sequence[Neighbour], edited: Edited, scored: Sequence[Scored]
) -> Search:
    """The search after this step."""
    del step
    after = selection.select(search, neighbours, edited, scored)
    emit(BestFound(after.best))
    return after
