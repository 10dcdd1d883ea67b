"""Single decisions on examples that are independent: false promotions, what is found, advice, challengers, slices."""

import math
from collections.abc import Iterator

import numpy as np

from benchmarks.gate_parts.rules import as_differences, bca_low, ends, graded_ends, plain_low
from benchmarks.gate_parts.scores import (
    GRADED,
    GRADED_TRIALS,
    TRIALS,
    Array,
    Counts,
    rare_failure,
    right_and_wrong,
    wins_and_losses,
)
from benchmarks.gate_parts.tables import percent, table, with_interval
from gpo.gate import statistics
from gpo.gate.statistics import examples_needed, interval_bounds, sign_test

SIZES = (50, 150, 500)
ACCURACIES = (0.5, 0.7, 0.9)
DISCORDANCES = (0.05, 0.15, 0.30)
GAINS = (0.02, 0.05, 0.10, 0.20)


def false_promotions(rng: np.random.Generator) -> Iterator[str]:
    rows: list[list[str]] = []
    worst = 0.0
    for accuracy in ACCURACIES:
        for discordance in DISCORDANCES:
            name = [f"0/1, accuracy {accuracy}", percent(discordance, 0)]
            if discordance / 2 > 1 - accuracy:
                rows.append([*name, *["cannot be"] * len(SIZES), ""])
                continue
            cells, naive = [], []
            for n in SIZES:
                counts = right_and_wrong(rng, n, accuracy, discordance)[0]
                hits = int((ends(n, counts)[0] > 0).sum())
                worst = max(worst, hits / TRIALS)
                cells.append(with_interval(hits, TRIALS))
                naive.append(float((counts[:, 0] > counts[:, 1]).mean()))
            rows.append([*name, *cells, " / ".join(percent(share, 0) for share in naive)])
    for name, draw in GRADED.items():
        cells, naive, unlike = [], [], 0.0
        for n in SIZES:
            samples = draw(rng, n)
            hits = int((graded_ends(samples)[0] > 0).sum())
            worst = max(worst, hits / GRADED_TRIALS)
            cells.append(with_interval(hits, GRADED_TRIALS))
            naive.append(float((samples.sum(axis=1) > 1e-9).mean()))
            unlike = float((samples != 0).mean())
        rows.append([name, percent(unlike, 0), *cells, " / ".join(percent(share, 0) for share in naive)])
    yield (
        f"**False promotions.** The challenger is truly no better. {TRIALS:,} trials a cell for 0/1 scores, "
        f'{GRADED_TRIALS:,} for graded ones, with 95% intervals; the last column is the rule "the higher mean wins" '
        f"at these sizes. Highest cell of the gate: {percent(worst)}."
    )
    yield table(["scores", "differ", *(f"n = {n}" for n in SIZES), "higher mean wins"], rows)


def hardest() -> Iterator[str]:
    """Exact, not simulated: what passes depends on the number of failures seen, and fewer pass more easily."""
    worst = (0.0, 0, 0.0)
    for n in (50, 100, 150, 300, 500):
        for rate in (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.15, 0.20, 0.30):
            seen = np.arange(int(n * rate) + 1)
            samples = np.where(np.arange(n) < seen[:, None], -1.0, rate / (1 - rate))
            passed = interval_bounds(samples)[0] > 0
            chances = [math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in seen.tolist()]
            worst = max(worst, (float(np.dot(chances, passed)), n, rate))
    share, n, rate = worst
    yield (
        "**The hardest case.** A challenger that is a little better nearly always, fails outright now and then, and is "
        "no better on average. Of 65 cells, 50 to 500 examples and failure rates from 0.5% to 30%, the worst is "
        f"n = {n} with {rate:.0%}: {percent(share)} false promotions."
    )


def rules_compared(rng: np.random.Generator) -> Iterator[str]:
    n, trials = 50, 4000
    found: dict[str, list[float]] = {"the gate": [], "percentile": [], "BCa": [], "McNemar, p <= 0.05": []}
    cells = [(0.05, 0.0), (0.15, 0.0), (0.30, 0.0), (0.15, 0.10), (0.30, 0.20)]
    for discordance, gain in cells:
        counts, weights = np.unique(wins_and_losses(rng, n, discordance, gain, trials), axis=0, return_counts=True)
        samples = as_differences(n, counts)
        exact = np.array([won > lost and sign_test(int(won), int(lost)) <= 0.05 for won, lost in counts])
        for name, passed in zip(
            found, (ends(n, counts)[0] > 0, plain_low(samples) > 0, bca_low(samples) > 1e-9, exact), strict=True
        ):
            found[name].append(float((weights * passed).sum() / trials))
    for rate in (0.05, 0.01):
        samples, weights = np.unique(np.sort(rare_failure(rate)(rng, n)), axis=0, return_counts=True)
        lows = (graded_ends(samples)[0], plain_low(samples), bca_low(samples))
        for name, low in zip(found, lows, strict=False):
            found[name].append(float((weights * (low > 1e-9)).sum() / GRADED_TRIALS))
    found["McNemar, p <= 0.05"] += [math.nan, math.nan]
    rows = [[name, *("-" if math.isnan(share) else percent(share) for share in line)] for name, line in found.items()]
    head = [f"{discordance:.0%} differ, gain {gain:g}" for discordance, gain in cells]
    yield f"**Why this interval.** Promotions at n = {n}; where the gain is 0, all are false."
    yield table(["rule", *head, "rare failure, 5%, gain 0", "rare failure, 1%, gain 0"], rows)


