"""The limits of a run on calls, tokens and cost (`budget` in the spec), and how much of the next step they allow.

Everything counts in full, whether it is paid for or answered from the ledger: a run that is resumed, or repeated for
nothing, ends at the same point as one that was never disturbed. A step has only as many candidates as fit with all that
they can need, and the final comparison is set aside, so that reaching a cap ends a run with a result.

Calls are counted and never exceed their cap. Tokens and cost are estimated, before a step, from what a call of the same
model took in the dearest part of the run so far: their caps are kept to within the error of one step's estimate.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gpo.evaluation.calls import Calls, calls_an_example, example_calls
from gpo.records import Record, Score, Splits, Usage, UsageByRole, total_usage
from gpo.search.parts import parts_of_step
from gpo.search.step import Step
from gpo.spec.models import ModelRole
from gpo.spec.task import TaskSpec

PROBES = 1
"""Calls that check the optimizer model before the start."""


class SplitSizes(Record):
    """How many examples the splits have."""

    train: int
    dev: int
    test: int


def sizes_of(splits: Splits) -> SplitSizes:
    """The sizes of the splits."""
    return SplitSizes(train=len(splits.train), dev=len(splits.dev), test=len(splits.test))


def final_calls(spec: TaskSpec, test: int) -> int:
    """Calls set aside for the locked split: champion and challenger, once each."""
    return 2 * test * calls_an_example(spec)


def step_calls(spec: TaskSpec, dev: int, candidates: int | None = None, step: int = 2) -> int:
    """The most calls that a step with so many proposals, by default all, can need.

    The first step has no trajectory yet that could be summarised.
    """
    return sum(calls_of_step(spec, dev, candidates, step).values())


def calls_of_step(spec: TaskSpec, dev: int, candidates: int | None = None, step: int = 2) -> Calls:
    """The same by role."""
    count = spec.optimizer.candidates if candidates is None else candidates
    return total_calls([_begin_calls(spec, count, step), _score_calls(spec, dev, count)])


def least_calls(spec: TaskSpec, sizes: SplitSizes) -> int:
    """The smallest cap on calls that lets a run take one whole step and prove its result."""
    search = PROBES + sizes.dev * calls_an_example(spec) + sum(_least_step_calls(spec, sizes, 1).values())
    return search + final_calls(spec, sizes.test)


def least_task_calls(spec: TaskSpec, sizes: SplitSizes) -> int:
    """The smallest cap on calls of the task model in the search that lets it take one whole step."""
    return sizes.dev * example_calls(spec)["task"] + _least_step_calls(spec, sizes, 1)["task"]


def least_amounts(spec: TaskSpec, probed: Score, sizes: SplitSizes) -> Mapping[str, float]:
    """About what the start, one whole step and the final comparison take, by cap, going by a few answers."""
    a_call = _tokens_per_call(spec, [probed], [])
    calls = [
        _multiply(example_calls(spec), sizes.dev + 2 * sizes.test),
        _least_step_calls(spec, sizes, 1),
    ]
    usage = total_usage(_estimate_usage(part, a_call) for part in calls)
    return {"max_tokens": _total_tokens(usage), "max_cost": spec.models.cost(usage) or 0.0}


def search_usage(before: Iterable[Score], steps: Iterable[Step]) -> UsageByRole:
    """What the search took so far, failed calls and the check before the start included.

    `before` are the scores of the start and of prompts of earlier runs.
    """
    parts = [*(_score_usage(score) for score in before), {"optimizer": Usage(calls=PROBES)}]
    return total_usage([*parts, *(_step_usage(step) for step in steps)])


def affordable_candidates(spec: TaskSpec, before: Sequence[Score], steps: Iterable[Step], sizes: SplitSizes) -> int:
    """How many proposals the next step can afford under all caps, at most `optimizer.candidates`; 0: no step.

    `before` are the scores of the start and of prompts of earlier runs.
    """
    taken = list(steps)

    def calls_of(candidates: int) -> Calls:
        scored = min(candidates, 1) if spec.optimizer.tries_cases else candidates
        return total_calls([_begin_calls(spec, candidates, len(taken) + 1), _score_calls(spec, sizes.dev, scored)])

    return _spent(spec, before, taken, sizes).most(calls_of, spec.optimizer.candidates)


def affordable_scores(
    spec: TaskSpec, before: Sequence[Score], steps: Iterable[Step], sizes: SplitSizes, wanted: int
) -> int:
    """How many of the `wanted` candidates of the last of the steps can be scored on dev under all caps."""
    return _spent(spec, before, list(steps), sizes).most(lambda count: _score_calls(spec, sizes.dev, count), wanted)


@dataclass(frozen=True)
class _Spent:
    """What a search has used so far, and what is set aside for the proof."""

    spec: TaskSpec
    used: UsageByRole
    final: UsageByRole
    a_call: Mapping[str, tuple[float, float]]

    def most(self, calls_of: Callable[[int], Calls], wanted: int) -> int:
        """The most candidates, of those that are wanted, whose calls fit under all caps."""
        for candidates in range(wanted, 0, -1):
            more = _estimate_usage(calls_of(candidates), self.a_call)
            if _is_within_limits(self.spec, search=total_usage([self.used, more]), final=self.final):
                return candidates
        return 0


def _spent(spec: TaskSpec, before: Sequence[Score], steps: Sequence[Step], sizes: SplitSizes) -> _Spent:
    a_call = _tokens_per_call(spec, before, steps)
    return _Spent(
        spec=spec,
        used=search_usage(before, steps),
        final=_estimate_usage(_multiply(example_calls(spec), 2 * sizes.test), a_call),
        a_call=a_call,
    )


def _is_within_limits(spec: TaskSpec, *, search: UsageByRole, final: UsageByRole) -> bool:
    caps, whole = spec.budget, total_usage([search, final])
    used: list[tuple[float | None, float]] = [
        (caps.max_calls, sum(usage.calls for usage in whole.values())),
        (caps.max_task_calls, search.get("task", Usage()).calls),
        (caps.max_tokens, _total_tokens(whole)),
        (caps.max_cost, spec.models.cost(whole) or 0.0),
    ]
    return all(cap is None or amount <= cap for cap, amount in used)


def _total_tokens(usage: UsageByRole) -> int:
    return sum(part.input_tokens + part.output_tokens for part in usage.values())


def _least_step_calls(spec: TaskSpec, sizes: SplitSizes, step: int) -> Calls:
    """The calls of a step by role where all proposals are scored; where they are tried first, only one of them."""
    method = spec.optimizer
    scored = 1 if method.tries_cases else method.candidates
    return total_calls([_begin_calls(spec, method.candidates, step), _score_calls(spec, sizes.dev, scored)])


def _begin_calls(spec: TaskSpec, candidates: int, step: int) -> Calls:
    """The most calls of a step by role before candidates are scored on dev: reflection, summary, proposals, trials."""
    method = spec.optimizer
    tried = candidates * method.batch * (method.draws_cases + method.tries_cases)
    examples = tried + (method.batch if method.reflects else 0)
    proposals = candidates * len(parts_of_step(spec, step))
    grounds = method.grounding and step == 1
    asked = proposals + method.reflects + grounds + (method.trajectory == "summary" and step > 1)
    return {**_multiply(example_calls(spec), examples), "optimizer": asked}


def _score_calls(spec: TaskSpec, dev: int, candidates: int) -> Calls:
    return _multiply(example_calls(spec), candidates * dev)


def total_calls(parts: Iterable[Calls]) -> Calls:
    """The calls of all parts together, by role."""
    total: dict[ModelRole, int] = {}
    for part in parts:
        for role, number in part.items():
            total[role] = total.get(role, 0) + number
    return total


def _multiply(calls: Calls, times: int) -> Calls:
    return {role: number * times for role, number in calls.items()}


def _score_usage(score: Score) -> UsageByRole:
    """The usage of a score with its failed calls. An example without any, as older versions recorded, is one call."""
    task = score.usage.get("task", Usage())
    return {**score.usage, "task": task.model_copy(update={"calls": max(task.calls, score.n) + score.failed})}


def _step_usage(step: Step) -> UsageByRole:
    """The usage of a step, with the calls that were refused or failed."""
    refused = sum(rejection.reason == "failed" for rejection in step.rejected)
    lost = {"optimizer": Usage(calls=refused), "task": Usage(calls=step.failed)}
    return total_usage([step.usage, lost, *(_score_usage(item.score) for item in step.scored)])


def _tokens_per_call(
    spec: TaskSpec, before: Sequence[Score], steps: Sequence[Step]
) -> Mapping[str, tuple[float, float]]:
    """Input and output tokens of one call by role, as in the part of the run so far where they were most.

    A meta-prompt that was never sent is taken for as long as the task's messages that it shows and the prompts that
    go with them.
    """
    found: dict[str, tuple[float, float]] = {}
    for part in [*(score.usage for score in before), *(_step_usage(step) for step in steps)]:
        for role, usage in part.items():
            calls = max(usage.calls, 1)
            mean = (usage.input_tokens / calls, usage.output_tokens / calls)
            found[role] = max(found.get(role, mean), mean, key=sum)
    if "optimizer" not in found and "task" in found:
        shown = 1 + spec.optimizer.examples
        found["optimizer"] = (found["task"][0] * shown, found["task"][1] * shown)
    return found


def _estimate_usage(calls: Calls, a_call: Mapping[str, tuple[float, float]]) -> UsageByRole:
    return {
        role: Usage(
            calls=number,
            input_tokens=math.ceil(number * a_call.get(role, (0, 0))[0]),
            output_tokens=math.ceil(number * a_call.get(role, (0, 0))[1]),
        )
        for role, number in calls.items()
    }
