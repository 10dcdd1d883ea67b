"""The interval of a mean of scores."""

import math


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
