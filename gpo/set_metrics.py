"""Measures of a whole set of answers with labels, where the mean over the examples would favour the common label.

    macro_f1            mean over the labels of the F1 of each
    micro_f1            F1 of all labels together
    balanced_accuracy   mean over the labels of the share of their examples that are right

The labels are those that are the right answer of an example of the set. So two prompts are measured by the same labels,
and an answer that is none of them costs its right label. An answer may be one label, or a set of them as a JSON array.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SetMetric = Literal["macro_f1", "micro_f1", "balanced_accuracy"]

SET_METRICS: tuple[SetMetric, ...] = get_args(SetMetric)

Labelled = tuple[str, str | None]
"""The right label of an example, or its set of them, and what was given; None where nothing could be read."""

Answers = tuple[str, *tuple[str | None, ...]]
"""What is right for an example, and what each of several prompts gave."""

RESAMPLES = 2000


def labels_in(text: str | None, *, are_sets: bool) -> frozenset[str]:
    """The labels of an answer; none of one that could not be read.

    >>> sorted(labels_in('["a", "b"]', are_sets=True)), labels_in(None, are_sets=False)
    (['a', 'b'], frozenset())
    """
    if text is None:
        return frozenset()
    return frozenset(json.loads(text)) if are_sets else frozenset([text])


def set_value(metric: SetMetric, pairs: Iterable[Labelled], *, are_sets: bool = False) -> float:
    """The measure of a set, from 0 to 1; 0 for an empty one.

    >>> pairs = [("a", "a")] * 8 + [("b", "b"), ("b", "a")]
    >>> round(set_value("macro_f1", pairs), 3), set_value("balanced_accuracy", pairs)
    (0.804, 0.75)
    >>> round(set_value("micro_f1", [('["a", "b"]', '["a"]')], are_sets=True), 3)
    0.667
    """
    counts = Counter(pairs)
    right: Counter[str] = Counter()
    given: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for (label, answer), number in counts.items():
        ours, theirs = labels_in(label, are_sets=are_sets), labels_in(answer, are_sets=are_sets)
        for found, labels in ((right, ours), (given, theirs), (hits, ours & theirs)):
            found.update(dict.fromkeys(labels, number))
    if not right:
        # Where no label is right for any example, all is well if none is given.
        return float(bool(counts) and not given)
    if metric == "micro_f1":
        return 2 * hits.total() / (right.total() + given.total())
    worth = [_worth(metric, hits[label], right[label], given[label]) for label in sorted(right)]
    return math.fsum(worth) / len(worth)


def _worth(metric: SetMetric, hits: float, right: float, given: float) -> float:
    return hits / right if metric == "balanced_accuracy" else 2 * hits / (right + given)


def set_interval(metric: SetMetric, pairs: Iterable[Labelled], *, are_sets: bool = False) -> tuple[float, float]:
    """95% interval of the measure: the bootstrap within each label, which never takes what it has not seen for sure.

    For that, one right and one unread answer more join each label. Equal sets have equal intervals.
    """
    import numpy as np  # noqa: PLC0415 - most commands need no statistics

    found = list(pairs)
    if not found:
        return 0.0, 1.0
    strata = strata_of(found, [(0,), ()], are_sets=are_sets)
    drawn = resampled_values(metric, strata, RESAMPLES, seed=len(found), are_sets=are_sets)[0]
    low, high = np.percentile(drawn, [2.5, 97.5])
    value = set_value(metric, found, are_sets=are_sets)
    return min(value, float(low)), max(value, float(high))


def strata_of(
    rows: Sequence[Answers], unseen: Sequence[Sequence[int]], *, are_sets: bool
) -> list[Mapping[Answers, int]]:
    """How many examples got which answers, by what is drawn together, with answers that nobody has seen.

    Examples are drawn within their right label, so that each keeps its number of them; of sets, all together, since
    many sets are there once. Each of `unseen` joins every label: an example that the prompts of these places get
    right, and the others do not.
    """
    found: dict[str, Counter[Answers]] = {}
    for row in rows:
        found.setdefault("" if are_sets else row[0], Counter())[row] += 1
    prompts = len(rows[0]) - 1
    for stratum, counts in found.items():
        all_labels = {label for right, *_ in counts for label in labels_in(right, are_sets=True)} if are_sets else ()
        label = json.dumps(sorted(all_labels)) if are_sets else stratum
        for right in unseen:
            counts[label, *(label if prompt in right else None for prompt in range(prompts))] += 1
    return [found[name] for name in sorted(found)]


def resampled_values(
    metric: SetMetric, strata: Sequence[Mapping[Answers, int]], size: int, *, seed: int, are_sets: bool = False
) -> "NDArray[np.float64]":
    """The measure of several prompts on `size` sets drawn anew, the same for all: shape (prompts, size).

    A label that no example of a drawn set has counts for nothing in it.
    """
    import numpy as np  # noqa: PLC0415 - as above

    rng = np.random.default_rng(seed)
    rows: list[Answers] = []
    drawn = []
    for counts in strata:
        cells = sorted(counts, key=lambda row: tuple((each is not None, each or "") for each in row))
        numbers = np.array([counts[each] for each in cells])
        drawn.append(rng.multinomial(numbers.sum(), numbers / numbers.sum(), size=size))
        rows += cells
    named = [[labels_in(each, are_sets=are_sets) for each in row] for row in rows]
    labels = sorted({label for row in named for label in row[0]})
    # Cells by labels, for what is right and for each prompt; then labels by drawn sets.
    has = np.array([[[label in each for label in labels] for each in row] for row in named], dtype=np.float64)
    times = np.concatenate(drawn, axis=1).astype(np.float64)
    right = times @ has[:, 0]
    found: list[NDArray[np.float64]] = []
    for prompt in range(1, has.shape[1]):
        given, hits = times @ has[:, prompt], times @ (has[:, 0] * has[:, prompt])
        others = times @ np.array([len(row[prompt] - set(labels)) for row in named], dtype=np.float64)
        found.append(_worth_of_drawn(metric, hits, right, given, others))
    return np.stack(found)


def _worth_of_drawn(
    metric: SetMetric,
    hits: "NDArray[np.float64]",
    right: "NDArray[np.float64]",
    given: "NDArray[np.float64]",
    others: "NDArray[np.float64]",
) -> "NDArray[np.float64]":
    """The measure of each drawn set, from numbers by label; `others` counts what is given and right for no example."""
    import numpy as np  # noqa: PLC0415 - as above

    if metric == "micro_f1":
        whole = right.sum(axis=1) + given.sum(axis=1) + others
        shares: NDArray[np.float64] = np.divide(2 * hits.sum(axis=1), whole, out=np.ones_like(whole), where=whole > 0)
        return shares
    below = right if metric == "balanced_accuracy" else right + given
    above = hits if metric == "balanced_accuracy" else 2 * hits
    is_there = right > 0
    worth = np.divide(above, below, out=np.zeros_like(above), where=is_there)
    number = is_there.sum(axis=1)
    means: NDArray[np.float64] = np.divide(worth.sum(axis=1), number, out=np.zeros(len(number)), where=number > 0)
    return means


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
