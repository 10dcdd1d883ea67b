"""`gpo.optimize` and `gpo.evaluate`, each also to be awaited.

They do what the commands of these names do: the same spec has the same run, and is answered from the same ledger.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Unpack

from gpo.api.display import Progress, showing
from gpo.api.results import Evaluation, Result
from gpo.api.runner import find_runner
from gpo.api.running import run_to_end
from gpo.api.spec import TASK_MODEL_WRITES, Spec, SpecParts, as_spec
from gpo.models.sharing import ask_anew, share_answers, share_tallies
from gpo.runs.score import score_job


def optimize(
    spec: Spec | str | Path | None = None,
    *,
    seed: int | None = None,
    calls: int | None = None,
    home: str | Path | None = None,
    fresh: bool = False,
    progress: bool = True,
    **parts: Unpack[SpecParts],
) -> Result:
    """Improve a prompt and prove the gain on examples that the search never saw.

        result = gpo.optimize(prompt="Classify the ticket: {{ticket}}", data=frame, reference="label", task=model)

    The task is a `gpo.Spec`, the path of a spec file, or its parts. What is not said is guessed and told. Prefect shows
    the run where a server is configured or the stack of the state folder runs. Run it again: nothing is paid twice.

    Args:
        spec: The task; or leave it out and give its `parts`: see `gpo.Spec`.
        seed: Another seed, another search.
        calls: Calls of the task model that the search may make; steps fit themselves to them.
        home: The state folder; by default GPO_HOME, or `.gpo` beside the spec file, or in the working folder.
        fresh: Ask anew, whatever the ledger holds.
        progress: Show how the run goes, and tell what was guessed.
        parts: `prompt`, `data`, `reference`, `metric`, `task`, `optimizer` and so on.

    Raises:
        InputError: what is wrong with the task, the data or the models; nothing was started.
        GpoError: the run failed; what was paid for is kept.
    """
    return run_to_end(optimize_async(spec, seed=seed, calls=calls, home=home, fresh=fresh, progress=progress, **parts))


async def optimize_async(
    spec: Spec | str | Path | None = None,
    *,
    seed: int | None = None,
    calls: int | None = None,
    home: str | Path | None = None,
    fresh: bool = False,
    progress: bool = True,
    **parts: Unpack[SpecParts],
) -> Result:
    """As `gpo.optimize`, to be awaited."""
    whole = await asyncio.to_thread(as_spec, spec, parts)
    job = await asyncio.to_thread(whole.job, seed, home, calls)
    with running(progress, whole.told, fresh=fresh) as shown:
        splits = await asyncio.to_thread(whole.splits, job.spec)
        run = await asyncio.to_thread(find_runner, job.home)
        outcome = await run(job, splits)
    return Result(spec=whole, outcome=outcome, job=job, splits=splits, told=tuple(shown.told))


def evaluate(
    spec: Spec | str | Path | None = None,
    *,
    split: str = "dev",
    home: str | Path | None = None,
    fresh: bool = False,
    progress: bool = True,
    **parts: Unpack[SpecParts],
) -> Evaluation:
    """Score a prompt on a split, with a 95% interval and each example behind it. No search, and no optimizer model.

    Args:
        spec: The task; or leave it out and give its `parts`: see `gpo.Spec`.
        split: `dev`, `train` or `test`; looking at `test` often wears it out.
        home: The state folder, as for `gpo.optimize`.
        fresh: Ask anew, whatever the ledger holds.
        progress: Show how it goes, and tell what was guessed.
        parts: `prompt`, `data`, `reference`, `metric`, `task` and so on. Of a `spec`, `instruction` is another
            instruction to score than its own.

    Raises:
        InputError: what is wrong with the task, the data or the models; nothing was started.
        GpoError: too many calls failed, or too many answers cannot be read.
    """
    return run_to_end(evaluate_async(spec, split=split, home=home, fresh=fresh, progress=progress, **parts))


async def evaluate_async(
    spec: Spec | str | Path | None = None,
    *,
    split: str = "dev",
    home: str | Path | None = None,
    fresh: bool = False,
    progress: bool = True,
    **parts: Unpack[SpecParts],
) -> Evaluation:
    """As `gpo.evaluate`, to be awaited."""
    instruction = None if spec is None else parts.pop("instruction", None)
    whole = await asyncio.to_thread(as_spec, spec, parts)
    job = await asyncio.to_thread(whole.job, None, home)
    told = tuple(each for each in whole.told if each != TASK_MODEL_WRITES)
    with running(progress, told, fresh=fresh) as shown:
        splits = await asyncio.to_thread(whole.splits, job.spec)
        measured = await score_job(job, instruction, split, splits=splits)
    return Evaluation(spec=whole, measured=measured, told=tuple(shown.told))


@contextmanager
def running(progress: bool, told: tuple[str, ...], *, fresh: bool) -> Iterator[Progress]:
    """What all runs of the API have around them: shared answers and tallies, and what a person sees of it."""
    with ask_anew(fresh), share_tallies(), share_answers(), showing(progress, told) as shown:
        yield shown
