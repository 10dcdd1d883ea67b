"""Examples that come in groups: how often the gate errs by example and by group, and what it finds."""

from collections.abc import Iterator

import numpy as np

from benchmarks.gate_parts.rules import graded_ends
from benchmarks.gate_parts.scores import Array, Counts
from benchmarks.gate_parts.tables import percent, table
from gpo.gate.group_statistics import compare_sets_in_groups, group_bounds
from gpo.gate.likely_groups import find_likely_groups
from gpo.gate.student import student_quantile
from gpo.records import Example, Labels

TRIALS = 4_000
REPEATS = 4
"""Times that the trials of a wrong promotion are drawn, so that its share is exact to a quarter of a percent."""

SET_TRIALS = 4_000
CELLS = ((150, 2), (150, 5), (150, 10), (150, 25), (500, 2), (500, 5), (500, 10), (500, 25))
TIES = (0.3, 1.0)
DIFFER = 0.15
TRUTHS = ((0.0, 0.15), (0.1, 0.25))


def equal_sizes(n: int, size: int) -> Counts:
    return np.full(n // size, size)


def unequal_sizes(n: int, size: int) -> Counts:
    """As many groups, a few of them several times as large as most."""
    shares = np.random.default_rng(3).exponential(size=n // size) + 0.1
    sizes: Counts = np.maximum(1, np.round(shares / shares.sum() * n)).astype(np.int64)
    while sizes.sum() != n:
        sizes[np.argmax(sizes)] += np.sign(n - sizes.sum())
    return sizes


def differences(
    rng: np.random.Generator,
    sizes: Counts,
    tie: float,
    gain: float = 0.0,
    *,
    differ: float = DIFFER,
    trials: int = TRIALS,
) -> Array:
    """Shape (trials, n): 0/1 pairs of which those of a group correlate by `tie`; at 1, a group is won or lost whole."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    edges = np.cumsum([(differ + gain) / 2, (differ - gain) / 2])

    def draw(number: int) -> Array:
        chance = rng.random((trials, number))
        return np.where(chance < edges[0], 1.0, np.where(chance < edges[1], -1.0, 0.0))

    own, common = draw(len(groups)), draw(len(sizes))[:, groups]
    return np.where(rng.random(own.shape) < np.sqrt(tie), common, own)


def group_sums(samples: Array, sizes: Counts) -> Array:
    return np.asarray(np.add.reduceat(samples, np.r_[0, np.cumsum(sizes)[:-1]], axis=1))


def promoted(samples: Array, sizes: Counts) -> float:
    return float((group_bounds(group_sums(samples, sizes), sizes.astype(float))[0] > 0).mean())


def wrong(rng: np.random.Generator, sizes: Counts, tie: float, differ: float = DIFFER) -> tuple[float, float]:
    """Shares of challengers, none of them better or worse, that are promoted, and that are called worse."""
    drawn = (group_sums(differences(rng, sizes, tie, differ=differ), sizes) for _ in range(REPEATS))
    bounds = np.concatenate([group_bounds(sums, sizes.astype(float)) for sums in drawn], axis=1)
    return float((bounds[0] > 0).mean()), float((bounds[1] < 0).mean())


def errors(rng: np.random.Generator) -> Iterator[str]:
    rows = []
    highest = {True: 0.0, False: 0.0}
    for n, size in CELLS:
        for tie in TIES:
            sizes = equal_sizes(n, size)
            cases = [
                wrong(rng, sizes, tie),
                wrong(rng, unequal_sizes(n, size), tie),
                wrong(rng, sizes, tie, differ=0.4),
            ]
            highest[len(sizes) >= 10] = max(highest[len(sizes) >= 10], *map(sum, cases))
            plain = float((graded_ends(differences(rng, sizes, tie))[0] > 0).mean())
            found = [differences(rng, sizes, tie, gain, differ=max(DIFFER, 2 * gain)) for gain in (0.05, 0.10, 0.20)]
            rows.append(
                [
                    f"{n}, {size}",
                    str(len(sizes)),
                    f"{tie:g}",
                    percent(plain),
                    *(percent(case[0]) for case in cases),
                    percent(max(map(sum, cases))),
                    " / ".join(percent(promoted(each, sizes), 0) for each in found),
                ]
            )
    yield (
        f"**Groups, no true gain.** Wrong promotions: by example, {TRIALS:,} trials a cell, and by group, "
        f"{REPEATS * TRIALS:,}. Members of a group correlate by the tie: at 1, a group is won or lost as a whole. "
        "Sizes are equal; then as unequal as exponential draws; then equal with 40% of the answers different, "
        f"where it is 15% else. Wrong both ways at most {percent(highest[True])} with 10 groups or more, "
        f"{percent(highest[False])} with fewer; the last column is how often a true gain of 0.05, 0.10 and 0.20 "
        "is found."
    )
    head = ["examples, size", "groups", "tie", "by example", "by group", "unequal", "40% differ", "both ways", "found"]
    yield table(head, rows)


def methods(rng: np.random.Generator) -> Iterator[str]:
    """What else the interval by group could be; 2,000 resamples, which are the same for all trials."""
    cells = [
        (150, 5, 0.3, False),
        (150, 10, 0.3, True),
        (500, 10, 0.3, True),
        (500, 25, 0.3, False),
        (500, 25, 1, False),
    ]
    found: dict[str, list[str]] = {}
    for n, size, tie, is_unequal in cells:
        sizes = (unequal_sizes if is_unequal else equal_sizes)(n, size)
        null, better = (group_sums(differences(rng, sizes, tie, gain, differ=differ), sizes) for gain, differ in TRUTHS)
        for name, shares in _both(null, better, sizes.astype(float)).items():
            found.setdefault(name, []).append(" / ".join(percent(share) for share in shares))
    head = [f"{n}, {size}, tie {tie:g}" + (", unequal" if unequal else "") for n, size, tie, unequal in cells]
    yield "**Why this interval by group.** Wrong promotions, and how often a true gain of 0.10 is found."
    yield table(["interval", *head], [[name, *cells] for name, cells in found.items()])


def _both(null: Array, better: Array, sizes: Array) -> dict[str, tuple[float, float]]:
    one, other = _passed(null, sizes), _passed(better, sizes)
    return {name: (float(one[name].mean()), float(other[name].mean())) for name in one}


def _passed(sums: Array, sizes: Array, resamples: int = 2_000) -> dict[str, Array]:
    number, n, rng = len(sizes), sizes.sum(), np.random.default_rng(0)
    mean = sums.sum(axis=1) / n
    times = rng.multinomial(number, [1 / number] * number, size=resamples).astype(float)
    signs = rng.choice([-1.0, 1.0], size=(resamples, number))
    means = times @ sums.T / (times @ sizes)[:, None]
    scale = np.sqrt(number / (number - 1))
    error = np.sqrt(((sums - mean[:, None] * sizes) ** 2).sum(axis=1)) * scale / n
    spread = times @ (sums**2).T - 2 * means * (times @ (sums * sizes).T) + means**2 * (times @ sizes**2)[:, None]
    errors_drawn = np.sqrt(np.maximum(spread, 1e-12)) * scale / (times @ sizes)[:, None]
    studentised = (means - mean) / errors_drawn
    flipped = signs @ sums.T / n >= mean - 1e-12
    wild_means = signs @ sums.T / n
    wild_spread = (sums**2).sum(axis=1) - 2 * wild_means * (signs @ (sums * sizes).T) + wild_means**2 * (sizes**2).sum()
    wild = wild_means / np.sqrt(np.maximum(wild_spread, 1e-12)) / scale * n >= mean / np.maximum(error, 1e-9) - 1e-9
    return {
        "the gate: jackknife t, unseen examples": group_bounds(sums, sizes)[0] > 0,
        "cluster bootstrap, percentile": np.quantile(means, 0.025, axis=0, method="inverted_cdf") > 1e-9,
        "cluster bootstrap, studentised": mean - error * np.quantile(studentised, 0.975, axis=0) > 1e-9,
        "cluster-robust t (CR1)": mean - error * student_quantile(0.95, number - 1) > 1e-9,
        "sign flips by group": ((flipped.sum(axis=0) + 1) / (resamples + 1) <= 0.025) & (mean > 0),
        "wild cluster bootstrap": ((wild.sum(axis=0) + 1) / (resamples + 1) <= 0.025) & (mean > 0),
    }


def sets(rng: np.random.Generator) -> Iterator[str]:
    """Measures of the whole set: two labels, one of them in a fifth of the groups."""
    rows = []
    for n, size in ((150, 5), (500, 10), (500, 25)):
        for tie in TIES:
            sizes = equal_sizes(n, size)
            samples = differences(rng, sizes, tie, trials=SET_TRIALS)
            shares = [_set_errors(samples, sizes, metric) for metric in ("macro_f1", "balanced_accuracy")]
            rows.append([f"{n}, {size}", f"{tie:g}", *map(percent, shares)])
    yield f"**Measures of the set by group.** Wrong promotions, {SET_TRIALS:,} trials a cell; a label in five is rare."
    yield table(["examples, size", "tie", "macro_f1", "balanced_accuracy"], rows)


def _set_errors(samples: Array, sizes: Counts, metric: str) -> float:
    ids = [f"e{place:03}" for place in range(samples.shape[1])]
    groups = np.repeat(np.arange(len(sizes)), sizes)
    group_of = {each: str(group) for each, group in zip(ids, groups.tolist(), strict=True)}
    rights = ["rare" if group % 5 == 0 else "common" for group in groups.tolist()]
    wrongs = ["common" if right == "rare" else "rare" for right in rights]
    hits = 0
    for sample in samples.tolist():
        ours = [right if each >= 0 else wrong for each, right, wrong in zip(sample, rights, wrongs, strict=True)]
        theirs = [right if each <= 0 else wrong for each, right, wrong in zip(sample, rights, wrongs, strict=True)]
        both = [
            Labels.model_construct(metric=metric, pairs=dict(zip(ids, zip(rights, answers, strict=True), strict=True)))
            for answers in (ours, theirs)
        ]
        hits += compare_sets_in_groups((both[0], both[1]), ids, group_of).gain.low > 0
    return hits / len(samples)


def likely(rng: np.random.Generator, trials: int = 4000) -> Iterator[str]:
    """How often the check for groups that nobody named tells of some."""
    rows = []
    for n, size in ((150, 2), (150, 5), (150, 10), (500, 5), (500, 25)):
        shares = []
        for tie in (0.0, 0.1, *TIES):
            sizes = equal_sizes(n, size)
            samples = differences(rng, sizes, tie, trials=trials)
            groups = np.repeat(np.arange(len(sizes)), sizes).tolist()
            examples = [
                Example(id=f"e{place}", inputs={"document": f"d{group}", "question": f"q{place}"}, reference="")
                for place, group in enumerate(groups)
            ]
            columns = {"document": "document", "question": "question"}
            told = [
                find_likely_groups(examples, {f"e{place}": each for place, each in enumerate(sample)}, columns)
                for sample in samples.tolist()
            ]
            shares.append(percent(sum(each is not None for each in told) / trials))
        rows.append([f"{n}, {size}", *shares])
    heading = "**Groups that nobody named.** How often the check tells of them"
    yield f"{heading}, {trials:,} trials a cell; at tie 0, wrongly."
    yield table(["examples, size", "tie 0", "tie 0.1", "tie 0.3", "tie 1"], rows)


def study() -> Iterator[str]:
    for seed, part in enumerate((errors, methods, sets, likely)):
        yield from part(np.random.default_rng(seed))
