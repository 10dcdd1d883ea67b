"""Step 6: note the best prompt, and choose the one that the next step starts from."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from gpo.runs import steps
from gpo.runs.run import Run
from gpo.search.state import Search
from gpo.search.step import Step
from tasks.policy import opaque
from tasks.telling.log import log_step


async def select(run: Run, search: Search, step: Step) -> Search:
    """The search after this step, with its best prompt and the one that the next step starts from."""
    return await _select(run, step.number, opaque((search, step)))


@task(name="select", task_run_name="select step {step}", cache_policy=NO_CACHE)
async def _select(run: Run, step: int, search_and_step: tuple[Search, Step]) -> Search:
    del step
    search, taken = search_and_step
    after = await steps.select(run, search, taken)
    log_step(after, taken)
    return after
