"""Step 3: new proposals from the optimizer model."""

from prefect import task

from gpo import refinement
from gpo.records import Proposals
from gpo.reflection import Informed
from gpo.retrieval import Recalled
from gpo.run import Run
from tasks.policy import PAID


@task(name="refine", task_run_name="refine step {step}", **PAID)
async def refine(run: Run, step: int, candidates: int, informed: Informed, recalled: Recalled) -> Proposals:
    """Show the optimizer model the current prompt, the trajectory and task examples; read its proposals."""
    rng = run.rng(step, "refine")
    request = refinement.request_of(
        run.spec, run.examples("train"), informed, recalled, step=step, candidates=candidates, rng=rng
    )
    return await refinement.refine(run.models.optimizer, run.spec, request, rng)
