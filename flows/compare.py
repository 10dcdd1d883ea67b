"""The flow that compares methods: each on every task with every seed, as a run of its own, on equal budgets."""

import asyncio
from pathlib import Path

from prefect import flow

from flows.optimize import optimize_file
from flows.stack.telling import carry_out, noted_run
from gpo.comparison.plan import Design, comparison_home, find_finished, plan_comparison, write_specs
from gpo.comparison.results import Comparison
from gpo.comparison.run import raise_failed, run_cells
from tasks.compare import publish

_NAME = "comparison"


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
    with noted_run(whole.home, _NAME) as came_to:
        await asyncio.to_thread(write_specs, whole)
        finished = await asyncio.to_thread(find_finished, whole)
        comparison = await run_cells(
            whole, finished, lambda cell: optimize_file(cell.spec, cell.seed, whole.home), parallel
        )
        await publish(whole, comparison)
        raise_failed(comparison)
        return came_to(comparison)


async def compare_design(design: Design, home: Path, parallel: int) -> Comparison:
    """The flow run of a design; its comparison counts also where the server cannot be told of the end."""
    return await carry_out(compare(design, home, parallel), _NAME)
