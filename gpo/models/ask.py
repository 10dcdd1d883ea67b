"""Asking a model: answers come from the ledger where they are, and are paid for where they are not."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import Field

from gpo.concurrency import gather_or_cancel
from gpo.errors import GpoError, MetricError, ModelCallError, RefusedRequestError, TooManyFailures, TransientCallError
from gpo.messages.message import Message
from gpo.models.chat import ChatModel, Sampling
from gpo.models.clients.call_notes import calls_about
from gpo.models.ledger import Answer, CallKey
from gpo.progress import Answered, emit
from gpo.records import Example, Record, TracedCall, Usage, UsageByRole, content_hash, total_usage
from gpo.redaction import mask_secrets
from gpo.scoring.hidden_reasoning import without_reasoning

REMARK_TOKENS = 400
"""Most tokens of a remark, where the model's server is one of this machine; others keep to what they are asked."""

REMARK_CHARACTERS = 2000


class Remark(Record):
    """A free text of the optimizer model, empty where it had none, and what it cost."""

    text: str = ""
    usage: UsageByRole = Field(default={})


class Ask(NamedTuple):
    """One call that is needed; of calls that wait, those of the lowest `priority` go first."""

    key: CallKey
    sampling: Sampling
    priority: int = 0
    example: str = ""
    """The example that it is about, where it is about one."""


async def _ignore(_of: object, _answer: Answer) -> None:
    """What is done with an answer where nobody wants to hear it at once."""


async def ask_missing(
    model: ChatModel,
    asks: Sequence[Ask],
    may_fail: Callable[[ModelCallError, Ask], bool],
    hear: Callable[[Ask, Answer], Awaitable[None]] = _ignore,
) -> dict[str, Answer]:
    """Answers by key digest: those that the ledger has, and the others paid for.

    The answer of a call that failed is missing where `may_fail` says so of its error. It is called once for each
    failure, in the order in which they come. `hear` is called once for each answer as soon as it is there, so that
    what is done with it costs no time of its own: other calls are under way.

    Raises:
        ModelCallError: the first call whose failure is one too many; calls that wait are cancelled.
    """
    found = dict(await model.find([ask.key for ask in asks]))
    if found:
        emit(Answered(paid=False, count=len(found)))

    async def pay(ask: Ask) -> None:
        try:
            with calls_about(**{"example": ask.example} if ask.example else {}):
                answer = found[ask.key.digest] = await model.ask(ask.key, ask.sampling, ask.priority)
        except ModelCallError as error:
            if not may_fail(error, ask):
                raise
            return
        emit(Answered(paid=True))
        await hear(ask, answer)

    async def hear_kept() -> None:
        for ask in kept:
            await hear(ask, found[ask.key.digest])

    missing = [ask for ask in asks if ask.key.digest not in found]
    kept = [ask for ask in asks if ask.key.digest in found]
    await gather_or_cancel(*map(pay, missing), hear_kept())
    return found


async def ask_all(
    model: ChatModel, asks: Sequence[tuple[CallKey, Sampling]], refused: list[ModelCallError] | None = None
) -> Mapping[str, Answer]:
    """Answers by key digest, paid for where the ledger has none.

    A request that the provider refuses is missing from the result, and `refused` takes its error.

    Raises:
        ModelCallError: the first call that failed otherwise, or all were refused; calls that wait are cancelled.
    """
    refused = [] if refused is None else refused

    def is_refused(error: ModelCallError, _ask: Ask) -> bool:
        if isinstance(error, RefusedRequestError):
            refused.append(error)
            return True
        return False

    found = await ask_missing(model, [Ask(key, sampling) for key, sampling in asks], is_refused)
    if refused and not found:
        raise refused[0]
    return found


async def ask_remark(model: ChatModel, request: str, repeat: int) -> Remark:
    """One free text without hidden reasoning, cut after `REMARK_CHARACTERS`; empty where the provider refuses.

    Raises:
        ModelCallError: the call failed after the client's retries.
    """
    sampling = Sampling(max_tokens=REMARK_TOKENS) if model.follows_grammar else Sampling()
    key = model.key([Message(role="user", text=request)], sampling, repeat)
    try:
        answer = (await ask_all(model, [(key, sampling)]))[key.digest]
    except RefusedRequestError:
        return Remark()
    return Remark(text=without_reasoning(answer.text).strip()[:REMARK_CHARACTERS], usage=usage_of(model, [answer]))


