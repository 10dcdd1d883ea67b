"""Step 6: the best becomes current."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from gpo.progress import BestFound, emit
from gpo.records import Edited, Proposals, Scored, total_usage
from gpo.search import select as search_select
from gpo.search.inform import Informed
from gpo.search.retrieve import Recalled
from gpo.search.select import Search


@task(name="select", task_run_name="select step {step}", cache_policy=NO_CACHE)
async def select(  # noqa: PLR0917 - all that the step came from
    step: int,
    search: Search,
    informed: Informed,
    recalled: Recalled,
    proposals: Proposals,
    edited: Edited,
    scored: Sequence[Scored],
) -> Search:
    """The search after this step, with a record of all that led to it."""
    del step
    after = search_select.select(
        search,
        recalled.neighbours,
        edited,
        scored,
        reflection=informed.reflection,
        summary=recalled.summary,
        usage=total_usage([informed.usage, recalled.usage, proposals.usage]),
    )
    emit(BestFound(after.best))
    return after
