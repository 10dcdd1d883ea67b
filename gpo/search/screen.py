"""The step `screen`: which candidates are worth a score on the whole dev split.

With `optimizer.accept: batch` a candidate has to beat the current prompt on its own batch of training cases. In the
method's analogy this is the test of a line search: a move is made only where the function has decreased. The current
prompt's answers are known, so that a test costs one call for each case of the batch, and most proposals, which are no
better, cost no more than that.
"""

import math
from collections.abc import Sequence

from pydantic import Field

from gpo.concurrency import gather_or_cancel
from gpo.models.models import Models
from gpo.records import Candidate, Example, Record, Rejection, Score, Trial, UsageByRole, total_usage
from gpo.search.cases import Batch
from gpo.search.inform import Informed, try_on_cases
from gpo.spec.task import TaskSpec


class Screened(Record):
    """Candidates in the order in which they deserve a score on dev, the best gain first, and how each was tried.

    `failed` counts the calls that failed.
    """

    passed: tuple[Candidate, ...]
    trials: tuple[Trial, ...] = ()
    failed: int = 0
    usage: UsageByRole = Field(default={})

    def within(self, affordable: int) -> tuple[Candidate, ...]:
        """Those that can be paid for, in the order in which they were proposed."""
        return tuple(sorted(self.passed[:affordable], key=lambda candidate: candidate.number))


async def screen(
    models: Models, spec: TaskSpec, informed: Informed, candidates: Sequence[Candidate], shown: Sequence[Example] = ()
) -> Screened:
    """Try each candidate on its own cases; where the method asks for no such test, all have passed.

    Raises:
        TooManyFailures: more than half of the calls about a batch failed.
    """
    if spec.optimizer.accept != "batch":
        return Screened(passed=tuple(candidates))
    found = await gather_or_cancel(
        *(_try(models, spec, each, informed.batch_of(each.place), shown) for each in candidates)
    )
    trials, scores = tuple(trial for trial, _ in found), [score for _, score in found]
    ranked = sorted((each for each in trials if each.is_passed), key=lambda each: each.before - each.after)
    return Screened(
        passed=tuple(each.candidate for each in ranked),
        trials=trials,
        failed=sum(score.failed for score in scores),
        usage=total_usage(score.usage for score in scores),
    )


async def _try(
    models: Models, spec: TaskSpec, candidate: Candidate, batch: Batch, shown: Sequence[Example]
) -> tuple[Trial, Score]:
    """The candidate on its cases, and its score there; a call that failed decides nothing."""
    examples = [case.example for case in batch]
    score = await try_on_cases(models, spec, candidate.instruction, examples, shown)
    known = [case.sample.value for case in batch if case.example.id in score.values]
    trial = Trial(candidate=candidate, before=_mean(known), after=_mean(list(score.values.values())), n=score.n)
    return trial, score


def rejections(trials: Sequence[Trial], scored: Sequence[Candidate]) -> tuple[Rejection, ...]:
    """Why candidates that were tried got no score on dev."""
    taken = {candidate.id for candidate in scored}
    return tuple(
        Rejection(
            reason="unaffordable" if trial.is_passed else "no_gain",
            text=trial.candidate.instruction,
            way=trial.candidate.way,
        )
        for trial in trials
        if trial.candidate.id not in taken
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
