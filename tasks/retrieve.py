"""Step 2: what the optimizer model is shown of the trajectory."""

from prefect import task

from gpo.retrieval import Past, Recalled, recall
from gpo.run import Run
from gpo.selection import Search
from gpo.summary import summarise
from tasks.policy import PAID


@task(name="retrieve", task_run_name="retrieve step {step}", **PAID)
async def retrieve(run: Run, step: int, search: Search) -> Recalled:
    """Scored prompts of earlier steps by the method's strategy, in ascending order, or a summary of them."""
    options = run.spec.optimizer

    async def noted() -> Recalled:
        remark = await summarise(run.models.optimizer, run.spec, step, search.summary, search.unsummarised)
        return Recalled(summary=remark.text, usage=remark.usage)

    past = Past(run.trajectory, run.key, step, search.best.candidate, options.k, noted)
    return await recall(options.trajectory, past)
