"""Asking models about the examples of a block: from the ledger or paid for, with some failures allowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gpo.errors import GpoError, ModelCallError, TooManyFailures, TransientCallError
from gpo.ledger import Answer, CallKey
from gpo.models import ChatModel, Sampling
from gpo.progress import Answered, emit
from gpo.records import Example
from gpo.together import together


@dataclass
class Inquiry:
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
            await together(*(pay(key, place) for key, place in missing.values()))
        except ModelCallError as first:
            raise self._too_many() from first
        return {name: found[key.digest] for name, key in keys.items() if key.digest in found}

    def fail(self, error: GpoError) -> None:
        """Count an answer that came and is of no use as a call that failed.

        Raises:
            TooManyFailures: that was one too many.
        """
        self.failures.append(error)
        if len(self.failures) > self.allowed:
            raise self._too_many() from error

    def _too_many(self) -> TooManyFailures:
        return TooManyFailures(
            f"{len(self.failures)} of {len(self.block)} calls failed, more than max_failure_rate still allows "
            f"({self.allowed}); answers that came are kept. First: {self.failures[0]}",
            transient=any(isinstance(error, TransientCallError) for error in self.failures),
        )
