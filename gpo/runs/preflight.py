"""The check before a run: dataset, limits and models. Nothing is written until all is well.

The spec and the data are looked at first, for nothing. Then a handful of real calls shows whether the models can be
reached and whether their answers can be read (`probe.py`). These answers are held in memory and reach the ledger only
when the check has passed: then they are not paid for again. Until then a file has them, so that a check that is killed
pays for none of them twice.
"""

import asyncio
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

from gpo.data.splits import load_splits
from gpo.database.engine import open_state
from gpo.database.writable import before_paying, check_database, check_folder
from gpo.errors import SpecError
from gpo.evaluation.few_shot import demonstrations
from gpo.evaluation.racing import blocks
from gpo.formatting import shorten_value
from gpo.gate.guards import check_slices, describe_unguarded, group_by_slice
from gpo.messages.message import shown_message
from gpo.models.journal import Journal
from gpo.models.ledger import Ledger
from gpo.models.models import open_models, with_target
from gpo.models.sharing import current_shared
from gpo.progress import Note, emit
from gpo.records import Splits, content_hash
from gpo.runs.job import Checked, Job
from gpo.runs.probe import PROBED_EXAMPLES, probe_models
from gpo.runs.spread.check import check_execution
from gpo.scoring.functions.calling import check_metric, takes_row
from gpo.scoring.spec import is_judged
from gpo.search.inform import check_training
from gpo.search.plan import fit_to_calls
from gpo.search.run_limits import least_calls, least_task_calls, sizes_of
from gpo.spec.models import ModelRole
from gpo.spec.task import TaskSpec

_JOURNAL = "check.jsonl"


async def preflight(
    job: Job,
    splits: Splits | None = None,
    *,
    searches: bool = True,
    live: bool = False,
    hands_on: bool = False,
) -> Checked:
    """Check dataset, caps, state folder and models; the folder is touched only when all is well.

    The data is read here and nowhere else in a run, unless whoever calls has read it: then `splits` is it. With
    `hands_on`, what was checked waits for the run of the same job inside the same `share_answers`, which then neither
    checks nor reads again; it waits for one run alone, as the data may have changed before the next. Without a search,
    the optimizer and embedding models and the caps are left alone. `live`: each model that the ledger alone would
    answer for is called once.

    Raises:
        InputError: what is wrong, where, and what to do.
    """
    identity = _identity(job)
    if searches and isinstance(handed_on := current_shared().take(identity), Checked):
        return handed_on
    if searches:
        check_execution(job)
    elif job.spec.execution.is_spread:
        emit(Note("`execution` is for searches: this process scores all examples"))
    checked = _read(job, load_splits(job.spec) if splits is None else splits)
    if searches:
        checked = _fit_search(checked)
    await _check_models(checked, searches=searches, live=live)
    if hands_on:
        current_shared().hand_on(identity, checked)
    return checked


def _identity(job: Job) -> str:
    """Equal for jobs that read the same data and ask the same models: the spec with its places, and the folder."""
    return content_hash([job.spec.model_dump(mode="json"), str(job.home), list(job.earlier)])


def _read(job: Job, splits: Splits) -> Checked:
    for told in (*splits.left_out, *splits.notes):
        emit(Note(told))
    check_metric(job.spec.metric, splits.dev[:PROBED_EXAMPLES], job.spec.answer.kind, job.spec.dataset.names)
    _tell_unused_inputs(job.spec)
    _check_media(job.spec, splits)
    return Checked(job, splits, demonstrations(job.spec, splits))


def _fit_search(checked: Checked) -> Checked:
    """The same with a search that fits its cap on calls; what was planned is told once it can be kept."""
    fitted = fit_to_calls(checked.spec, sizes_of(checked.splits))
    planned = replace(checked, fitted=fitted.spec)
    _check_search(planned)
    if fitted.told:
        emit(Note(fitted.told))
    return planned


def _check_search(checked: Checked) -> None:
    _check_slices(checked.spec, checked.splits)
    _check_caps(checked.spec, checked.splits)
    _check_race(checked.spec, checked.splits)
    check_training(checked.spec, checked.splits, checked.demonstrations)


