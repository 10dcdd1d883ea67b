"""Everything that can be wrong before the start is found before the start, and nothing is written until it is right.

A handful of real calls shows whether the models can be reached and whether their answers can be read. Their answers
are held in memory and reach the ledger only when the check has passed: then they are not paid for again.
"""

from contextlib import AsyncExitStack, aclosing

from gpo.data.splits import load_splits
from gpo.database.engine import open_state
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
from gpo.models.asking import ask_all
from gpo.models.chat import ChatModel, Sampling
from gpo.models.ledger import Ledger
from gpo.models.models import Models, open_models
from gpo.models.sharing import shared
from gpo.progress import Note, emit
from gpo.records import Score, Splits, content_hash
from gpo.runs.job import Checked, Job
from gpo.scoring.spec import check_metric
from gpo.search.budget import least_amounts, least_calls, least_task_calls
from gpo.search.inform import check_reflection
from gpo.spec.models import ModelRole
from gpo.spec.task import TaskSpec
from gpo.template import Message

PROBED_EXAMPLES = 8


async def preflight(job: Job, splits: Splits | None = None, *, searches: bool = True) -> Checked:
    """Check dataset, cap and models; the state folder is touched only when all is well.

    The data is read here and nowhere else in a run, unless whoever calls has read it: then `splits` is it. A job whose
    check passed earlier in this process, inside the same `paying_once`, is not checked again but handed on, once.
    Without a search, the optimizer and embedding models and the cap are left alone.

    Raises:
        InputError: what is wrong, where, and what to do.
    """
    identity = _identity(job)
    handed_on = shared().take(identity)
    if isinstance(handed_on, Checked) and searches:
        return handed_on
    checked = _read(job, load_splits(job.spec) if splits is None else splits)
    if searches:
        _check_search(checked)
    await _check_models(checked, searches=searches)
    if searches:
        shared().hand_on(identity, checked)
    return checked


def _identity(job: Job) -> str:
    """Equal for jobs that read the same data and ask the same models: the spec with its places, and the folder."""
    return content_hash([job.spec.model_dump(mode="json"), str(job.home), list(job.earlier)])


def _read(job: Job, splits: Splits) -> Checked:
    for told in (*splits.left_out, *splits.notes):
        emit(Note(told))
    check_metric(job.spec.metric, splits.dev[:PROBED_EXAMPLES])
    return Checked(job, splits, demonstrations(job.spec, splits))


def _check_search(checked: Checked) -> None:
    _check_slices(checked.spec, checked.splits)
    _check_caps(checked.spec, checked.splits)
    check_reflection(checked.spec, checked.splits, checked.demonstrations)


async def _check_models(checked: Checked, *, searches: bool) -> None:
    job, spec = checked.job, checked.spec
    is_new = not job.settings.has_database(job.home)
    async with AsyncExitStack() as stack:
        held = shared().held
        answers = held if is_new else await _open_ledger(job, stack)
        async with open_models(spec.models, job.settings, answers) as models:
            await _probe(checked, models, searches=searches)
        if is_new:
            await held.settle(await _open_ledger(job, stack))


async def _open_ledger(job: Job, stack: AsyncExitStack) -> Ledger:
    engine = stack.enter_context(open_state(job.settings, job.home))
    return await stack.enter_async_context(aclosing(Ledger(engine)))


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


async def _probe(checked: Checked, models: Models, *, searches: bool) -> None:
    # The task model comes last: its eight answers are the only ones worth keeping.
    try:
        if searches:
            await models.embed(["ready"])
            await _probe_optimizer(models.optimizer)
        probed = await _probe_task(checked, models)
    except (ModelCallError, TooManyFailures, LocalModelError) as error:
        kind = ModelUnreachableError if is_transient(error) else ModelConfigError
        raise kind(f"a model named in the spec does not answer: {error}") from error
    if searches:
        check_tokens(checked.spec, probed)
        _check_estimate(checked.spec, checked.splits, probed)


async def _probe_task(checked: Checked, models: Models) -> Score:
    model, spec = models.task, checked.spec
    score = await evaluate(
        model,
        spec,
        spec.prompt.instruction,
        checked.splits.dev[:PROBED_EXAMPLES],
        demonstrations=checked.demonstrations,
        judge=models.judge,
    )
    if score.n and score.unparsed / score.n > spec.max_unparsed_rate:
        wrote = next((sample.text for sample in score.samples if sample.answer is None), "")
        raise ModelConfigError(
            f"{model.spec.model}: {score.unparsed} of {score.n} answers cannot be read as `{spec.answer.kind}`; "
            f"one of them: {wrote[:120]!r}. Say in `prompt.messages` what form the answer must have, "
            "or correct `answer`"
        )
    return score


async def _probe_optimizer(model: ChatModel) -> None:
    sampling = Sampling(max_tokens=16) if model.follows_grammar else Sampling()
    key = model.key([Message(role="user", text="Reply with the word: ready")], sampling)
    await ask_all(model, [(key, sampling)])
