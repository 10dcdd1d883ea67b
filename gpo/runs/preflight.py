"""Everything that can be wrong before the start is found before the start, and nothing is written until it is right.

A handful of real calls shows whether the models can be reached and whether their answers can be read. Their answers
are held in memory and reach the ledger only when the check has passed: then they are not paid for again.
"""

from contextlib import AsyncExitStack
from typing import get_args

from gpo.data.splits import load_splits
from gpo.database.engine import open_database
from gpo.database.writable import check_database, check_folder
from gpo.errors import (
    LocalModelError,
    ModelCallError,
    ModelConfigError,
    ModelUnreachableError,
    SpecError,
    TooManyFailures,
    is_transient,
)
from gpo.evaluation.evaluate import evaluate
from gpo.evaluation.few_shot import demonstrations
from gpo.evaluation.judge import is_judged
from gpo.formatting import money
from gpo.gate.guards import check_slices, check_tokens, describe_unguarded, group_by_slice
from gpo.models.asking import ask_all, usage_of
from gpo.models.chat import ChatModel
from gpo.models.ledger import Ledger
from gpo.models.models import Models, open_models
from gpo.models.sharing import shared
from gpo.progress import Note, emit
from gpo.records import Score, Splits, Usage, UsageByRole
from gpo.runs.run import Job
from gpo.scoring.spec import check_metric
from gpo.search.budget import least_amounts, least_calls, least_task_calls
from gpo.search.inform import check_reflection
from gpo.settings import DATABASE_FILE
from gpo.spec.models import ModelRole
from gpo.spec.task import TaskSpec

PROBED_EXAMPLES = 8

CUT_ADVICE = (
    "cut off by the token limit: raise `parameters: {max_tokens: ...}` of the task model; of one that reasons, some "
    "spend all of it before the first word"
)


async def preflight(job: Job, *, searches: bool = True, live: bool = False) -> Splits:
    """Check dataset, caps, state folder and models; the folder is touched only when all is well.

    Without a search, the optimizer and embedding models and the caps are left alone. `live`: each model that the ledger
    alone would answer for is called once.

    Raises:
        InputError: what is wrong, where, and what to do.
    """
    spec, settings, home = job.spec, job.settings, job.home
    splits = load_splits(spec)
    for left_out in splits.left_out:
        emit(Note(left_out))
    check_metric(spec.metric, splits.dev[:PROBED_EXAMPLES])
    demonstrations(spec, splits)
    if searches:
        _check_slices(spec, splits)
        _check_caps(spec, splits)
        check_reflection(spec, splits)
    url = settings.database_for(home)
    is_new = settings.database_url is None and not (home / DATABASE_FILE).exists()
    check_folder(home)
    async with AsyncExitStack() as stack:
        held = shared().held
        answers = held if is_new else await _open_ledger(url, stack)
        async with open_models(spec.models, settings, answers) as models:
            await _probe(spec, splits, models, searches=searches, live=live)
        if is_new:
            await held.settle(await _open_ledger(url, stack))
    return splits


async def _open_ledger(url: str, stack: AsyncExitStack) -> Ledger:
    engine = open_database(url)
    stack.callback(engine.dispose)
    check_database(engine)
    ledger = Ledger(engine)
    stack.push_async_callback(ledger.aclose)
    return ledger


def _check_slices(spec: TaskSpec, splits: Splits) -> None:
    found = group_by_slice(splits.test, spec.gate.slices)
    check_slices(spec.gate, found)
    if told := describe_unguarded(found):
        emit(Note(told))


def _check_caps(spec: TaskSpec, splits: Splits) -> None:
    """Caps that no step fits under, as far as calls tell, and a cap on cost that no price can reach."""
    caps, dev = spec.budget, len(splits.dev)
    least = least_calls(spec, dev, len(splits.test))
    if caps.max_calls is not None and caps.max_calls < least:
        raise SpecError(
            f"`budget.max_calls` is {caps.max_calls}; one step and the final comparison need {least}: raise it, or "
            "lower optimizer.candidates, dataset.split.dev or dataset.split.test"
        )
    least = least_task_calls(spec, dev)
    if caps.max_task_calls is not None and caps.max_task_calls < least:
        raise SpecError(
            f"`budget.max_task_calls` is {caps.max_task_calls}; the start and one step need {least}: raise it, or "
            "lower optimizer.candidates or dataset.split.dev"
        )
    if caps.max_cost is not None:
        _check_prices(spec)


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


