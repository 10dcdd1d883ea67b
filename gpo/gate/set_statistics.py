"""Statistics of two prompts by a measure of the whole set, such as macro-F1, from their answers to the same examples.

As in `statistics.py`, the interval is a paired percentile bootstrap that counts what nobody has seen: each label gets
an example won outright and one lost outright. Examples are drawn within their right label.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gpo.gate.statistics import RESAMPLES, UNSEEN, PairedResult, read_bounds
from gpo.records import Interval, Labels
from gpo.set_metrics import SetMetric, resampled_values, set_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DIGITS = 12

_Cells = dict[str, dict[tuple[str | None, ...], int]]


def compare_sets(
    challenger: Labels, champion: Labels, examples: Sequence[str], confidence: float = 0.95, null: float = 0.0
) -> PairedResult:
    """The gain of the challenger on these examples with its interval, and the p-value against a gain of `null`.

    `wins` and `losses` count examples that one alone got right. `variance` is that of a difference per example whose
    mean would be as uncertain. Equal answers give equal numbers, and swapping the prompts flips every sign exactly.

    Raises:
        InputError: the confidence is too close to 1 for the number of resamples.
    """
    if not examples:
        return PairedResult(
            n=0, gain=Interval(value=0.0, low=-1.0, high=1.0), p_value=1.0, variance=0.0, wins=0, losses=0
        )
    ours, theirs = ([labels.pairs[each] for each in examples] for labels in (challenger, champion))
    metric = challenger.metric
    cells = _cells([(right, our, their) for (right, our), (_, their) in zip(ours, theirs, strict=True)])
    drawn = _differences(metric, cells, len(examples))
    low, high, p_value = (float(each) for each in read_bounds(drawn[None, :], confidence, null)[:, 0])
    gain = round(set_value(metric, ours) - set_value(metric, theirs), _DIGITS)
    our_hits, their_hits = ([right == given for right, given in pairs] for pairs in (ours, theirs))
    return PairedResult(
        n=len(examples),
        gain=Interval(value=gain, low=min(gain, low), high=max(gain, high)),
        p_value=p_value,
        variance=_variance(float(drawn.var()), len(examples)),
        wins=sum(our > their for our, their in zip(our_hits, their_hits, strict=True)),
        losses=sum(our < their for our, their in zip(our_hits, their_hits, strict=True)),
    )


def _cells(answers: Sequence[tuple[str, str | None, str | None]]) -> _Cells:
    """How many examples of each right label got which two answers, the unseen two among them."""
    counts = Counter(answers)
    for label in {right for right, _, _ in answers}:
        counts.update([(label, label, None), (label, None, label)])
    cells: _Cells = {}
    for (right, our, their), number in counts.items():
        cells.setdefault(right, {})[our, their] = number
    return cells


def _differences(metric: SetMetric, cells: _Cells, seed: int) -> "NDArray[np.float64]":
    """Half of the resamples as drawn, half mirrored: drawn for the swapped pair, with the sign turned."""
    import numpy as np  # noqa: PLC0415 - most commands need no statistics

    swapped: Mapping[str, Mapping[tuple[str | None, ...], int]] = {
        label: {(their, our): number for (our, their), number in counts.items()} for label, counts in cells.items()
    }
    ours, theirs = resampled_values(metric, cells, RESAMPLES // 2, seed=seed)
    mirrored_theirs, mirrored_ours = resampled_values(metric, swapped, RESAMPLES // 2, seed=seed)
    found: NDArray[np.float64] = np.round(np.concatenate([ours - theirs, mirrored_ours - mirrored_theirs]), _DIGITS)
    return found


def _variance(of_mean: float, n: int) -> float:
    """The variance per example with which the mean, the unseen two included, varies so much."""
    size = n + len(UNSEEN)
    return max(0.0, (of_mean * size * size - sum(value**2 for value in UNSEEN)) / n)
