"""The step `confirm`: the best few prompts are looked at once more before one of them is the result.

The best of many dev scores is too good: it was chosen for being high, luck included. So the finalists are scored on
training examples as well, and the one that is best on both together is the result.
"""

from collections.abc import Sequence

from pydantic import Field

from gpo.concurrency import gather_or_cancel
from gpo.evaluation.scores import join_scores
from gpo.models.models import Models
from gpo.records import Example, Finalist, Record, Scored, UsageByRole, total_usage
from gpo.search.inform import try_on_cases
from gpo.spec.task import TaskSpec


class Confirmed(Record):
    """The finalists, the best on dev first, and what the second look cost; none where there was nothing to choose."""

    finalists: tuple[Finalist, ...] = ()
    usage: UsageByRole = Field(default={})


def name_finalists(scored: Sequence[Scored], count: int) -> list[Scored]:
    """The best prompts by dev score that were tried on every dev example; of equals the first."""
    whole: dict[str, Scored] = {}
    for item in scored:
        if item.score.complete:
            whole.setdefault(item.candidate.id, item)
    return sorted(whole.values(), key=lambda item: -item.score.mean)[:count]


async def confirm(
    models: Models, spec: TaskSpec, scored: Sequence[Scored], train: Sequence[Example], shown: Sequence[Example] = ()
) -> Confirmed:
    """Score the finalists on training examples; with less than two, or no examples, there is nothing to confirm.

    Raises:
        TooManyFailures: more than half of the calls failed.
    """
    named = name_finalists(scored, spec.optimizer.finalists)
    if len(named) < 2 or not train:
        return Confirmed()
    scores = await gather_or_cancel(
        *(try_on_cases(models, spec, item.candidate.instruction, train, shown) for item in named)
    )
    finalists = tuple(
        Finalist(scored=item, fresh=score.model_copy(update={"samples": ()}))
        for item, score in zip(named, scores, strict=True)
    )
    return Confirmed(finalists=finalists, usage=total_usage(score.usage for score in scores))


def choose_finalist(finalists: Sequence[Finalist]) -> Scored:
    """The one that is best on dev and training examples together; of equals, the one with the better dev score."""
    return max(finalists, key=lambda each: join_scores(each.scored.score, each.fresh, kept=0).mean).scored
