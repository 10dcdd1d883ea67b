"""The gate's interval for many samples at once, and the rules that it is compared with."""

from statistics import NormalDist

import numpy as np

from benchmarks.gate_parts.scores import Array, Counts
from gpo.gate import statistics
from gpo.gate.statistics import interval_bounds

AT_ONCE = 500

_KNOWN: dict[tuple[int, float, int, int], tuple[float, float]] = {}


def as_differences(n: int, counts: Counts) -> Array:
    """Shape (trials, n), from wins and losses of shape (trials, 2)."""
    samples = np.zeros((len(counts), n))
    for place, (wins, losses) in enumerate(counts):
        samples[place, :wins], samples[place, wins : wins + losses] = 1.0, -1.0
    return samples


def ends(n: int, counts: Counts, confidence: float = 0.95) -> Array:
    """Ends of the gate's interval for each (wins, losses) of `n` 0/1 pairs: shape (2, trials)."""
    keys = [(n, confidence, int(wins), int(losses)) for wins, losses in counts]
    new = sorted(set(keys) - _KNOWN.keys())
    for begin in range(0, len(new), AT_ONCE):
        some = new[begin : begin + AT_ONCE]
        low, high, _ = interval_bounds(as_differences(n, np.array([key[2:] for key in some])), confidence)
        _KNOWN.update(zip(some, zip(low.tolist(), high.tolist(), strict=True), strict=True))
    return np.array([_KNOWN[key] for key in keys]).T.reshape(2, len(keys))


def graded_ends(samples: Array) -> Array:
    """The same for differences of any size, shape (trials, n)."""
    parts = [interval_bounds(samples[begin : begin + AT_ONCE])[:2] for begin in range(0, len(samples), AT_ONCE)]
    return np.asarray(np.concatenate(parts, axis=1))


def plain_low(samples: Array) -> Array:
    """Lower end of the usual percentile bootstrap, without the two unseen examples."""
    unseen, statistics.UNSEEN = statistics.UNSEEN, ()
    try:
        return np.asarray(graded_ends(samples)[0])
    finally:
        statistics.UNSEEN = unseen


def bca_low(samples: Array, resamples: int = 10_000) -> Array:
    """Lower end of the bias-corrected and accelerated bootstrap; the mean where nothing varies."""
    n, normal = samples.shape[1], NormalDist()
    times = np.random.default_rng(0).multinomial(n, [1 / n] * n, size=resamples) / n
    found = []
    for sample in samples:
        mean, deviations = sample.mean(), sample - sample.mean()
        spread = float((deviations**2).sum())
        if not spread:
            found.append(mean)
            continue
        means = np.sort(np.round(times @ sample, 9))
        below = ((means < round(mean, 9)).sum() + (means <= round(mean, 9)).sum()) / 2 / resamples
        bias = normal.inv_cdf(min(max(below, 1e-4), 1 - 1e-4))
        shift = bias + normal.inv_cdf(0.025)
        place = normal.cdf(bias + shift / (1 - float((deviations**3).sum()) / 6 / spread**1.5 * shift))
        found.append(means[min(max(int(place * resamples), 0), resamples - 1)])
    return np.array(found)


_P_VALUES: dict[tuple[int, int, int], float] = {}


def chances_of_luck(n: int, counts: Counts) -> Array:
    """The gate's one-sided p-value against no gain, for wins and losses of any shape (..., 2) among `n` 0/1 pairs."""
    different, place = np.unique(counts.reshape(-1, 2), axis=0, return_inverse=True)
    new = [(int(wins), int(losses)) for wins, losses in different if (n, int(wins), int(losses)) not in _P_VALUES]
    for begin in range(0, len(new), AT_ONCE):
        some = new[begin : begin + AT_ONCE]
        two_sided = interval_bounds(as_differences(n, np.array(some)))[2]
        for (wins, losses), p_value in zip(some, two_sided.tolist(), strict=True):
            _P_VALUES[n, wins, losses] = p_value / 2 if wins > losses else 1 - p_value / 2
    found = np.array([_P_VALUES[n, int(wins), int(losses)] for wins, losses in different])
    return np.asarray(found[place.reshape(-1)].reshape(counts.shape[:-1]))
