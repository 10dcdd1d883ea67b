"""Measures of a whole set of answers with labels, where the mean over the examples would favour the common label.

    macro_f1            mean over the labels of the F1 of each
    balanced_accuracy   mean over the labels of the share of their examples that are right

The labels are those that are the right answer of an example of the set. So two prompts are measured by the same labels,
and an answer that is none of them costs its right label.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SetMetric = Literal["macro_f1", "balanced_accuracy"]

SET_METRICS: tuple[SetMetric, ...] = get_args(SetMetric)

Labelled = tuple[str, str | None]
"""The right label of an example, and the one that was given; None where none could be read."""

RESAMPLES = 2000


def set_value(metric: SetMetric, pairs: Iterable[Labelled]) -> float:
    """The measure of a set, from 0 to 1; 0 for an empty one.

    >>> pairs = [("a", "a")] * 8 + [("b", "b"), ("b", "a")]
    >>> round(set_value("macro_f1", pairs), 3), set_value("balanced_accuracy", pairs)
    (0.804, 0.75)
    """
    counts = Counter(pairs)
    right: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for (label, answer), number in counts.items():
        right[label] += number
        if answer is not None:
            given[answer] += number
    if not right:
        return 0.0
    worth = [_worth(metric, counts[label, label], right[label], given[label]) for label in sorted(right)]
    return math.fsum(worth) / len(worth)


def _worth(metric: SetMetric, hits: float, right: float, given: float) -> float:
    return hits / right if metric == "balanced_accuracy" else 2 * hits / (right + given)


def set_interval(metric: SetMetric, pairs: Iterable[Labelled]) -> tuple[float, float]:
    """95% interval of the measure: the bootstrap within each label, which never takes what it has not seen for sure.

    For that, one right and one unread answer more join each label. Equal sets have equal intervals.
    """
    import numpy as np  # noqa: PLC0415 - most commands need no statistics

    found = list(pairs)
    if not found:
        return 0.0, 1.0
    sets = {label: Counter({label: 1, None: 1}) for label, _ in found}
    for label, answer in found:
        sets[label][answer] += 1
    cells: dict[str, dict[tuple[str | None, ...], int]] = {
        label: {(answer,): number for answer, number in counts.items()} for label, counts in sets.items()
    }
    drawn = resampled_values(metric, cells, RESAMPLES, seed=len(found))[0]
    low, high = np.percentile(drawn, [2.5, 97.5])
    value = set_value(metric, found)
    return min(value, float(low)), max(value, float(high))


def resampled_values(
    metric: SetMetric, cells: Mapping[str, Mapping[tuple[str | None, ...], int]], size: int, *, seed: int
) -> "NDArray[np.float64]":
    """The measure of several prompts on `size` sets drawn anew, the same for all: shape (prompts, size).

    `cells` has, for each right label, how many examples got which answers, one of each prompt. Examples are drawn
    within their right label, so that each keeps its number of them.
    """
    import numpy as np  # noqa: PLC0415 - as above

    rng = np.random.default_rng(seed)
    labels = sorted(cells)
    prompts = len(next(iter(next(iter(cells.values())))))
    hits = np.zeros((prompts, len(labels), size))
    given = np.zeros((prompts, len(labels), size))
    for place, label in enumerate(labels):
        answers = sorted(cells[label], key=lambda each: tuple((answer is not None, answer or "") for answer in each))
        counts = np.array([cells[label][each] for each in answers])
        drawn = rng.multinomial(counts.sum(), counts / counts.sum(), size=size)
        for prompt in range(prompts):
            for other, name in enumerate(labels):
                said = drawn[:, [each[prompt] == name for each in answers]].sum(axis=1)
                given[prompt, other] += said
                if other == place:
                    hits[prompt, place] = said
    right = np.array([sum(cells[label].values()) for label in labels], dtype=np.float64)[None, :, None]
    worth = hits / right if metric == "balanced_accuracy" else 2 * hits / (right + given)
    found: NDArray[np.float64] = worth.mean(axis=1)
    return found


def mean_interval(values: list[float], z: float = 1.96) -> tuple[float, float]:
    """95% interval of a mean of scores in 0..1: Wilson's for 0/1 scores, else the clipped normal interval."""
    n = len(values)
    if n == 0:
        return 0.0, 1.0
    mean = math.fsum(values) / n
    if all(value in (0.0, 1.0) for value in values):
        centre = (mean + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    else:
        variance = math.fsum((value - mean) ** 2 for value in values) / max(n - 1, 1)
        centre, half = mean, z * math.sqrt(variance / n)
    return max(0.0, centre - half), min(1.0, centre + half)
