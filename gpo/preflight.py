"""Everything that can be wrong before the start is found before the start, and nothing is written until it is right.

A handful of real calls shows whether the models can be reached and whether their answers can be read. Their answers
are held in memory and reach the ledger only when the check has passed: then they are not paid for again.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from gpo.budget import least_calls
from gpo.database import open_database
from gpo.datasets import load_splits
from gpo.errors import (
    LocalModelError,
    ModelCallError,
    ModelConfigError,
    ModelUnreachableError,
    SpecError,
    TooManyFailures,
    is_transient,
)
from gpo.evaluation import evaluate
from gpo.ledger import Answer, CallKey, Ledger
from gpo.models import AnswerStore, ChatModel, Models, Sampling, open_models
from gpo.records import Splits
from gpo.refinement import ask_all
from gpo.run import Place
from gpo.settings import DATABASE_FILE
from gpo.spec import TaskSpec
from gpo.template import Message

PROBED_EXAMPLES = 8


class HeldAnswers:
    """Answers in memory, while there is no ledger yet."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[CallKey, Answer, str]] = {}

    async def find(self, keys: Sequence[CallKey]) -> Mapping[str, Answer]:
        """Answers that are held, by key digest."""
        return {key.digest: self._held[key.digest][1] for key in keys if key.digest in self._held}

    async def keep(self, key: CallKey, answer: Answer, role: str) -> None:
        """Hold one answer."""
        self._held[key.digest] = (key, answer, role)

    async def settle(self, ledger: AnswerStore) -> None:
        """Write what is held to the ledger."""
        for key, answer, role in self._held.values():
            await ledger.keep(key, answer, role)


async def preflight(place: Place, *, searches: bool = True) -> Splits:
    """Check dataset, cap and models; the state folder is touched only when all is well.

    Without a search, the optimizer and embedding models and the cap are left alone.

    Raises:
        InputError: what is wrong, where, and what to do.
    """
    spec, settings, home = place.spec, place.settings, place.home
    splits = load_splits(spec)
    if searches:
        _check_cap(spec, splits)
    url = settings.database_for(home)
    is_new = settings.database_url is None and not (home / DATABASE_FILE).exists()
    async with AsyncExitStack() as stack:
        held = HeldAnswers()
        answers = held if is_new else await _open_ledger(url, stack)
        async with open_models(spec.models, settings, answers) as models:
            await _probe(spec, splits, models, searches=searches)
        if is_new:
            await held.settle(await _open_ledger(url, stack))
    return splits


async def _open_ledger(url: str, stack: AsyncExitStack) -> Ledger:
    engine = open_database(url)
    stack.callback(engine.dispose)
    ledger = Ledger(engine)
    stack.push_async_callback(ledger.aclose)
    return ledger


def _check_cap(spec: TaskSpec, splits: Splits) -> None:
    cap = spec.budget.max_calls
    least = least_calls(spec, len(splits.dev), len(splits.test))
    if cap is not None and cap < least:
        raise SpecError(
            f"`budget.max_calls` is {cap}; one step and the final comparison need {least}: raise it, or lower "
            "optimizer.candidates, dataset.split.dev or dataset.split.test"
        )


async def _probe(spec: TaskSpec, splits: Splits, models: Models, *, searches: bool) -> None:
    # The task model comes last: its eight answers are the only ones worth keeping.
    try:
        if searches:
            await models.embed(["ready"])
            await _probe_optimizer(models.optimizer)
        await _probe_task(spec, splits, models.task)
    except (ModelCallError, TooManyFailures, LocalModelError) as error:
        kind = ModelUnreachableError if is_transient(error) else ModelConfigError
        raise kind(f"a model named in the spec does not answer: {error}") from error


async def _probe_task(spec: TaskSpec, splits: Splits, model: ChatModel) -> None:
    score = await evaluate(model, spec, spec.prompt.instruction, splits.dev[:PROBED_EXAMPLES])
    if score.n and score.unparsed / score.n > spec.max_unparsed_rate:
        wrote = next((sample.text for sample in score.samples if sample.answer is None), "")
        raise ModelConfigError(
            f"{model.spec.model}: {score.unparsed} of {score.n} answers cannot be read as `{spec.answer.kind}`; "
            f"one of them: {wrote[:120]!r}. Say in `prompt.messages` what form the answer must have, "
            "or correct `answer`"
        )


async def _probe_optimizer(model: ChatModel) -> None:
    sampling = Sampling(max_tokens=16) if model.follows_grammar else Sampling()
    key = model.key([Message(role="user", text="Reply with the word: ready")], sampling)
    await ask_all(model, [(key, sampling)])
