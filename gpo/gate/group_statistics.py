"""Statistics of paired scores whose examples come in groups, such as the questions on one document.

Examples of a group win and lose together, so that a group is the unit of evidence. The interval is that of the
jackknife over whole groups with Student's t (the cluster-robust variance CR3): each group is left out once, and the
spread of what remains is the error. As in `statistics.py`, something that nobody has seen joins: one group won outright
and one lost outright, each of as many examples as the root of the mean size, which is what a group of independent
examples amounts to. Groups of unequal size count for fewer, which lowers the degrees of freedom.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from gpo.gate.statistics import UNSEEN, PairedResult
from gpo.gate.student import student_quantile, student_tail
from gpo.records import Interval, Labels
from gpo.set_metrics import SetMetric, set_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEW_GROUPS = 10
"""Groups below which hardly any gain can be proved, and the verdict says so."""

_WIDER = 1.02
"""So much wider, the errors are at most 5% in every cell of the study, where they would be 5.1% in some."""

_DIGITS = 12
_EXACT = 1e-12


def has_groups(examples: Sequence[str], groups: Mapping[str, str]) -> bool:
    """Whether two of the examples are of one group."""
    return len({groups.get(each, each) for each in examples}) < len(examples)


def compare_in_groups(
    differences: Mapping[str, float], groups: Mapping[str, str], confidence: float = 0.95, null: float = 0.0
) -> PairedResult:
    """The mean difference with its interval by group, and the p-value against a mean difference of `null`.

    `groups` maps examples to groups; an example without one is on its own. `variance` is that of independent examples
    whose mean would be as uncertain.

    >>> found = compare_in_groups({"a1": 1, "a2": 1, "b1": 0, "b2": 0}, {"a1": "a", "a2": "a", "b1": "b", "b2": "b"})
    >>> found.groups, found.gain
    (2, Interval(value=0.5, low=-1.0, high=1.0))
    """
    import numpy as np  # noqa: PLC0415 - most commands need no statistics

    values = list(differences.values())
    parts = _members(list(differences), groups)
    sums = np.array([[math.fsum(values[each] for each in part) for part in parts]])
    bounds = group_bounds(sums, np.array([float(len(part)) for part in parts]), confidence, null)[:, 0]
    return _result(values, math.fsum(values) / len(values), bounds, parts, confidence)


def compare_sets_in_groups(
    both: tuple[Labels, Labels],
    examples: Sequence[str],
    groups: Mapping[str, str],
    confidence: float = 0.95,
    null: float = 0.0,
) -> PairedResult:
    """The same for a measure of the whole set, of challenger and champion: groups are left out with their answers."""
    ours, theirs = ([labels.pairs[each] for each in examples] for labels in both)
    metric, parts = both[0].metric, _members(examples, groups)
    names = sorted({right for right, _ in ours})
    left = [
        _values_without_each(metric, pairs, parts, names, unseen=place) for place, pairs in enumerate((ours, theirs))
    ]
    bounds = _jackknife_bounds(left[0] - left[1], _freedom([len(part) for part in parts]), confidence, null)
    gain = round(set_value(metric, ours) - set_value(metric, theirs), _DIGITS)
    hits = [float(our == right) - float(their == right) for (right, our), (_, their) in zip(ours, theirs, strict=True)]
    return _result(hits, gain, bounds[:, 0], parts, confidence)


def group_bounds(
    sums: "NDArray[np.float64]", sizes: "NDArray[np.float64]", confidence: float = 0.95, null: float = 0.0
) -> "NDArray[np.float64]":
    """Low end, high end and two-sided p-value of the mean of each sample: shape (3, samples).

    `sums` are the sums of the differences of each group, shape (samples, groups); `sizes` their examples.
    """
    import numpy as np  # noqa: PLC0415 - as above

    size = math.sqrt(sizes.mean())
    unseen = np.broadcast_to(np.asarray(UNSEEN) * size, (len(sums), len(UNSEEN)))
    sums = np.concatenate([sums, unseen], axis=1)
    all_sizes = np.concatenate([sizes, np.full(len(UNSEEN), size)])
    whole, n = sums.sum(axis=1, keepdims=True), all_sizes.sum()
    left_out = np.concatenate([whole / n, (whole - sums) / (n - all_sizes)], axis=1)
    return _jackknife_bounds(left_out, _freedom(sizes.tolist()), confidence, null)


def interval_at_95(interval: Interval, confidence: float, effective: int) -> Interval:
    """The 95% interval that belongs to one at another confidence, by so many groups of equal size."""
    if effective < 2:
        return interval
    middle, half = (interval.low + interval.high) / 2, (interval.high - interval.low) / 2
    half *= student_quantile(0.95, effective - 1) / student_quantile(confidence, effective - 1)
    return Interval(value=interval.value, low=max(-1.0, middle - half), high=min(1.0, middle + half))


def effective_groups(sizes: Sequence[float]) -> int:
    """How many groups of equal size say as much: very unequal ones count for fewer.

    >>> effective_groups([5, 5, 5, 5]), effective_groups([17, 1, 1, 1])
    (4, 1)
    """
    return math.floor(sum(sizes) ** 2 / sum(size * size for size in sizes) + _EXACT)


def _freedom(sizes: Sequence[float]) -> int:
    return effective_groups(sizes) - 1


def _jackknife_bounds(
    values: "NDArray[np.float64]", freedom: int, confidence: float, null: float
) -> "NDArray[np.float64]":
    """From the value of everything, and then without each group: shape (samples, 1 + groups).

    With one group nothing is known, and the interval is -1 to 1.
    """
    import numpy as np  # noqa: PLC0415 - as above

    values = np.atleast_2d(values)
    whole, without = values[:, 0], values[:, 1:]
    if freedom < 1:
        return np.stack([np.full_like(whole, -1.0), np.ones_like(whole), np.ones_like(whole)])
    number = without.shape[1]
    # Sorted, so that the order of the groups does not matter to the last digit.
    squares = np.sort((without - whole[:, None]) ** 2, axis=1)
    error = _WIDER * np.sqrt((number - 1) / number * squares.sum(axis=1))
    reach = student_quantile(confidence, freedom) * error
    ends = np.round(np.clip([whole - reach, whole + reach], -1, 1), _DIGITS)
    p_values = [
        round(student_tail(float(t), freedom), _DIGITS) for t in np.abs(whole - null) / np.maximum(error, _EXACT)
    ]
    found: NDArray[np.float64] = np.concatenate([ends, [p_values]])
    return found


def _members(examples: Sequence[str], groups: Mapping[str, str]) -> list[list[int]]:
    """The places of the examples of each group, in the order of the groups' names."""
    found: dict[tuple[bool, str], list[int]] = {}
    for place, each in enumerate(examples):
        found.setdefault((each in groups, groups.get(each, each)), []).append(place)
    return [found[name] for name in sorted(found)]