def _check_estimate(spec: TaskSpec, splits: Splits, probed: Score) -> None:
    """Caps on tokens and cost that one step and the final comparison will not keep, going by the first answers."""
    dev, test = len(splits.dev), len(splits.test)
    for name, least in least_amounts(spec, probed, dev, test).items():
        cap = getattr(spec.budget, name)
        if cap is not None and cap < least:
            needed = f"{least:,.0f}" if name == "max_tokens" else money(least)
            raise SpecError(
                f"`budget.{name}` is {cap:g}; going by the first {probed.n} answers, the start, one step and the final "
                f"comparison need about {needed}: raise it, or lower optimizer.candidates, dataset.split.dev or "
                "dataset.split.test"
            )


async def _probe(spec: TaskSpec, splits: Splits, models: Models, *, searches: bool, live: bool) -> None:
    # The task model comes last: its eight answers are the only ones worth keeping.
    try:
        if searches:
            await models.embed(["ready"])
            greeted = await _probe_optimizer(models.optimizer)
        probed = await _probe_task(spec, splits, models)
        if live:
            await _reach(spec, models, searches=searches)
    except (ModelCallError, TooManyFailures, LocalModelError) as error:
        kind = ModelUnreachableError if is_transient(error) else ModelConfigError
        raise kind(f"a model named in the spec does not answer: {error}") from error
    if searches:
        check_tokens(spec, probed)
        _check_meters(spec, {**probed.usage, "optimizer": greeted})
        _check_estimate(spec, splits, probed)


async def _reach(spec: TaskSpec, models: Models, *, searches: bool) -> None:
    """Call the models that were not called for the probes, whose answers were in the ledger."""
    used = [models.task]
    used += [models.optimizer] if searches else []
    # A judge of its own, or the optimizer model where it does nothing else.
    used += [models.judge] if is_judged(spec.metric) and (spec.models.judge or not searches) else []
    for model in used:
        if not model.tally.paid and not model.spec.is_free:
            await model.reach()


def _check_meters(spec: TaskSpec, used: UsageByRole) -> None:
    """Caps on tokens and cost that are not kept because a model does not say what it used."""
    caps = {"max_tokens": spec.budget.max_tokens, "max_cost": spec.budget.max_cost}
    for role in get_args(ModelRole):
        usage, model = used.get(role, Usage()), spec.models.of(role)
        if not usage.calls or usage.input_tokens or usage.output_tokens:
            continue
        costs = model.price is not None and (model.price.input or model.price.output)
        set_caps = [name for name, cap in caps.items() if cap is not None and (costs or name == "max_tokens")]
        if set_caps:
            raise SpecError(
                f"{model.model}: the model reports no usage; `budget.{set_caps[0]}` cannot be kept: set "
                "`budget.max_calls` in its place"
            )


async def _probe_task(spec: TaskSpec, splits: Splits, models: Models) -> Score:
    model = models.task
    score = await evaluate(
        model,
        spec,
        spec.prompt.instruction,
        splits.dev[:PROBED_EXAMPLES],
        demonstrations=demonstrations(spec, splits),
        judge=models.judge,
    )
    if score.n and score.unparsed / score.n > spec.max_unparsed_rate:
        wrote = next((sample.text for sample in score.samples if sample.answer is None), "")
        if score.cut:
            raise ModelConfigError(
                f"{model.spec.model}: {score.unparsed} of {score.n} answers cannot be read as `{spec.answer.kind}`; "
                f"{score.cut} were {CUT_ADVICE}"
            )
        raise ModelConfigError(
            f"{model.spec.model}: {score.unparsed} of {score.n} answers cannot be read as `{spec.answer.kind}`; "
            f"one of them: {wrote[:120]!r}. Say in `prompt.messages` what form the answer must have, "
            "or correct `answer`"
        )
    return score


async def _probe_optimizer(model: ChatModel) -> Usage:
    key, sampling = model.greeting()
    answers = await ask_all(model, [(key, sampling)])
    return usage_of(model, answers.values())[model.role]
