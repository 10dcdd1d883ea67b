"""How often the gate errs, how much it finds, and what its advice is worth: `python -m benchmarks.gate_study`.

`--write docs/gate.md` replaces the tables of that page, which stand between two marks.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from gpo.gate import statistics
from gpo.gate.statistics import examples_needed, interval_bounds, sign_test
from gpo.set_metrics import mean_interval

BEGIN, END = "<!-- study: begin -->", "<!-- study: end -->"
COMMAND = "python -m benchmarks.gate_study --write docs/gate.md"

SIZES = (50, 150, 500)
ACCURACIES = (0.5, 0.7, 0.9)
DISCORDANCES = (0.05, 0.15, 0.30)
GAINS = (0.02, 0.05, 0.10, 0.20)
TRIALS = 10_000
GRADED_TRIALS = 2_000
AT_ONCE = 500

Array = np.ndarray[Any, np.dtype[np.float64]]
Counts = np.ndarray[Any, np.dtype[np.int64]]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}%"


def with_interval(hits: int, trials: int) -> str:
    low, high = mean_interval([1.0] * hits + [0.0] * (trials - hits))
    return f"{percent(hits / trials)} ({100 * low:.1f} to {100 * high:.1f})"


# Scores


def wins_and_losses(rng: np.random.Generator, n: int, discordance: float, gain: float, trials: int = TRIALS) -> Counts:
    """Shape (trials, 2). What a rule for 0/1 scores sees; the accuracy of the champion plays no part in it."""
    shares = [(discordance + gain) / 2, (discordance - gain) / 2, 1 - discordance]
    return rng.multinomial(n, shares, size=trials)[:, :2]


def right_and_wrong(
    rng: np.random.Generator, n: int, accuracy: float, discordance: float, challengers: int = 1
) -> Counts:
    """Shape (challengers, trials, 2): wins and losses of prompts that are no better, from their right and wrong."""
    found = np.empty((challengers, TRIALS, 2), dtype=np.int64)
    for begin in range(0, TRIALS, 1000):
        champion = rng.random((1000, n)) < accuracy
        for place in range(challengers):
            flips = rng.random((1000, n)) < discordance / 2 / np.where(champion, accuracy, 1 - accuracy)
            counts = [(flips & ~champion).sum(axis=1), (flips & champion).sum(axis=1)]
            found[place, begin : begin + 1000] = np.stack(counts, axis=1)
    return found


def rubric(rng: np.random.Generator, n: int) -> Array:
    """Marks of a judge, 0 to 4, as quarters: both prompts within one mark of what the example deserves."""
    deserved = rng.integers(0, 5, size=(GRADED_TRIALS, n))
    one, other = (
        np.clip(deserved + rng.choice([-1, 0, 1], p=[0.15, 0.7, 0.15], size=(GRADED_TRIALS, n)), 0, 4) / 4
        for _ in range(2)
    )
    return np.asarray(one - other)


def overlap(rng: np.random.Generator, n: int) -> Array:
    """Token F1: the same answer three times in five, else another one that is as good on average."""
    shared = rng.beta(2, 1, size=(GRADED_TRIALS, n))
    one, other = (
        np.where(rng.random((GRADED_TRIALS, n)) < 0.77, shared, rng.beta(2, 1, size=(GRADED_TRIALS, n)))
        for _ in range(2)
    )
    return np.asarray(one - other)


def rare_failure(rate: float) -> Callable[[np.random.Generator, int], Array]:
    """A little better nearly always, and a full point worse at `rate`: no better on average."""

    def differences(rng: np.random.Generator, n: int) -> Array:
        return np.where(rng.random((GRADED_TRIALS, n)) < rate, -1.0, rate / (1 - rate))

    return differences


GRADED = {
    "judge, five marks": rubric,
    "token F1": overlap,
    "rare failure, 5%": rare_failure(0.05),
    "rare failure, 1%": rare_failure(0.01),
}


# Rules


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


# Parts of the study


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


def advice(rng: np.random.Generator, n: int = 50, trials: int = 2000) -> Iterator[str]:
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


def study() -> str:
    """All tables, in Markdown; the same at every run."""
    parts = (false_promotions, rules_compared, power, advice, several, slices)
    texts = [text for seed, part in enumerate(parts) for text in part(np.random.default_rng(seed))]
    return "\n\n".join([f"`{COMMAND}`", *texts, *hardest()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="replace the tables of this page")
    path = parser.parse_args().write
    begun = time.perf_counter()
    found = study()
    if path is None:
        print(found)
    else:
        text = path.read_text(encoding="utf-8")
        before, after = text[: text.index(BEGIN)], text[text.index(END) :]
        path.write_text(f"{before}{BEGIN}\n\n{found}\n\n{after}", encoding="utf-8")
    print(f"took {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