async def _check_models(checked: Checked, *, searches: bool, live: bool) -> None:
    job = checked.job
    is_new = not job.settings.has_database(job.home)
    check_folder(job.home)
    async with AsyncExitStack() as stack:
        held = current_shared().held
        if is_new:
            stack.enter_context(held.journaling(Journal(job.home / _JOURNAL)))
        answers = held if is_new else await _open_ledger(job, stack)
        try:
            async with (
                open_models(job.spec.models, job.settings, answers) as opened,
                with_target(opened, job.spec) as models,
            ):
                await probe_models(checked, models, searches=searches, live=live)
        except asyncio.CancelledError:
            # Nothing is wrong so far, and what was paid for is to be found again.
            if is_new and not held.is_empty:
                await held.settle(await _open_ledger(job, stack))
            raise
        if is_new:
            await held.settle(await _open_ledger(job, stack))


async def _open_ledger(job: Job, stack: AsyncExitStack) -> Ledger:
    with before_paying():
        engine = stack.enter_context(open_state(job.settings, job.home))
    check_database(engine)
    return await stack.enter_async_context(aclosing(Ledger(engine)))


def _tell_unused_inputs(spec: TaskSpec) -> None:
    # A metric's function may need fields that no model is shown.
    if spec.unused_inputs and not takes_row(spec.metric):
        names = ", ".join(f"`{name}`" for name in spec.unused_inputs)
        emit(Note(f"No message of `prompt` uses {names} of dataset.input: the models do not see it."))


def _check_media(spec: TaskSpec, splits: Splits) -> None:
    """Images, files and tools in conversations go to models that may take them; an embedded one takes text alone."""
    model = spec.models.task
    if spec.target is not None or not model.is_free:
        return
    for example in (*splits.test, *splits.dev, *splits.train, *splits.few_shot):
        for name, value in example.inputs.items():
            if not isinstance(value, str) and (odd := next((each for each in value if not each.is_plain), None)):
                raise SpecError(
                    f"`models.task` is {model.model}, which takes text alone, and {{{{{name}}}}} of example "
                    f"{example.id} holds more: {shorten_value(shown_message(odd))}; ask a model that takes it, or "
                    "leave these rows out"
                )


def _check_slices(spec: TaskSpec, splits: Splits) -> None:
    found = group_by_slice(splits.test, spec.gate.slices)
    check_slices(spec.gate, found)
    if told := describe_unguarded(found):
        emit(Note(told))


def _check_caps(spec: TaskSpec, splits: Splits) -> None:
    """Caps that no step fits under, as far as calls tell, and a cap on cost that no price can reach."""
    caps, sizes = spec.budget, sizes_of(splits)
    least = least_calls(spec, sizes)
    if caps.max_calls is not None and caps.max_calls < least:
        raise SpecError(
            f"`budget.max_calls` is {caps.max_calls}; one step and the final comparison need {least}: raise it, or "
            "lower optimizer.candidates, dataset.split.dev or dataset.split.test"
        )
    least = least_task_calls(spec, sizes)
    if caps.max_task_calls is not None and caps.max_task_calls < least:
        raise SpecError(
            f"`budget.max_task_calls` is {caps.max_task_calls}; the start and one step need {least}: raise it, or "
            "lower optimizer.candidates or dataset.split.dev"
        )
    if caps.max_cost is not None:
        _check_prices(spec)


def _check_race(spec: TaskSpec, splits: Splits) -> None:
    """A race that would end no candidate early, as its first block is all of dev."""
    first, dev = spec.optimizer.race_after, len(splits.dev)
    if first is not None and len(blocks(splits.dev, first)) < 2:
        raise SpecError(
            f"`optimizer.race_after` is {first} and has no effect on {dev} dev examples: give at most "
            f"{(dev - 1) // 2}, or leave it out"
        )


def _check_prices(spec: TaskSpec) -> None:
    roles: list[ModelRole] = ["task", "optimizer"]
    if is_judged(spec.metric):
        roles.append("judge")
    models = {role: spec.models.of(role) for role in roles}
    if all(model.price is None for model in models.values()):
        raise SpecError(
            "`budget.max_cost` needs prices: write `price: {input: ..., output: ...}`, for a million tokens, at the "
            "models that cost something"
        )
    unpriced = [role for role, model in models.items() if model.price is None and not model.is_free]
    if unpriced:
        raise SpecError(
            f"`budget.max_cost` is set and `models.{unpriced[0]}` has no price: write `price: {{input: ..., output: "
            "...}` at it, for a million tokens, with zeros where it costs nothing"
        )
