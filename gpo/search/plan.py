"""Fits the search to the calls that it may make, so that a cap on calls is all that a person has to choose.

Without a number of steps in the spec, the calls decide. Where every proposal is scored on all of dev, a cap of a few
hundred calls would pay for two or three steps of the published eight proposals: then a step has fewer, so that the
search can learn from what it has tried, and the schedule of the word budget spans the steps that there are.
"""

import math

from gpo.evaluation.calls import example_calls
from gpo.formatting import count
from gpo.records import Record
from gpo.scoring.spec import is_judged
from gpo.search.run_limits import SplitSizes, final_calls, least_task_calls
from gpo.spec.method import OptimizerSpec
from gpo.spec.search.objectives import describe_objectives
from gpo.spec.task import TaskSpec

LEAST_STEPS = 6
"""Steps that a search should have, where the number of proposals of a step can be lowered for it."""

LEAST_CANDIDATES = 2

UNBOUNDED_STEPS = 1000
"""Steps of a method that tries proposals on cases first: what a step costs is not known before, so the calls decide."""


class Fitted(Record):
    """A spec whose search fits its cap on calls; `told` says what was chosen, empty where the spec says it all."""

    spec: TaskSpec
    told: str = ""


def fit_to_calls(spec: TaskSpec, sizes: SplitSizes) -> Fitted:
    """The spec with the steps, and the proposals of each, that its cap on calls affords. What the spec gives stays."""
    calls = search_calls(spec, sizes)
    options = spec.optimizer
    if calls is None or "max_steps" in options.model_fields_set:
        return Fitted(spec=spec)
    if options.tries_cases:
        changed = {"max_steps": UNBOUNDED_STEPS}
        about = f"steps of {count(options.candidates, 'proposal')} until {calls:,} task-model calls are spent"
    else:
        candidates = options.candidates
        if "candidates" not in options.model_fields_set and _steps(spec, sizes, calls, candidates) < LEAST_STEPS:
            lower = range(candidates, LEAST_CANDIDATES - 1, -1)
            candidates = next(
                (each for each in lower if _steps(spec, sizes, calls, each) >= LEAST_STEPS), LEAST_CANDIDATES
            )
        steps = _steps(spec, sizes, calls, candidates)
        changed = {"max_steps": steps, "candidates": candidates}
        about = f"{count(steps, 'step')} of {count(candidates, 'proposal')} with {calls:,} task-model calls"
    if "patience" not in options.model_fields_set and not options.restart:
        changed["patience"] = changed["max_steps"]
    fitted = spec.model_copy(update={"optimizer": options.model_copy(update=changed)})
    return Fitted(spec=fitted, told=f"Planned: {about}; to choose yourself, set `optimizer.max_steps` or `candidates`.")


def likely_steps(spec: TaskSpec, sizes: SplitSizes) -> int:
    """About how many steps a search will have: where the calls decide, one candidate of a step is scored on dev."""
    calls = search_calls(spec, sizes)
    if spec.optimizer.max_steps != UNBOUNDED_STEPS or calls is None:
        return spec.optimizer.max_steps
    return _steps(spec, sizes, calls, spec.optimizer.candidates)


def describe_aims(options: OptimizerSpec, few_shot: int) -> tuple[str, ...]:
    """What a search aims at and chooses besides the score and the instruction, a sentence each; nothing by default."""
    told = []
    if options.searches_demonstrations:
        begin = "those of `optimizer.shown`" if options.shown is not None else count(few_shot, "example")
        most = max(few_shot, options.max_demonstrations)
        told.append(f"The examples before each question are searched for too: at first {begin}, at most {most}.")
    if options.objectives:
        told.append(f"Objectives: {describe_objectives(options.objectives)}.")
    return tuple(told)


def search_calls(spec: TaskSpec, sizes: SplitSizes) -> int | None:
    """Task-model calls that the search may make, the start prompt among them; None where no cap on calls is given.

    Of a cap on all calls, the proof is set aside, and the judge has its share: one grade for each answer, since it is
    asked twice only where it gave none. A call of the optimizer model for every proposal is allowed for as the search
    goes.
    """
    caps = [spec.budget.max_task_calls] if spec.budget.max_task_calls is not None else []
    if spec.budget.max_calls is not None:
        task = example_calls(spec)["task"]
        left = spec.budget.max_calls - final_calls(spec, sizes.test)
        caps.append(left * task // (task + is_judged(spec.metric)))
    return max(0, min(caps)) if caps else None


def _steps(spec: TaskSpec, sizes: SplitSizes, calls: int, candidates: int) -> int:
    own = spec.model_copy(update={"optimizer": spec.optimizer.model_copy(update={"candidates": candidates})})
    start = sizes.dev * example_calls(spec)["task"]
    step = least_task_calls(own, sizes) - start
    return max(1, math.ceil((calls - start) / step))
