"""The edit budget: how many words of the current prompt each step of a search may change, and how it falls.

It is the learning rate of the method (Tang et al., arXiv 2402.17564, section 3). A new decay is a word in `Decay` and a
case in `edit_budget`; `adaptive` goes by what the steps before came to. `gpo.words` holds a proposal to the budget.
"""

import math
from collections.abc import Sequence
from typing import Literal

Decay = Literal["none", "fixed", "linear", "cosine", "adaptive"]

GROWTH = 1.5
"""By how much a step that succeeded widens an adaptive budget; one that did not narrows it by a fourth root of that.

So it stays as it is where one step of five succeeds, which is near what is best for a random search that adapts its
step size (Rechenberg 1973, the 1/5 success rule).
"""


def edit_budget(decay: Decay, step: int, max_steps: int, start: int, end: int, *, warmup: bool = False) -> int | None:
    """How many words of the current prompt a step may change; None for no limit.

    `linear` and `cosine` go from `start` at step 1 to `end` at step `max_steps`; a single step has `start`.

    With `warmup` the first w = ceil(`max_steps` / 20) steps, 5% and at least one, rise to it: step s of them has
    `start` * s / (w + 1) words, rounded, at least one. Step w + 1 has `start`, and the decay runs from there to
    `max_steps`. The last step is never one of the rise; without a limit there is nothing to rise.

    Raises:
        ValueError: `step` is not in 1..`max_steps`.

    >>> [edit_budget("cosine", step, 5, start=50, end=10) for step in range(1, 6)]
    [50, 44, 30, 16, 10]
    >>> [edit_budget("linear", step, 6, start=50, end=10, warmup=True) for step in range(1, 7)]
    [25, 50, 40, 30, 20, 10]
    """
    if not 1 <= step <= max_steps:
        raise ValueError(f"step {step} is not in 1..{max_steps}")
    if decay == "none":
        return None
    rise = min(math.ceil(max_steps / 20), max_steps - 1) if warmup else 0
    if step <= rise:
        return max(1, round(start * step / (rise + 1)))
    last = max_steps - rise - 1
    done = (step - rise - 1) / last if last else 0.0
    match decay:
        case "fixed":
            left = 1.0
        case "linear":
            left = 1 - done
        case "cosine":
            left = (1 + math.cos(math.pi * done)) / 2
    return round(end + (start - end) * left)


def adapted_budget(succeeded: Sequence[bool], most: int, least: int) -> int:
    """How many words the next step may change, given which steps before it succeeded; the first one has `most`.

    >>> adapted_budget([], 50, 10), adapted_budget([False] * 4, 50, 10), adapted_budget([False] * 5 + [True], 50, 10)
    (50, 33, 45)
    >>> adapted_budget([False] * 40, 50, 10), adapted_budget([True] * 3, 50, 10)
    (10, 50)
    """
    budget = float(most)
    for success in succeeded:
        budget = min(most, max(least, budget * (GROWTH if success else GROWTH**-0.25)))
    return round(budget)
