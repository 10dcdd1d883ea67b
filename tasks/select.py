"""Step 6: make the best prompt the current one."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from gpo.records import Step
from gpo.runs import steps
from gpo.search.select import Search
from tasks.policy import opaque


async def select(search: Search, step: Step) -> Search:
    """The search after this step: the best prompt becomes current."""
    return await _select(step.number, opaque((search, step)))


@task(name="select", task_run_name="select step {step}", cache_policy=NO_CACHE)
async def _select(step: int, search_and_step: tuple[Search, Step]) -> Search:
    del step
    return await steps.select(*search_and_step)
