"""How many model calls a run needs, and whether its cap allows the next part.

Calls count whether they are paid for or answered from the ledger: a run that is resumed, or repeated for nothing, ends
at the same point as one that was never disturbed. Only whole steps are started, and the final comparison is always
set aside, so that reaching the cap ends a run with a result.
"""

from collections.abc import Iterable

from gpo.records import Score, Step
from gpo.spec import TaskSpec

PROBES = 1
"""Calls that check the optimizer model before the start."""


def final_calls(test: int) -> int:
    """Calls set aside for the locked split: champion and challenger, once each."""
    return 2 * test


def least_calls(spec: TaskSpec, dev: int, test: int) -> int:
    """The smallest cap that lets a run take one step and prove its result."""
    return PROBES + dev + step_calls(spec, dev) + final_calls(test)


def step_calls(spec: TaskSpec, dev: int) -> int:
    """The most calls that one step can need."""
    return spec.optimizer.candidates * (1 + dev)


def task_calls(scores: Iterable[Score]) -> int:
    """Calls of the task model behind some scores."""
    return sum(score.n + score.failed for score in scores)


def search_calls(spec: TaskSpec, start: Score, steps: Iterable[Step]) -> int:
    """Calls of both models that the search needed so far."""
    taken = list(steps)
    scores = [item.score for step in taken for item in step.scored]
    return PROBES + task_calls([start, *scores]) + spec.optimizer.candidates * len(taken)


def affords_step(spec: TaskSpec, start: Score, steps: Iterable[Step], dev: int, test: int) -> bool:
    """Whether one more whole step fits under the cap, with the final comparison set aside."""
    cap = spec.budget.max_calls
    return cap is None or search_calls(spec, start, steps) + step_calls(spec, dev) + final_calls(test) <= cap
