"""Statistics of paired scores: two prompts, scored on the same examples.

A difference is challenger minus champion on one example, in -1..1. Nothing here takes a seed: equal differences give
equal numbers, in whatever order they come, and swapping the two prompts flips every sign exactly.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from gpo.errors import InputError
from gpo.records import Interval, Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 10_000
"""Means that an interval is read from: half of them drawn, the other half their mirror images."""

UNSEEN: tuple[float, ...] = (1.0, -1.0)
"""Differences that join the observed ones: one example won outright and one lost outright that nobody has seen."""

POWER = 0.8
"""How often a true gain shall be shown when a number of examples is named for it."""

MOST_EXAMPLES = 100_000
"""Examples beyond which a difference is too small to matter."""

_FEWEST_BEYOND = 10
"""Resampled means that must lie beyond an end of the interval for it to be read from them."""

_CHUNK = 4_000_000
_DIGITS = 12


class PairedResult(Record):
    """What the differences of `n` examples say. `p_value` is two-sided, against the gain that was asked about.

    `groups`: how many groups the examples come in, and how many of equal size say as much; None: they come singly.
    """

    n: int
    gain: Interval
    p_value: float
    variance: float
    wins: int
    losses: int
    groups: int | None = None
    effective_groups: int | None = None

    @property
    def sign_test(self) -> float:
        """Two-sided p-value of the exact sign test; for 0/1 scores that is McNemar's exact test."""
        return sign_test(self.wins, self.losses)


def compare_paired(differences: Sequence[float], confidence: float = 0.95, null: float = 0.0) -> PairedResult:
    """The mean difference with its interval, and the p-value against a mean difference of `null`.

    Without any example the interval is -1 to 1: nothing is known.

    >>> found = compare_paired([1.0] * 12 + [-1.0] * 3 + [0.0] * 85)
    >>> found.gain
    Interval(value=0.09, low=0.009803921569, high=0.166666666667)
    >>> found.wins, found.losses, round(found.sign_test, 3)
    (12, 3, 0.035)

    Raises:
        InputError: the confidence is too close to 1 for the number of resamples.
    """
    n = len(differences)
    if not n:
        nothing = Interval(value=0.0, low=-1.0, high=1.0)
        return PairedResult(n=0, gain=nothing, p_value=1.0, variance=0.0, wins=0, losses=0)
    mean = math.fsum(differences) / n
    bounds = interval_bounds([differences], confidence, null)
    return PairedResult(
        n=n,
        gain=Interval(value=mean, low=min(mean, float(bounds[0, 0])), high=max(mean, float(bounds[1, 0]))),
        p_value=float(bounds[2, 0]),
        variance=math.fsum((difference - mean) ** 2 for difference in differences) / n,
        wins=sum(difference > 0 for difference in differences),
        losses=sum(difference < 0 for difference in differences),
    )


def interval_bounds(
    samples: "Sequence[Sequence[float]] | NDArray[np.float64]", confidence: float = 0.95, null: float = 0.0
) -> "NDArray[np.float64]":
    """Low end, high end and two-sided p-value of the mean of each sample: shape (3, samples).

    `samples` has the shape (samples, n). The percentile bootstrap of the differences together with `UNSEEN`. Every
    resample counts twice, as drawn and mirrored, which makes the interval of the swapped pair the exact mirror image.
    The interval excludes `null` exactly when the p-value is at most `1 - confidence`.

    Raises:
        InputError: the confidence is too close to 1 for the number of resamples.
    """
    import numpy as np  # noqa: PLC0415 - most commands need no statistics

    _beyond(confidence)
    observed = np.asarray(samples, dtype=np.float64)
    unseen = np.broadcast_to(np.asarray(UNSEEN), (len(observed), len(UNSEEN)))
    differences = np.sort(np.concatenate([observed, unseen], axis=1), axis=1)
    return read_bounds(np.round(_resampled_means(differences), _DIGITS), confidence, null)


def read_bounds(means: "NDArray[np.float64]", confidence: float, null: float) -> "NDArray[np.float64]":
    """Low end, high end and two-sided p-value from resampled means, which are put into another order.

    `means` has the shape (samples, RESAMPLES), the result (3, samples).

    Raises:
        InputError: the confidence is too close to 1 for the number of resamples.
    """
    import numpy as np  # noqa: PLC0415 - as above

    beyond = _beyond(confidence)
    tail = np.minimum((means <= null).sum(axis=1), (means >= null).sum(axis=1))
    means.partition((beyond - 1, RESAMPLES - beyond), axis=1)
    p_values = np.minimum(1.0, 2 * (tail + 1) / (RESAMPLES + 1))
    found: NDArray[np.float64] = np.stack([means[:, beyond - 1], means[:, RESAMPLES - beyond], p_values])
    return found


