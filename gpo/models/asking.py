"""Asking the optimizer model: answers come from the ledger where they are, and are paid for where they are not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from gpo.concurrency import gather_or_cancel
from gpo.errors import GpoError, MetricError, ModelCallError, RefusedRequestError, TooManyFailures, TransientCallError
from gpo.models.chat import ChatModel, Sampling
from gpo.models.ledger import Answer, CallKey
from gpo.progress import Answered, emit
from gpo.records import Example, Record, Usage, UsageByRole, content_hash
from gpo.scoring.stated import without_reasoning
from gpo.template import Message

REMARK_TOKENS = 400
"""Most tokens of a remark, where the model's server is one of this machine; others keep to what they are asked."""

REMARK_CHARACTERS = 2000


class Remark(Record):
    """A free text of the optimizer model, empty where it had none, and what it cost."""

    text: str = ""
    usage: UsageByRole = Field(default={})


async def ask_all(model: ChatModel, asks: Sequence[tuple[CallKey, Sampling]]) -> Mapping[str, Answer]:
    """Answers by key digest, paid for where the ledger has none.

    A request that the provider refuses is missing from the result.

    Raises:
        ModelCallError: the first call that failed otherwise, or all were refused; calls that wait are cancelled.
    """
    found = dict(await model.find([key for key, _ in asks]))
    if found:
        emit(Answered(paid=False, count=len(found)))
    refused: list[RefusedRequestError] = []

    async def pay(key: CallKey, sampling: Sampling) -> None:
        try:
            found[key.digest] = await model.ask(key, sampling)
        except RefusedRequestError as error:
            refused.append(error)
            return
        emit(Answered(paid=True))

    await gather_or_cancel(*(pay(key, sampling) for key, sampling in asks if key.digest not in found))
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


def usage_of(model: ChatModel, answers: Iterable[Answer]) -> UsageByRole:
    """What answers of a model cost in full, whether they were paid for now or before."""
    found = list(answers)
    return {
        model.role: Usage(
            calls=len(found),
            input_tokens=sum(answer.input_tokens for answer in found),
            output_tokens=sum(answer.output_tokens for answer in found),
        )
    }


def repeat_of(seed: int, step: int, place: int | str) -> int:
    """The number of a sample: another seed, step or place in the step is another sample of the same request."""
    return int(content_hash([seed, step, place], length=7), 16)


@dataclass
class BlockOfCalls:
    """The calls about one block of examples, of which `allowed` may fail.

    `offset` is the block's place among all examples: of all calls that wait, those about earlier examples go first.
    `asked` counts the calls that were needed, those answered from the ledger among them.
    """

    block: Sequence[Example]
    offset: int
    allowed: int
    asked: int = 0
    failures: list[GpoError] = field(default_factory=list)

    async def ask(self, model: ChatModel, keys: Mapping[str, CallKey], sampling: Sampling) -> dict[str, Answer]:
        """Answers by example id, as the keys are; missing where the call failed.

        Raises:
            TooManyFailures: more calls failed than are allowed. The first one too many cancels the rest.
        """
        self.asked += len(keys)
        found = dict(await model.find(list(keys.values())))
        if found:
            emit(Answered(paid=False, count=len(found)))

        async def pay(key: CallKey, priority: int) -> None:
            try:
                found[key.digest] = await model.ask(key, sampling, priority)
            except ModelCallError as error:
                self.failures.append(error)
                if len(self.failures) > self.allowed:
                    raise
                return
            emit(Answered(paid=True))

        places = {example.id: self.offset + index for index, example in enumerate(self.block)}
        missing = {key.digest: (key, places[name]) for name, key in keys.items() if key.digest not in found}
        try:
            await gather_or_cancel(*(pay(key, place) for key, place in missing.values()))
        except ModelCallError as first:
            raise self._too_many() from first
        return {name: found[key.digest] for name, key in keys.items() if key.digest in found}

    def fail(self, error: GpoError) -> None:
        """Count an answer that came and is of no use, or has no score, as a call that failed.

        Raises:
            TooManyFailures: that was one too many.
        """
        self.failures.append(error)
        if len(self.failures) > self.allowed:
            raise self._too_many() from error

    def _too_many(self) -> TooManyFailures:
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
