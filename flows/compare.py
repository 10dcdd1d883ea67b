"""The flow that compares methods: each on every task with every seed, as a run of its own, on equal budgets."""

import asyncio
from pathlib import Path

from prefect import flow

from flows.optimize import optimize_prompt
from gpo.comparison.plan import (
    Cell,
    Design,
    comparison_home,
    describe_failure,
    find_finished,
    plan_comparison,
    write_specs,
)
from gpo.comparison.progress import RunBegan, RunEnded, emit_as_run
from gpo.comparison.results import Comparison, ComparisonError, compare_outcomes
from gpo.concurrency import gather_or_cancel
from gpo.formatting import count
from gpo.models.sharing import share_answers
from gpo.progress import emit
from tasks.compare import publish


@flow(name="compare", flow_run_name="compare {design.title}", persist_result=False)
async def compare(design: Design, home: Path | None = None, parallel: int = 1) -> Comparison:
    """Run what has not been run yet, one after the other or `parallel` at a time, and put the results side by side.

    Args:
        design: Tasks, methods and seeds, and the sizes that hold for all of them.
        home: The state folder; by default GPO_HOME, or .gpo in the working folder.
        parallel: Runs at a time.

    Raises:
        InputError: what is wrong with the design; nothing was run.
        ComparisonError: runs failed; the others' results are in its `comparison`, and in the files.
    """
    whole = await asyncio.to_thread(plan_comparison, design, comparison_home(home))
    await asyncio.to_thread(write_specs, whole)
    outcomes = await asyncio.to_thread(find_finished, whole)
    errors: dict[Cell, str] = {}
    slots = asyncio.Semaphore(parallel)

    async def run(number: int, cell: Cell) -> None:
        async with slots:
            emit(RunBegan(number))
            try:
                with emit_as_run(number):
                    outcomes[cell] = await optimize_prompt(cell.spec, cell.seed, whole.home)
            except Exception as error:  # noqa: BLE001 - one run does not sink the others
                errors[cell] = describe_failure(error, whole.specs[cell.spec])
            emit(RunEnded(number, outcomes.get(cell), errors.get(cell)))

    with share_answers():
        await gather_or_cancel(*(run(number, cell) for number, cell in enumerate(whole.cells) if cell not in outcomes))
    comparison = await asyncio.to_thread(compare_outcomes, whole, outcomes, errors)
    await publish(whole, comparison)
    if comparison.failed:
        failed = f"{len(comparison.failed)} of {count(len(comparison.cells), 'run')} failed"
        raise ComparisonError(f"{failed}; first: {comparison.failed[0].error}", comparison)
    return comparison
