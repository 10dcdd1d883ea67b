"""When a proof may end before all test examples were asked, with the rate of its errors held.

The test split is looked at up to four times, after a quarter, a half, three quarters and all of it. The error rate is
spent over the looks by a spending function (Lan and DeMets 1983; here the share to the power of two), so that all looks
together promote by luck as seldom as one. A challenger that looks no better ends the proof as well; that costs a little
power and no error.
"""

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from gpo.records import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_LOOKS = 4
_FEWEST_EXAMPLES = 20
"""Examples between two looks."""

LEAST_LEVEL = 0.001
"""Below it, no resample tells: what a look would spend is left to the next one."""

_HOPELESS = {1: 0.84, 2: 0.5, 3: 0.25}
"""The one-sided p-value from which on a challenger looks no better, by the quarters that were looked at."""

_POWER = 2
_GRID = 801
_WIDTH = 8.0


class ProofLook(Record):
    """How much of the test split a proof has looked at: `examples` of `of`, and which look of how many it is.

    `ends` are the numbers of examples of all looks; `calls` the calls that an example takes with both prompts.
    """

    examples: int
    of: int
    ends: tuple[int, ...]
    calls: int = 2

    @property
    def number(self) -> int:
        """Which look it is, from 1."""
        return self.ends.index(self.examples) + 1

    @property
    def is_last(self) -> bool:
        """Whether nothing is left to be looked at."""
        return self.examples == self.of

    @property
    def saved_calls(self) -> int:
        """Calls that were not made, if the proof ends here."""
        return (self.of - self.examples) * self.calls

    def level(self, whole: float) -> float:
        """The one-sided level of this look, where all together may err at the level `whole`; 0 where it has none."""
        return look_levels(whole, tuple(end / self.of for end in self.ends))[self.number - 1]

    @property
    def hopeless_from(self) -> float:
        """The one-sided p-value above which the proof ends without a promotion."""
        return 1.0 if self.is_last else _HOPELESS[max(1, min(3, round(4 * self.examples / self.of)))]


def plan_looks(sizes: Sequence[int]) -> tuple[int, ...]:
    """After how many examples a proof is looked at. `sizes` are those of its groups, which stay whole.

    >>> plan_looks([1] * 200), plan_looks([1] * 50), plan_looks([60, 60, 30, 50])
    ((50, 100, 150, 200), (25, 50), (60, 120, 150, 200))
    """
    n = sum(sizes)
    looks = max(1, min(MOST_LOOKS, n // _FEWEST_EXAMPLES))
    ends: list[int] = []
    total = 0
    for size in sizes:
        total += size
        if total >= n * (len(ends) + 1) / looks:
            ends.append(total)
            while total >= n * (len(ends) + 1) / looks and len(ends) < looks:
                looks -= 1  # one group spans two looks
    return tuple(ends)


@cache
def look_levels(whole: float, shares: tuple[float, ...]) -> tuple[float, ...]:
    """The one-sided level of each look, so that all together err at the level `whole`.

    By integration over what the looks before let pass (Armitage, McPherson and Rowe 1969).

    >>> [round(level, 4) for level in look_levels(0.025, (0.25, 0.5, 0.75, 1.0))]
    [0.0016, 0.0052, 0.0107, 0.0182]
    """
    import numpy as np  # noqa: PLC0415 - most commands need no statistics

    normal, levels = NormalDist(), []
    grid = np.linspace(-_WIDTH, _WIDTH, _GRID)
    # Density of the sum so far, of unit variance at the end, over the paths that no look has stopped.
    density, before, gone = None, 0.0, 0.0
    for share in shares:
        scale = math.sqrt(share)
        density = _moved(density, grid, share - before)
        before = share
        allowed = whole * share**_POWER - gone
        bound = _bound(density, grid, allowed)
        level = 1 - normal.cdf(bound / scale)
        if level < LEAST_LEVEL and share < 1:
            levels.append(0.0)
            continue
        levels.append(level)
        gone += allowed
        density = density * np.clip((bound - grid) / (grid[1] - grid[0]) + 0.5, 0, 1)
    return tuple(levels)


def _moved(
    density: "NDArray[np.float64] | None", grid: "NDArray[np.float64]", variance: float
) -> "NDArray[np.float64]":
    """The density after an increment of this variance; None stands for a sum of nothing."""
    import numpy as np  # noqa: PLC0415 - as above

    def kernel(distance: "NDArray[np.float64]") -> "NDArray[np.float64]":
        found: NDArray[np.float64] = np.exp(-(distance**2) / 2 / variance) / math.sqrt(2 * math.pi * variance)
        return found

    if density is None:
        return kernel(grid)
    found: NDArray[np.float64] = kernel(grid[:, None] - grid[None, :]) @ density * (grid[1] - grid[0])
    return found


def _bound(density: "NDArray[np.float64]", grid: "NDArray[np.float64]", beyond: float) -> float:
    """The value above which a share of `beyond` lies."""
    import numpy as np  # noqa: PLC0415 - as above

    step = grid[1] - grid[0]
    tail = np.cumsum(density[::-1])[::-1] * step  # beyond the lower edge of each cell
    return float(np.interp(-beyond, -tail, grid - step / 2))
