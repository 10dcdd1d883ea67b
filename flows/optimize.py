"""The flow `optimize-prompt`: the loop of `gpo/runs/optimize.py` with every step a Prefect task."""

from pathlib import Path

from prefect import flow

from flows.stack.telling import carry_out, noted_run
from gpo.models.sharing import ask_anew
from gpo.records import Splits
from gpo.runs.job import Job, load_job
from gpo.runs.optimize import Steps, optimize
from gpo.runs.outcome import Outcome
from tasks.check import check
from tasks.edit import edit
from tasks.evaluate import evaluate, prove, screen
from tasks.inform import inform
from tasks.record import note_start, record
from tasks.refine import refine
from tasks.report import finish
from tasks.retrieve import retrieve
from tasks.select import select
from tasks.spread.runners import spread
from tasks.telling.groups import group
from tasks.telling.log import notes_in_log
from tasks.telling.names import optimize_name

TASKS = Steps(
    group=group,
    check=check,
    spread=spread,
    note_start=note_start,
    inform=inform,
    retrieve=retrieve,
    refine=refine,
    edit=edit,
    screen=screen,
    evaluate=evaluate,
    select=select,
    record=record,
    prove=prove,
    finish=finish,
)
"""The steps as tasks of the flow run that they are called in."""


@flow(name="optimize-prompt", flow_run_name=optimize_name, persist_result=False)
async def optimize_prompt(
    spec: Path, seed: int | None = None, home: Path | None = None, calls: int | None = None, fresh: bool = False
) -> Outcome:
    """Improve the prompt of a spec file and prove the gain on examples that the search never saw.

    Args:
        spec: The task spec, a YAML file, as the worker sees it.
        seed: Replaces the spec's seed; another seed, another search.
        home: The state folder; by default GPO_HOME, or .gpo beside the spec.
        calls: Replaces the spec's `budget.max_task_calls`: calls of the task model that the search may make.
        fresh: Ask anew, whatever the ledger holds: a new run each time.
    """
    job = load_job(spec, seed, home, calls=calls)
    with noted_run(job.home, _name(spec, seed)) as came_to, ask_anew(fresh), notes_in_log():
        return came_to(await optimize(job, TASKS))


async def optimize_file(spec: Path, seed: int | None, home: Path | None = None, calls: int | None = None) -> Outcome:
    """The flow run of a spec file; its outcome counts also where the server cannot be told of the end."""
    return await carry_out(optimize_prompt(spec, seed, home, calls), _name(spec, seed))


def _name(spec: Path, seed: int | None) -> str:
    return f"outcome of {spec} with seed {seed}"


async def optimize_job(job: Job, splits: Splits | None, title: str = "") -> Outcome:
    """The same for a job that no spec file holds; its run can be watched, and not be started from elsewhere.

    `title` is what the run is called, by default after its task.
    """

    @flow(name="optimize-prompt", flow_run_name="optimize {task}", persist_result=False)
    async def optimize_given(task: str, seed: int) -> Outcome:  # noqa: ARG001 - shown in the UI
        with noted_run(job.home, named) as came_to:
            return came_to(await optimize(job, TASKS, splits))

    shown = title or job.spec.name
    named = f"outcome of {shown} with seed {job.spec.seed}"
    return await carry_out(optimize_given(shown, job.spec.seed), named)
