"""Student's t distribution with whole degrees of freedom, in closed form: the library needs no SciPy for it."""

import math
from functools import cache
from statistics import NormalDist

_NORMAL_FROM = 2000
"""Degrees of freedom from which the normal distribution is the same to four digits."""


def student_tail(t: float, freedom: int) -> float:
    """The two-sided p-value of `t`: how often a value is at least so far from 0.

    >>> round(student_tail(2.262, 9), 3), student_tail(0, 4)
    (0.05, 1.0)
    """
    if freedom >= _NORMAL_FROM:
        return 2 * NormalDist().cdf(-abs(t))
    angle = math.atan(abs(t) / math.sqrt(freedom))
    cosine, is_odd = math.cos(angle), freedom % 2
    term, total = (cosine, 0.0) if is_odd else (1.0, 0.0)
    for place in range(freedom // 2):
        total += term
        step = 2 * place + 1 + is_odd
        term *= cosine * cosine * step / (step + 1)
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if is_odd else math.sin(angle) * total
    return max(0.0, 1 - inside)


@cache
def student_quantile(confidence: float, freedom: int) -> float:
    """The distance from 0 within which a share of `confidence` of the values lies.

    >>> round(student_quantile(0.95, 9), 3), round(student_quantile(0.95, 100_000), 2)
    (2.262, 1.96)
    """
    low, high = 0.0, 1.0
    while student_tail(high, freedom) > 1 - confidence:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_tail(middle, freedom) > 1 - confidence else (low, middle)
    return high
