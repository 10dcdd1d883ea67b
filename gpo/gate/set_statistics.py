"""Statistics of two prompts by a measure of the whole set, such as macro-F1, from their answers to the same examples.

As in `statistics.py`, the interval is a paired percentile bootstrap that counts what nobody has seen: each label gets
an example won outright and one lost outright. Examples are drawn within their right label; sets of labels together.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpo.gate.statistics import RESAMPLES, UNSEEN, PairedResult, read_bounds
from gpo.records import Interval, Labels
from gpo.set_metrics import Answers, SetMetric, resampled_values, set_value, strata_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DIGITS = 12


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
    metric, are_sets = challenger.metric, challenger.are_sets
    rows = [(right, our, their) for (right, our), (_, their) in zip(ours, theirs, strict=True)]
    drawn = _differences(metric, rows, are_sets=are_sets)
    low, high, p_value = (float(each) for each in read_bounds(drawn[None, :], confidence, null)[:, 0])
    values = [set_value(metric, pairs, are_sets=are_sets) for pairs in (ours, theirs)]
    gain = round(values[0] - values[1], _DIGITS)
    our_hits, their_hits = ([right == given for right, given in pairs] for pairs in (ours, theirs))
    return PairedResult(
        n=len(examples),
        gain=Interval(value=gain, low=min(gain, low), high=max(gain, high)),
        p_value=p_value,
        variance=_variance(float(drawn.var()), len(examples)),
        wins=sum(our > their for our, their in zip(our_hits, their_hits, strict=True)),
        losses=sum(our < their for our, their in zip(our_hits, their_hits, strict=True)),
    )


def _differences(
    metric: SetMetric, rows: Sequence[tuple[str, str | None, str | None]], *, are_sets: bool
) -> "NDArray[np.float64]":
    """Half of the resamples as drawn, half mirrored: drawn for the swapped pair, with the sign turned."""
    import numpy as np  # noqa: PLC0415 - most commands need no statistics

    def drawn(pairs: Sequence[Answers]) -> "NDArray[np.float64]":
        # What nobody has seen: of each label, an example won outright and one lost outright.
        strata = strata_of(pairs, [(0,), (1,)], are_sets=are_sets)
        return resampled_values(metric, strata, RESAMPLES // 2, seed=len(rows), are_sets=are_sets)

    ours, theirs = drawn(rows)
    mirrored_theirs, mirrored_ours = drawn([(right, their, our) for right, our, their in rows])
    found: NDArray[np.float64] = np.round(np.concatenate([ours - theirs, mirrored_ours - mirrored_theirs]), _DIGITS)
    return found


def _variance(of_mean: float, n: int) -> float:
    """The variance per example with which the mean, the unseen two included, varies so much."""
    size = n + len(UNSEEN)
    return max(0.0, (of_mean * size * size - sum(value**2 for value in UNSEEN)) / n)
