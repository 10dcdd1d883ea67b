"""What the studies' tables have in common: a mean with its interval, and a table in Markdown.

It needs nothing of the library, so that it is there in an environment without it, too.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

RESAMPLES = 10_000


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and its 95% percentile interval of a bootstrap."""
    given = np.asarray(values)
    rng = np.random.default_rng(0)
    means = given[rng.integers(0, len(given), (RESAMPLES, len(given)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(given.mean()), float(low), float(high)


def told_interval(values: Sequence[float]) -> str:
    """The mean with its interval in words; empty where there are fewer than two values."""
    if len(values) < 2:
        return ""
    mean, low, high = interval(values)
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def group_by_method(
    lines: Sequence[Mapping[str, Any]], *keys: str
) -> dict[str, dict[tuple[Hashable, ...], Mapping[str, Any]]]:
    """The results of each method, by what they are paired by; of several the last."""
    found: dict[str, dict[tuple[Hashable, ...], Mapping[str, Any]]] = {}
    for line in lines:
        found.setdefault(line["method"], {})[tuple(line[key] for key in keys)] = line
    return found


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text, and whose others are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