def _values_without_each(
    metric: SetMetric,
    pairs: Sequence[tuple[str, str | None]],
    parts: Sequence[Sequence[int]],
    names: Sequence[str],
    *,
    unseen: int,
) -> "NDArray[np.float64]":
    """The measure of all, and then without each group. Each label has two more examples, one of which is right."""
    import numpy as np  # noqa: PLC0415 - as above

    place = {name: number for number, name in enumerate(names)}
    size = len(parts) + 2 * len(names)
    right, given, hits = (np.zeros((size, len(names))) for _ in range(3))
    for row, part in enumerate(parts):
        for label, answer in (pairs[each] for each in part):
            right[row, place[label]] += 1
            hits[row, place[label]] += label == answer
            if answer in place:
                given[row, place[answer]] += 1
    for number in range(len(names)):
        for turn in range(2):
            row = len(parts) + 2 * number + turn
            right[row, number] = 1
            hits[row, number] = given[row, number] = turn == unseen
    whole = [np.concatenate([each.sum(axis=0)[None], each.sum(axis=0) - each]) for each in (right, given, hits)]
    # Without a group a label keeps its two unseen examples; without one of those it keeps the other.
    worth = whole[2] / whole[0] if metric == "balanced_accuracy" else 2 * whole[2] / (whole[0] + whole[1])
    found: NDArray[np.float64] = worth.mean(axis=1)
    return found


def _result(
    differences: Sequence[float],
    gain: float,
    bounds: "NDArray[np.float64]",
    parts: Sequence[Sequence[int]],
    confidence: float,
) -> PairedResult:
    low, high, p_value = (float(each) for each in bounds)
    n, sizes = len(differences), [len(part) for part in parts]
    # What an independent example would have to vary for a normal interval as wide as this one.
    error = (high - low) / 2 / NormalDist().inv_cdf((1 + confidence) / 2)
    size = n + len(UNSEEN)
    return PairedResult(
        n=n,
        gain=Interval(value=gain, low=min(gain, low), high=max(gain, high)),
        p_value=p_value,
        variance=max(0.0, (error * error * size * size - sum(value**2 for value in UNSEEN)) / n),
        wins=sum(difference > 0 for difference in differences),
        losses=sum(difference < 0 for difference in differences),
        groups=len(parts),
        effective_groups=effective_groups(sizes),
    )