def usage_of(model: ChatModel, answers: Iterable[Answer], failed: Iterable[ModelCallError] = ()) -> UsageByRole:
    """What answers of a model cost in full, whether they were paid for now or before.

    Of calls that failed, only the tokens count that were billed for them.
    """
    found = list(answers)
    billed: list[Answer | ModelCallError] = [*found, *failed]
    return {
        model.role: Usage(
            calls=len(found),
            input_tokens=sum(each.input_tokens for each in billed),
            output_tokens=sum(each.output_tokens for each in billed),
        )
    }


def repeat_of(seed: int, step: int, place: int | str) -> int:
    """The number of a sample: another seed, step or place in the step is another sample of the same request."""
    return int(content_hash([seed, step, place], length=7), 16)


@dataclass
class BlockOfCalls:
    """The calls about one block of examples, of which `allowed` may fail.

    `offset` is the block's place among all examples. Of all calls that wait, whoever asks, those about earlier examples
    go first, so that a server that keeps the beginnings of prompts reads an example once; with `as_block`, those of
    earlier blocks, each block in one piece, since its calls begin alike.
    `asked` counts the calls that were needed, those answered from the ledger among them; `lost` is what was billed for
    calls that failed, `reasons` says by example id why there is no answer, or no score for it, and
    `failed_calls` what a program did before it failed.
    """

    block: Sequence[Example]
    offset: int
    allowed: int
    as_block: bool = False
    asked: int = 0
    failures: list[GpoError] = field(default_factory=list)
    lost: UsageByRole = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    failed_calls: dict[str, tuple[TracedCall, ...]] = field(default_factory=dict)

    async def ask(
        self,
        model: ChatModel,
        keys: Mapping[str, CallKey],
        sampling: Sampling,
        hear: Callable[[str, Answer], Awaitable[None]] = _ignore,
    ) -> dict[str, Answer]:
        """Answers by example id, as the keys are; missing where the call failed.

        `hear` is called with each as soon as it is there, in any order.

        Raises:
            TooManyFailures: more calls failed than are allowed. The first one too many cancels the rest.
        """
        self.asked += len(keys)
        places = {example.id: self.offset + (0 if self.as_block else index) for index, example in enumerate(self.block)}
        # Two examples may ask the same; that is one call, paid for and told once.
        asks = {key.digest: Ask(key, sampling, places[name], name) for name, key in keys.items()}
        names: dict[str, list[str]] = {}
        for name, key in keys.items():
            names.setdefault(key.digest, []).append(name)
        failed: list[ModelCallError] = []

        def may_fail(error: ModelCallError, ask: Ask) -> bool:
            failed.append(error)
            return self._allows(error, *names[ask.key.digest])

        async def hear_each(ask: Ask, answer: Answer) -> None:
            for name in names[ask.key.digest]:
                await hear(name, answer)

        try:
            found = await ask_missing(model, list(asks.values()), may_fail, hear_each)
        except ModelCallError as first:
            raise self.too_many() from first
        self.lost = total_usage([self.lost, usage_of(model, (), failed)])
        return {name: found[key.digest] for name, key in keys.items() if key.digest in found}

    def _allows(self, error: GpoError, *examples: str) -> bool:
        """Count a failure; whether there may be as many."""
        self.failures.append(error)
        self.reasons |= dict.fromkeys(examples, mask_secrets(str(error)))
        return len(self.failures) <= self.allowed

    def fail(self, error: GpoError, example: str) -> None:
        """Count an answer to an example that came and is of no use, or has no score, as a call that failed.

        Raises:
            TooManyFailures: that was one too many.
        """
        if not self._allows(error, example):
            raise self.too_many() from error

    def too_many(self) -> TooManyFailures:
        """The error that says so."""
        unscored = sum(isinstance(error, MetricError) for error in self.failures)
        what = "calls failed" if not unscored else "answers could not be scored"
        if 0 < unscored < len(self.failures):
            what = "examples have no score, as calls failed or answers could not be scored"
        return TooManyFailures(
            f"{len(self.failures)} of {len(self.block)} {what}, more than max_failure_rate still allows "
            f"({self.allowed}); answers that came are kept. First: {self.failures[0]}",
            transient=any(isinstance(error, TransientCallError) for error in self.failures),
            by_metric=unscored == len(self.failures),
        )
