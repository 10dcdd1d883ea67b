"""How much better is the challenger than the champion, on examples the search never saw?"""

import math
import random

from gpo.records import Interval, Score

RESAMPLES = 4000


def paired_gain(challenger: Score, champion: Score, seed: int = 0) -> Interval:
    """Mean difference per example, with a 95% percentile interval of the paired bootstrap.

    Pairing by example removes what both scores owe to the same easy and hard examples. Examples that one of the two
    could not be asked are left out.

    >>> one = Score(values={"a": 1.0, "b": 1.0}, planned=2)
    >>> paired_gain(one, Score(values={"a": 0.0, "b": 0.0}, planned=2))
    Interval(value=1.0, low=1.0, high=1.0)
    """
    shared = sorted(challenger.values.keys() & champion.values.keys())
    if not shared:
        return Interval(value=0.0, low=-1.0, high=1.0)
    differences = [challenger.values[key] - champion.values[key] for key in shared]
    n = len(differences)
    rng = random.Random(seed)  # noqa: S311 - statistics, not secrets
    means = sorted(math.fsum(rng.choices(differences, k=n)) / n for _ in range(RESAMPLES))
    return Interval(
        value=math.fsum(differences) / n,
        low=means[round(0.025 * (RESAMPLES - 1))],
        high=means[round(0.975 * (RESAMPLES - 1))],
    )