def power(rng: np.random.Generator) -> Iterator[str]:
    rows = []
    for gain in GAINS:
        for discordance in (share for share in DISCORDANCES if share >= gain):
            counts = {n: wins_and_losses(rng, n, discordance, gain) for n in SIZES}
            cells = [percent(float((ends(n, counts[n])[0] > 0).mean()), 0) for n in SIZES]
            needed = examples_needed(gain, discordance - gain**2)
            rows.append([f"+{gain:.2f}", percent(discordance, 0), *cells, f"{needed:,}"])
    yield (
        "**Found.** How often a challenger that is truly better is promoted, 0/1 scores; the last column is the number "
        "of examples for 80%."
    )
    yield table(["true gain", "differ", *(f"n = {n}" for n in SIZES), "for 80%"], rows)


def advice(rng: np.random.Generator, n: int = 50, trials: int = 4000) -> Iterator[str]:
    rows = []
    for gain, discordance in ((0.0, 0.15), (0.05, 0.15), (0.10, 0.15), (0.10, 0.30), (0.20, 0.30)):
        counts = wins_and_losses(rng, n, discordance, gain, trials)
        low, high = ends(n, counts)
        unsure = counts[(low <= 0) & (high >= 0) & (counts[:, 0] > counts[:, 1])]
        advised = np.array([_advised(n, int(wins), int(losses)) for wins, losses in unsure])
        right = examples_needed(gain, discordance - gain**2)
        found = "-"
        if right:
            passed = ends(right, wins_and_losses(rng, right, discordance, gain, trials))[0] > 0
            found = percent(float(passed.mean()), 0)
        quartiles = " / ".join(f"{value:,.0f}" for value in np.percentile(advised, (25, 50, 75)))
        totals = np.minimum(_ten_a_decade(np.maximum(advised, n + 1)), 2500)
        followed = _promoted_at(rng, n, unsure, totals, (discordance, gain))
        rows.append(
            [
                f"+{gain:.2f}",
                percent(discordance, 0),
                f"{right:,}" if right else "-",
                found,
                quartiles,
                percent(followed, 0),
            ]
        )
    yield (
        f"**Advice.** After {n} examples without enough evidence, and a positive gain: how many examples in all the "
        "verdict asks for (quartiles), against the right number, which takes the true gain to know; and how often the "
        "challenger is promoted once as many have been added, at most 2,500. Where the true gain is 0, that is false."
    )
    head = ["true gain", "differ", "right number", "promoted with it", "asked for, in all", "promoted when followed"]
    yield table(head, rows)


def _advised(n: int, wins: int, losses: int) -> float:
    gain = (wins - losses) / n
    return examples_needed(gain, (wins + losses) / n - gain**2) or statistics.MOST_EXAMPLES


def _ten_a_decade(numbers: Array) -> Counts:
    """Rounded up to ten different numbers a decade: as many different ones as are advised take too long."""
    rounded: Counts = np.ceil(10 ** (np.ceil(10 * np.log10(numbers)) / 10)).astype(np.int64)
    return rounded


def _promoted_at(rng: np.random.Generator, n: int, unsure: Counts, totals: Counts, truth: tuple[float, float]) -> float:
    hits = 0
    for total in np.unique(totals):
        before = unsure[totals == total]
        added = wins_and_losses(rng, int(total) - n, *truth, trials=len(before))
        hits += int((ends(int(total), before + added)[0] > 0).sum())
    return hits / len(unsure)


def several(rng: np.random.Generator, challengers: int = 5, discordance: float = 0.15) -> Iterator[str]:
    rows = []
    for n in SIZES:
        counts = right_and_wrong(rng, n, 0.7, discordance, challengers)
        corrected = [ends(n, each, 1 - 0.05 / challengers)[0] > 0 for each in counts]
        single = [ends(n, each)[0] > 0 for each in counts]
        naive = [each[:, 0] > each[:, 1] for each in counts]
        false = [int(np.any(passed, axis=0).sum()) for passed in (corrected, single, naive)]
        better = ends(n, wins_and_losses(rng, n, discordance, 0.10), 1 - 0.05 / challengers)[0] > 0
        rows.append([str(n), *(with_interval(hits, TRIALS) for hits in false), percent(float(better.mean()), 0)])
    yield (
        f"**Several challengers.** {challengers} that are no better, {discordance:.0%} of the examples differ: how "
        "often any is promoted; and how often one that is better by 0.10 passes the corrected rule."
    )
    yield table(["n", "corrected", "not corrected", "highest mean wins", "+0.10 found, corrected"], rows)


def slices(rng: np.random.Generator, parts: int = 5, discordance: float = 0.15) -> Iterator[str]:
    rows = []
    for n in SIZES:
        size = n // parts
        same = [ends(size, wins_and_losses(rng, size, discordance, 0.0))[1] for _ in range(parts)]
        cells = [percent(float(np.any([high < -margin for high in same], axis=0).mean())) for margin in (0.0, 0.05)]
        worse = ends(size, wins_and_losses(rng, size, 0.5, -0.4))[1]
        rows.append([f"{parts} of {size}", *cells, percent(float((worse < 0).mean()), 0)])
    yield (
        f"**Slices.** {parts} slices in which nothing changed, {discordance:.0%} of the examples differ: how often any "
        "of them stops a promotion; and how often a slice that lost 0.40 does."
    )
    yield table(["slices", "stopped, margin 0", "stopped, margin 0.05", "loss of 0.40 seen, margin 0"], rows)


def study() -> Iterator[str]:
    parts = (false_promotions, rules_compared, power, advice, several, slices)
    for seed, part in enumerate(parts):
        yield from part(np.random.default_rng(seed))
    yield from hardest()