def _beyond(confidence: float) -> int:
    """How many resampled means lie beyond each end of the interval."""
    beyond = math.floor(round((1 - confidence) / 2 * (RESAMPLES + 1), 6))
    if beyond < _FEWEST_BEYOND:
        raise InputError(
            f"a confidence of {confidence:.6g} is more than {RESAMPLES:,} resamples can tell: "
            "compare fewer challengers at once, or lower `confidence`"
        )
    return beyond


def _resampled_means(differences: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Shape (samples, RESAMPLES), from sorted differences of shape (samples, n)."""
    import numpy as np  # noqa: PLC0415 - as above

    n = differences.shape[1]
    mirrored = differences[:, ::-1]
    found = []
    for drawn in _drawn_at_once(n) if n <= _CHUNK // (RESAMPLES // 2) else _drawn(n):
        times = drawn.astype(np.float64)
        found += [differences @ times.T / n, mirrored @ times.T / n]
    return np.concatenate(found, axis=1)


def _drawn(n: int) -> "Iterator[NDArray[np.uint16]]":
    """How often each of `n` places is drawn, in shapes (resamples, n): the same for equal `n`."""
    import numpy as np  # noqa: PLC0415 - as above

    rng = np.random.default_rng(n)
    drawn, rows = RESAMPLES // 2, max(1, _CHUNK // n)
    for begin in range(0, drawn, rows):
        size = min(rows, drawn - begin)
        places = rng.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(places.ravel(), minlength=size * n).reshape(size, n).astype(np.uint16)


@lru_cache(maxsize=4)
def _drawn_at_once(n: int) -> "tuple[NDArray[np.uint16], ...]":
    """The same, kept for what comes next: a decision has many intervals of equally many differences."""
    return tuple(_drawn(n))


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p-value of the exact sign test: of `wins + losses` fair coins, a split at least as uneven as this.

    >>> sign_test(6, 0), sign_test(0, 0)
    (0.03125, 1.0)
    """
    tosses = wins + losses
    tail = sum(math.comb(tosses, heads) for heads in range(min(wins, losses) + 1))
    # Whole numbers: 2 ** tosses is beyond a float from 1024 on.
    return min(1.0, 2 * tail / (1 << tosses))


def examples_needed(gain: float, variance: float, null: float = 0.0, confidence: float = 0.95) -> int | None:
    """About how many examples, in all, show four times out of five that a true gain differs from `null`.

    `variance` is that of the differences. Rounded up to two digits; None when it would take more than 100,000.

    >>> examples_needed(0.05, 0.15), examples_needed(0.001, 0.15)
    (490, None)
    """
    if not _can_show(MOST_EXAMPLES, gain, variance, null, confidence):
        return None
    few, enough = 0, MOST_EXAMPLES
    while enough - few > 1:
        middle = (few + enough) // 2
        if _can_show(middle, gain, variance, null, confidence):
            enough = middle
        else:
            few = middle
    return round_up_two_digits(enough)


def detectable_gain(n: int, variance: float, null: float = 0.0, confidence: float = 0.95) -> float:
    """The smallest true gain that `n` examples show four times out of five; more than 1 means none.

    >>> round(detectable_gain(150, 0.15), 3)
    0.092
    """
    return (null + _detectable_distance(n, variance, confidence)) * (n + len(UNSEEN)) / n if n else math.inf


def _can_show(n: int, gain: float, variance: float, null: float, confidence: float) -> bool:
    expected = gain * n / (n + len(UNSEEN))
    return gain != null and abs(expected - null) >= _detectable_distance(n, variance, confidence)


def _detectable_distance(n: int, variance: float, confidence: float) -> float:
    """The distance from the null, of the mean with `UNSEEN`, at which the interval leaves it out 4 times of 5."""
    normal = NormalDist()
    size = n + len(UNSEEN)
    error = math.sqrt((n * variance + sum(value**2 for value in UNSEEN)) / size / size)
    return (normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(POWER)) * error


def round_up_two_digits(number: int) -> int:
    """Rounded up to two digits.

    >>> round_up_two_digits(483), round_up_two_digits(7), round_up_two_digits(1001)
    (490, 7, 1100)
    """
    unit = int(10 ** max(0, len(str(number)) - 2))
    return math.ceil(number / unit) * unit
