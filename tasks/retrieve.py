"""Step 2: what the optimizer model is shown of the trajectory."""

from prefect import task

from gpo.runs.run import Run
from gpo.search.retrieve import Past, Recalled, recall, summarise
from gpo.search.select import Search
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
