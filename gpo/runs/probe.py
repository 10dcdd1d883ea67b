"""A handful of real calls before the start: can the models be reached, and can their answers be read?"""

from typing import TYPE_CHECKING, get_args

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
from gpo.evaluation.readability import describe_reading, how_to_be_read
from gpo.formatting import money
from gpo.gate.guards import check_tokens
from gpo.models.ask import ask_all, usage_of
from gpo.models.chat import ChatModel
from gpo.models.models import Models
from gpo.progress import Note, emit
from gpo.records import Score, Splits, Usage, UsageByRole
from gpo.runs.job import Checked
from gpo.scoring.spec import is_judged
from gpo.search.run_limits import least_amounts, sizes_of
from gpo.spec.models import ModelRole
from gpo.spec.task import TaskSpec

if TYPE_CHECKING:
    from gpo.models.target.target import Target

PROBED_EXAMPLES = 8

CUT_ADVICE = (
    "cut off by the token limit: raise `parameters: {max_tokens: ...}` of the task model; of one that reasons, some "
    "spend all of it before the first word"
)


async def probe_models(checked: Checked, models: Models, *, searches: bool, live: bool) -> None:
    """Ask the models a few questions; without a search, only the task model and its judge.

    `live`: each model that the ledger alone would answer for is called once.

    Raises:
        ModelConfigError: a model does not answer, or its answers cannot be read.
        SpecError: a cap or a limit of the spec cannot be kept, or its metric fails.
    """
    spec = checked.spec
    # The task model comes last: its eight answers are the only ones worth keeping.
    try:
        greeted = Usage()
        if searches:
            await models.embed(["ready"])
            greeted = await _probe_optimizer(models.optimizer)
        probed = await _probe_task(checked, models)
        if live:
            await _reach(spec, models, searches=searches)
    except (ModelCallError, TooManyFailures, LocalModelError) as error:
        if isinstance(error, TooManyFailures) and error.by_metric:
            raise SpecError(f"`metric`: {error}; correct the metric") from error
        if spec.target is not None and isinstance(error, TooManyFailures):
            raise SpecError(f"`target`: {error}; correct the program") from error
        kind = ModelUnreachableError if is_transient(error) else ModelConfigError
        raise kind(f"a model named in the spec does not answer: {error}") from error
    if searches:
        check_tokens(spec, probed)
        _check_meters(spec, {**probed.usage, "optimizer": greeted})
        _check_estimate(spec, checked.splits, probed)


async def _reach(spec: TaskSpec, models: Models, *, searches: bool) -> None:
    """Call the models that were not called for the probes, whose answers were in the ledger."""
    used = [models.task] if models.target is None else []
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


def _check_estimate(spec: TaskSpec, splits: Splits, probed: Score) -> None:
    """Caps on tokens and cost that one step and the final comparison will not keep, going by the first answers."""
    for name, least in least_amounts(spec, probed, sizes_of(splits)).items():
        cap = getattr(spec.budget, name)
        if cap is not None and cap < least:
            needed = f"{least:,.0f}" if name == "max_tokens" else money(least)
            raise SpecError(
                f"`budget.{name}` is {cap:g}; going by the first {probed.n} answers, the start, one step and the final "
                f"comparison need about {needed}: raise it, or lower optimizer.candidates, dataset.split.dev or "
                "dataset.split.test"
            )


async def _probe_task(checked: Checked, models: Models) -> Score:
    model, spec = models.task, checked.spec
    try:
        score = await _first_score(checked, spec, models)
    except TooManyFailures as error:
        # An answer on which an expression takes too long is one among many: the run counts such answers itself.
        if not error.by_metric or spec.metric.name == "python":
            raise
        score = await _first_score(checked, spec.model_copy(update={"max_failure_rate": 1.0}), models)
        if not score.n:
            raise
    if score.n and score.unparsed / score.n > spec.max_unparsed_rate:
        wrote = next((sample.text for sample in score.samples if sample.answer is None), "")
        who = spec.target.call if spec.target else model.spec.model
        if score.cut:
            raise ModelConfigError(
                f"{who}: {score.unparsed} of {score.n} answers cannot be read as `{spec.answer.kind}`; "
                f"{score.cut} were {CUT_ADVICE}"
            )
        raise ModelConfigError(
            f"{who}: {score.unparsed} of {score.n} answers cannot be read as `{spec.answer.kind}`; "
            f"one of them: {wrote[:120]!r}. {how_to_be_read(spec)}"
        )
    if models.target is not None:
        _check_read(spec, models.target)
    if told := describe_reading(score):
        emit(Note(told))
    return score


def _check_read(spec: TaskSpec, target: "Target") -> None:
    """A program that reads none of the prompts cannot be improved by them; of some it may need only now and then."""
    read = frozenset[str]().union(*target.sets)
    unread = [name for name in spec.parts if name not in read]
    if unread and not read:
        raise SpecError(
            f"`target`: the program `{target.spec.call}` did not load prompt {unread[0]} for any first example; "
            f"it must read it by {_loading(spec, unread[0])}, without a version, each time that it answers"
        )
    if unread:
        how = ", ".join(_loading(spec, name) for name in unread)
        emit(Note(f"The program did not load {', '.join(unread)} for the first examples: is it by {how}?"))


def _loading(spec: TaskSpec, name: str) -> str:
    return f'`{"load_text" if name in spec.texts else "load_prompt"}("{name}")`'


async def _first_score(checked: Checked, spec: TaskSpec, models: Models) -> Score:
    return await evaluate(
        models.task,
        spec,
        spec.start_text,
        checked.splits.dev[:PROBED_EXAMPLES],
        demonstrations=checked.demonstrations,
        judge=models.judge,
        target=models.target,
    )


async def _probe_optimizer(model: ChatModel) -> Usage:
    key, sampling = model.greeting()
    answers = await ask_all(model, [(key, sampling)])
    return usage_of(model, answers.values())[model.role]
