"""Step 2: new proposals from the optimizer model."""

from prefect import task

from gpo import edits, refinement
from gpo.records import Proposals, Scored
from gpo.refinement import Request
from gpo.run import Run
from gpo.trajectory import Neighbour
from tasks.policy import PAID


@task(name="refine", task_run_name="refine step {step}", tags=["gpo", "optimizer-model"], **PAID)
async def refine(run: Run, step: int, current: Scored, neighbours: list[Neighbour]) -> Proposals:
    """Show the optimizer model the trajectory, the current prompt and task examples; read its proposals."""
    options = run.spec.optimizer
    rng = run.rng(step, "refine")
    train = run.examples("train")
    request = Request(
        current=current.candidate,
        percent=current.percent,
        neighbours=tuple(neighbours),
        examples=tuple(rng.sample(train, min(options.examples, len(train)))),
        budget=edits.budget(options.decay, step, options.max_steps, options.budget_start, options.budget_end),
        step=step,
    )
    return await refinement.refine(run.models.optimizer, run.spec, request, rng)
