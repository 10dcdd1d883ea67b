"""`gpo.compare`: methods side by side on a task, each with the same calls of the task model; also to be awaited."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from gpo.api.calls import running
from gpo.api.results import ComparisonResult
from gpo.api.runner import find_runner
from gpo.api.running import run_to_end
from gpo.api.spec import Spec, SpecParts, as_spec
from gpo.comparison.arms import parse_seeds, preset_arms
from gpo.comparison.plan import Design, Plan, Sizes, comparison_home, find_finished, lay_out, write_specs
from gpo.comparison.run import raise_failed, run_cells
from gpo.records import Splits
from gpo.report.comparison import write_files
from gpo.settings import load_settings
from gpo.spec.task import TaskSpec


def compare(
    spec: Spec | str | Path | None = None,
    *,
    presets: str | Sequence[str] = "all",
    seeds: int | Sequence[int] = 3,
    calls: int | None = None,
    parallel: int = 1,
    home: str | Path | None = None,
    progress: bool = True,
    **parts: Unpack[SpecParts],
) -> ComparisonResult:
    """Compare methods on your task: every preset with every seed, same start, splits, models and calls.

    Runs that are finished are found and not run again. Specs, report and tables are in the result's `folder`.

    Args:
        spec: The task; or leave it out and give its `parts`: see `gpo.Spec`.
        presets: `all`, or some, as `["gpo", "opro"]`.
        seeds: How many, or which.
        calls: Calls of the task model that each search may make; by default what the steps of the spec take.
        parallel: Runs at a time.
        home: The state folder; by default GPO_HOME, or `.gpo` in the working folder.
        progress: Show how it goes, and tell what was guessed.
        parts: `prompt`, `data`, `reference`, `metric`, `task` and so on.

    Raises:
        InputError: what is wrong with the task, the data, the models or the methods; nothing was started.
        ComparisonError: some of the runs failed; its `comparison` has the results of the others.
    """
    options = {"presets": presets, "seeds": seeds, "calls": calls, "parallel": parallel}
    return run_to_end(compare_async(spec, home=home, progress=progress, **options, **parts))  # type: ignore[arg-type]


async def compare_async(
    spec: Spec | str | Path | None = None,
    *,
    presets: str | Sequence[str] = "all",
    seeds: int | Sequence[int] = 3,
    calls: int | None = None,
    parallel: int = 1,
    home: str | Path | None = None,
    progress: bool = True,
    **parts: Unpack[SpecParts],
) -> ComparisonResult:
    """As `gpo.compare`, to be awaited."""
    whole = await asyncio.to_thread(as_spec, spec, parts)
    folder = comparison_home(None if home is None else Path(home))
    job = await asyncio.to_thread(whole.job, None, folder)
    names = presets if isinstance(presets, str) else ",".join(presets)
    design = Design(
        tasks=(whole.path or Path(job.spec.name),),
        arms=preset_arms(names),
        seeds=parse_seeds(str(seeds)) if isinstance(seeds, int) else tuple(seeds),
        sizes=Sizes.from_options(calls=calls),
    )
    with running(progress, whole.told, fresh=False) as shown:
        splits = await asyncio.to_thread(whole.splits, job.spec)
        plan = await asyncio.to_thread(_plan, whole, job.spec, design, splits, folder)
        run, settings = await asyncio.to_thread(find_runner, folder), load_settings()
        finished = await asyncio.to_thread(find_finished, plan)
        comparison = await run_cells(plan, finished, lambda cell: run(plan.job(cell, settings), splits), parallel)
        await asyncio.to_thread(write_files, plan.folder, comparison)
    raise_failed(comparison)
    return ComparisonResult(comparison=comparison, folder=plan.folder, told=tuple(shown.told))


def _plan(whole: Spec, spec: TaskSpec, design: Design, splits: Splits, home: Path) -> Plan:
    """The cells, with their specs and the rows that are in memory written down, so that each can be run by hand."""
    plan = lay_out(design, [(spec, splits)], home)
    write_specs(plan)
    if whole.dataset is not None:
        whole.dataset.save(plan.folder)
    return plan
