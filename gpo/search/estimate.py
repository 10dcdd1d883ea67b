"""How good each prompt is, from everything that was seen of it: dev scores, training cases, trials, and its parent.

The best of many dev scores is too good: it was chosen for being high, luck included. Left as it is, a lucky prompt
stays current and turns all better ones away. So scores are read through a model with crossed random effects,

    score of prompt p on example e = quality of p + ease of e + noise,

in which the quality of a prompt is that of its parent give or take `STEP`, and the ease of an example is normal around
0. How much of the variance is ease and how much is noise, is taken from the scores themselves. The estimate of a
prompt is its expectation given all scores (best linear unbiased prediction, Henderson 1975): few scores move it little
from its parent's, many move it to their mean, and hard examples count for what they are.
"""

import math
from collections.abc import Mapping, Sequence

from gpo.records import Record

STEP = 0.08
"""Standard deviation of how much better or worse a proposal is than its parent, before it was tried."""

PRIOR = 0.5
"""The same of a prompt without a parent, around a mean of one half."""

LEAST_SHARE = 0.1
"""Least share of the variance of scores that ease, and that noise, is taken to have."""

DIGITS = 9
"""Decimal digits of an estimate that are no rounding error: prompts that are as good have equal ones."""


class Seen(Record):
    """The scores of one prompt by example id, and its parent, which stands before it in a list."""

    candidate: str
    parent: str | None
    values: Mapping[str, float]


class Estimate(Record):
    """The quality of a prompt, from 0 to 1, and the standard deviation of what is not known of it."""

    mean: float
    sd: float


def estimate(seen: Sequence[Seen]) -> dict[str, Estimate]:
    """The quality of each prompt, by candidate id. A prompt that was seen twice counts once, with all its scores."""
    import numpy as np  # noqa: PLC0415 - late, as elsewhere: it takes a while to load

    merged = _merge(seen)
    places = {each.candidate: place for place, each in enumerate(merged)}
    examples = {name: place for place, name in enumerate(sorted({name for each in merged for name in each.values}))}
    ease, noise = _variances(merged)
    system, right = np.zeros((len(places), len(places))), np.zeros(len(places))
    is_scored, sums = np.zeros((len(places), len(examples))), np.zeros(len(examples))
    for row, each in enumerate(merged):
        above = places.get(each.parent) if each.parent else None
        if above is None:
            system[row, row] += PRIOR**-2
            right[row] += 0.5 * PRIOR**-2
        else:
            system[[row, above], [row, above]] += STEP**-2
            system[[row, above], [above, row]] -= STEP**-2
        columns = [examples[name] for name in each.values]
        values = np.fromiter(each.values.values(), float, len(columns))
        system[row, row] += len(columns) / noise
        right[row] += values.sum() / noise
        is_scored[row, columns] = 1
        sums[columns] += values
    # The ease of examples is eliminated: one equation for each prompt is left, however many examples there are.
    shared = is_scored / (noise**2 / ease + noise * is_scored.sum(axis=0))
    spread = np.linalg.inv(system - shared @ is_scored.T)
    means = spread @ (right - shared @ sums)
    return {name: _estimate(means[place], spread[place, place]) for name, place in places.items()}


def _estimate(mean: float, variance: float) -> Estimate:
    return Estimate(mean=round(float(mean), DIGITS), sd=round(math.sqrt(max(0.0, float(variance))), DIGITS))


def _merge(seen: Sequence[Seen]) -> list[Seen]:
    found: dict[str, Seen] = {}
    for each in seen:
        before = found.get(each.candidate)
        if before is None:
            found[each.candidate] = each
        else:
            found[each.candidate] = before.model_copy(update={"values": {**before.values, **each.values}})
    return list(found.values())


def _variances(seen: Sequence[Seen]) -> tuple[float, float]:
    """Of the variance of scores around their prompts' means: what examples share, and the rest."""
    by_example: dict[str, list[float]] = {}
    squares, count = 0.0, 0
    for each in seen:
        if len(each.values) < 2:
            continue
        mean = math.fsum(each.values.values()) / len(each.values)
        for name, value in each.values.items():
            by_example.setdefault(name, []).append(value - mean)
            squares += (value - mean) ** 2
            count += 1
    whole = max(squares / count, 1e-4) if count else 0.25
    products, pairs = 0.0, 0
    for rest in by_example.values():
        products += math.fsum(rest) ** 2 - math.fsum(each**2 for each in rest)
        pairs += len(rest) * (len(rest) - 1)
    shared = products / pairs if pairs else 0.5 * whole
    ease = min(max(shared, LEAST_SHARE * whole), (1 - LEAST_SHARE) * whole)
    return ease, whole - ease
