"""The limits of a run on calls, tokens and cost (`budget` in the spec), and how much of the next step they allow.

Everything counts in full, whether it is paid for or answered from the ledger: a run that is resumed, or repeated for
nothing, ends at the same point as one that was never disturbed. A step has only as many candidates as fit with all that
they can need, and the final comparison is set aside, so that reaching a cap ends a run with a result.

Calls are counted and never exceed their cap. Tokens and cost are estimated, before a step, from what a call of the same
model took in the dearest part of the run so far: their caps are kept to within the error of one step's estimate.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from gpo.evaluation.calls import Calls, calls_an_example, example_calls
from gpo.records import Score, Step, Usage, UsageByRole, total_usage
from gpo.spec.task import TaskSpec

PROBES = 1
"""Calls that check the optimizer model before the start."""


def final_calls(spec: TaskSpec, test: int) -> int:
    """Calls set aside for the locked split: champion and challenger, once each."""
    return 2 * test * calls_an_example(spec)


def step_calls(spec: TaskSpec, dev: int, candidates: int | None = None, step: int = 2) -> int:
    """The most calls that a step with so many candidates, by default all, can need.

    The first step has no trajectory yet that could be summarised.
    """
    return sum(
        _most_step_calls(spec, dev, spec.optimizer.candidates if candidates is None else candidates, step).values()
    )


def least_calls(spec: TaskSpec, dev: int, test: int) -> int:
    """The smallest cap on calls that lets a run take one whole step and prove its result."""
    return PROBES + dev * calls_an_example(spec) + step_calls(spec, dev, step=1) + final_calls(spec, test)


def least_task_calls(spec: TaskSpec, dev: int) -> int:
    """The smallest cap on calls of the task model in the search that lets it take one whole step."""
    return dev * example_calls(spec)["task"] + _most_step_calls(spec, dev, spec.optimizer.candidates, 1)["task"]


def least_amounts(spec: TaskSpec, probed: Score, dev: int, test: int) -> Mapping[str, float]:
    """About what the start, one whole step and the final comparison take, by cap, going by a few answers."""
    a_call = _tokens_per_call(spec, [probed], [])
    calls = [
        _multiply(example_calls(spec), dev + 2 * test),
        _most_step_calls(spec, dev, spec.optimizer.candidates, 1),
    ]
    usage = total_usage(_estimate_usage(part, a_call) for part in calls)
    return {"max_tokens": _total_tokens(usage), "max_cost": spec.models.cost(usage) or 0.0}


def search_usage(before: Iterable[Score], steps: Iterable[Step]) -> UsageByRole:
    """What the search took so far, failed calls and the check before the start included.

    `before` are the scores of the start and of prompts of earlier runs.
    """
    parts = [*(_score_usage(score) for score in before), {"optimizer": Usage(calls=PROBES)}]
    return total_usage([*parts, *(_step_usage(step) for step in steps)])


def affordable_candidates(spec: TaskSpec, before: Sequence[Score], steps: Iterable[Step], dev: int, test: int) -> int:
    """How many candidates the next step can afford under all caps, at most `optimizer.candidates`; 0: no step.

    `before` are the scores of the start and of prompts of earlier runs.
    """
    taken = list(steps)
    used = search_usage(before, taken)
    a_call = _tokens_per_call(spec, before, taken)
    final = _estimate_usage(_multiply(example_calls(spec), 2 * test), a_call)
    for candidates in range(spec.optimizer.candidates, 0, -1):
        step = _estimate_usage(_most_step_calls(spec, dev, candidates, len(taken) + 1), a_call)
        if _is_within_limits(spec, search=total_usage([used, step]), final=final):
            return candidates
    return 0


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


def _most_step_calls(spec: TaskSpec, dev: int, candidates: int, step: int) -> Calls:
    """The most calls of one step by role: reflection, summary, proposals, and scoring them."""
    method = spec.optimizer
    scored = candidates * dev + (method.batch if method.reflects else 0)
    asked = candidates + method.reflects + (method.trajectory == "summary" and step > 1)
    return {**_multiply(example_calls(spec), scored), "optimizer": asked}


def _multiply(calls: Calls, times: int) -> Calls:
    return {role: number * times for role, number in calls.items()}


def _score_usage(score: Score) -> UsageByRole:
    """The usage of a score with its failed calls. An example without any, as older versions recorded, is one call."""
    task = score.usage.get("task", Usage())
    return {**score.usage, "task": task.model_copy(update={"calls": max(task.calls, score.n) + score.failed})}


def _step_usage(step: Step) -> UsageByRole:
    """The usage of a step, with the calls that were refused."""
    refused = sum(rejection.reason == "failed" for rejection in step.rejected)
    asked = step.usage.get("optimizer", Usage())
    own = {**step.usage, "optimizer": asked.model_copy(update={"calls": asked.calls + refused})}
    return total_usage([own, *(_score_usage(item.score) for item in step.scored)])


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
