"""Runs the cells of a comparison that have not been run yet, however a cell is run."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from gpo.comparison.plan import Cell, Plan, describe_failure
from gpo.comparison.progress import RunBegan, RunEnded, emit_as_run
from gpo.comparison.results import Comparison, ComparisonError, compare_outcomes
from gpo.concurrency import gather_or_cancel
from gpo.formatting import count
from gpo.models.sharing import share_answers
from gpo.progress import emit
from gpo.runs.outcome import Outcome


async def run_cells(
    whole: Plan, finished: Mapping[Cell, Outcome], run: Callable[[Cell], Awaitable[Outcome]], parallel: int = 1
) -> Comparison:
    """The results of a plan whose `finished` cells are not run again; `parallel` others at a time.

    A run that fails does not sink the others: the comparison tells of it.
    """
    outcomes, errors = dict(finished), dict[Cell, str]()
    slots = asyncio.Semaphore(parallel)

    async def run_one(number: int, cell: Cell) -> None:
        async with slots:
            emit(RunBegan(number))
            try:
                with emit_as_run(number):
                    outcomes[cell] = await run(cell)
            except Exception as error:  # noqa: BLE001 - one run does not sink the others
                errors[cell] = describe_failure(error, whole.specs[cell.spec])
            emit(RunEnded(number, outcomes.get(cell), errors.get(cell)))

    with share_answers():
        await gather_or_cancel(
            *(run_one(number, cell) for number, cell in enumerate(whole.cells) if cell not in finished)
        )
    return await asyncio.to_thread(compare_outcomes, whole, outcomes, errors)


def raise_failed(comparison: Comparison) -> None:
    """Raise ComparisonError if any run failed; it has the results of the others."""
    if comparison.failed:
        failed = f"{len(comparison.failed)} of {count(len(comparison.cells), 'run')} failed"
        raise ComparisonError(f"{failed}; first: {comparison.failed[0].error}", comparison)
