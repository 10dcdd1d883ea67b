"""The step `screen`: which candidates are worth a score on the whole dev split.

A candidate is tried on its own batch of training cases first. In the method's analogy this is the test of a line
search: a move is made only where the function has decreased. The current prompt's answers are known, so that a test
costs one call for each case of the batch, and most proposals, which are no better, cost no more than that. With
`optimizer.accept: batch` a candidate has to beat the current prompt on its cases. A few cases are a noisy test, and
half of them are chosen as failures of the current prompt, which may have failed by chance: with `accept: expected` they
are read together with all other scores (`estimate.py`), and the best of a step are scored, if they are expected to be
better than the current prompt.
"""

from collections.abc import Callable, Sequence

from pydantic import Field

from gpo.concurrency import gather_or_cancel
from gpo.evaluation.few_shot import without_demonstrations
from gpo.evaluation.racing import worth
from gpo.models.models import Models
from gpo.records import Candidate, Example, Record, Score, UsageByRole, total_usage
from gpo.search.cases import Batch
from gpo.search.inform import Informed, try_on_cases
from gpo.search.objectives.front import adds_to_front, is_shorter
from gpo.search.state import Search
from gpo.search.step import Rejection, Step, Trial, mean
from gpo.spec.method import OptimizerSpec
from gpo.spec.task import TaskSpec

MOST_SCORED = 2
"""Candidates of a step that are scored on dev at most, where the best are chosen by what is expected of them."""


class Tried(Record):
    """The trials of the candidates of a step, none where they are not tried, what they cost, and calls that failed."""

    trials: tuple[Trial, ...] = ()
    failed: int = 0
    usage: UsageByRole = Field(default={})


class Screened(Tried):
    """The same with those that `passed`, in the order in which they deserve a score on dev, the best gain first."""

    passed: tuple[Candidate, ...]

    def within(self, affordable: int) -> tuple[Candidate, ...]:
        """Those that can be paid for, in the order in which they were proposed."""
        return tuple(sorted(self.passed[:affordable], key=lambda candidate: candidate.number))


async def try_all(
    models: Models,
    spec: TaskSpec,
    informed: Informed,
    candidates: Sequence[Candidate],
    shown: Callable[[Candidate], Sequence[Example]] = lambda _: (),
) -> Tried:
    """Try each candidate on its own cases, where the method asks for it; none has passed yet.

    `shown` are the demonstrations of each, none of which is a case of it.

    Raises:
        TooManyFailures: more than half of the calls about a batch failed.
    """
    if not spec.optimizer.tries_cases:
        return Tried()
    found = await gather_or_cancel(
        *(_try(models, spec, each, informed.batch_of(each.place), shown(each)) for each in candidates)
    )
    scores = [score for _, score in found]
    return Tried(
        trials=tuple(trial for trial, _ in found),
        failed=sum(score.failed for score in scores),
        usage=total_usage(score.usage for score in scores),
    )


async def _try(
    models: Models, spec: TaskSpec, candidate: Candidate, batch: Batch, shown: Sequence[Example]
) -> tuple[Trial, Score]:
    """The candidate on its cases, and its score there; a call that failed decides nothing."""
    examples = without_demonstrations([case.example for case in batch], shown)
    score = await try_on_cases(models, spec, candidate.instruction, examples, shown)
    known = [case.sample.value for case in batch if case.example.id in score.values]
    return Trial(candidate=candidate, before=mean(known), values=score.values, passed=False), score


def screen(search: Search, begun: Step, tried: Tried, candidates: Sequence[Candidate], spec: TaskSpec) -> Screened:
    """Which candidates of a step that has begun are worth a score on dev, by the choice `optimizer.accept`."""
    if not spec.optimizer.tries_cases:
        return Screened(passed=tuple(candidates))
    options = spec.optimizer
    expects = options.accept == "expected"
    better = _expected_better(search, begun, tried, spec) if expects else _better(search, tried, options)
    trials = tuple(each.model_copy(update={"passed": each.candidate.id in better}) for each in tried.trials)
    ranked = sorted((each.candidate for each in trials if each.passed), key=lambda each: -better[each.id])
    return Screened(passed=tuple(ranked), trials=trials, failed=tried.failed, usage=tried.usage)


def _better(search: Search, tried: Tried, options: OptimizerSpec) -> dict[str, float]:
    """By how much candidates beat the current prompt on their own cases; as good is not enough."""
    current = search.current.candidate.instruction
    penalty = options.length_penalty
    gains = {
        each.candidate.id: worth(each.after, each.candidate.instruction, penalty) - worth(each.before, current, penalty)
        for each in tried.trials
    }
    if options.objectives:
        shorter = {each.candidate.id for each in tried.trials if is_shorter(each.candidate, search.current.candidate)}
        return {name: gain for name, gain in gains.items() if gain > 0 or (gain == 0 and name in shorter)}
    return {name: gain for name, gain in gains.items() if gain > 0}


def _expected_better(search: Search, begun: Step, tried: Tried, spec: TaskSpec) -> dict[str, float]:
    """How good the best candidates are expected to be, where that is better than the current prompt is.

    With several objectives, also where no prompt that is as good has as few words.
    """
    known = search.estimates(begun.model_copy(update={"trials": tried.trials}))
    current = search.current.candidate
    penalty = spec.optimizer.length_penalty
    bar = worth(known[current.id].mean, current.instruction, penalty)
    candidates = [each.candidate for each in tried.trials]
    values = {each.id: worth(known[each.id].mean, each.instruction, penalty) for each in candidates}
    whole = {item.candidate.id: item.candidate for item in search.scored if item.score.complete}
    scored = [(known[name].mean, each) for name, each in whole.items()]
    passed = [each.id for each in candidates if values[each.id] > bar or adds_to_front(spec, each, known, scored)]
    ranked = sorted(passed, key=lambda name: -values[name])
    return {name: values[name] for name in ranked[:MOST_SCORED]}


def rejections(screened: Screened, scored: Sequence[Candidate]) -> tuple[Rejection, ...]:
    """Why candidates that were tried, or passed, got no score on dev."""
    taken = {candidate.id for candidate in scored}
    passed = {candidate.id for candidate in screened.passed}
    every = {each.id: each for each in (*(trial.candidate for trial in screened.trials), *screened.passed)}
    return tuple(
        Rejection(reason="unaffordable" if name in passed else "no_gain", text=candidate.instruction, way=candidate.way)
        for name, candidate in every.items()
        if name not in taken
    )
