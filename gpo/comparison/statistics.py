"""Means over the seeds of a comparison, with intervals that say how much they depend on the luck of the search."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from gpo.records import Record

_DIGITS = 6

_T_95: Mapping[int, float] = {2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 6: 2.4469, 7: 2.3646, 8: 2.3060, 9: 2.2622}


class Spread(Record):
    """A mean over seeds. From three seeds on with the 95% t-interval of the mean, else with the range of the values."""

    mean: float
    low: float
    high: float
    seeds: int
    kind: Literal["interval", "range"]


def rounded(value: float) -> float:
    """A number of a comparison with as many digits as its files show."""
    return round(value, _DIGITS)


def spread_over_seeds(values: Sequence[float]) -> Spread | None:
    """The mean of one value a seed, with its 95% t-interval, or the range where there are fewer than three.

    >>> spread_over_seeds([0.5, 0.6])
    Spread(mean=0.55, low=0.5, high=0.6, seeds=2, kind='range')
    """
    n = len(values)
    if n == 0:
        return None
    mean = math.fsum(values) / n
    if n < 3:
        return Spread(mean=rounded(mean), low=min(values), high=max(values), seeds=n, kind="range")
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(n - 1) * deviation / math.sqrt(n)
    return Spread(mean=rounded(mean), low=rounded(mean - half), high=rounded(mean + half), seeds=n, kind="interval")


def t_quantile(freedom: int) -> float:
    """The 97.5% quantile of Student's t: from a table, and where that ends by its expansion around the normal one."""
    if freedom in _T_95:
        return _T_95[freedom]
    z = 1.959964
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
