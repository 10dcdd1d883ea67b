"""An alias that is decided about night after night: how often a series ends in a wrong promotion, by rule."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from benchmarks.gate_parts.rules import chances_of_luck
from benchmarks.gate_parts.scores import Array, Counts
from benchmarks.gate_parts.tables import percent, table
from gpo.gate.error_budget import BUDGET, USES, use_level

TRIALS = 4_000
AT_ONCE = 500
SIZES = (100, 200, 500)
DIFFERS = (0.15, 0.30)
FRESH = (0.0, 0.1, 1.0)
GAINS = (0.02, 0.05, 0.10)
SHOWN_NIGHTS = (1, 5, 15, 30)
NIGHTS_TEXT = "1, 5, 15 and 30"
WEEK = 7
_PLACES = np.arange(USES)
_GRID = np.linspace(0.5, 1, 41)[1:-1]

Rule = Callable[[Array, Counts], Array]
"""From one-sided p-values (trials, nights) and wins and losses (trials, nights, 2) to what passes."""


def series(
    rng: np.random.Generator, n: int, differ: float, gain: float = 0.0, *, fresh: float = 0.0, accuracy: float = 0.7
) -> Counts:
    """Wins and losses of a new challenger each night against one champion, shape (trials, nights, 2).

    `fresh` is the share of the test examples that are new each night.
    """
    counts = np.empty((TRIALS, USES, 2), dtype=np.int64)
    win, loss = (differ + gain) / 2 / (1 - accuracy), (differ - gain) / 2 / accuracy
    for begin in range(0, TRIALS, AT_ONCE):
        champion = rng.random((AT_ONCE, n)) < accuracy
        for night in range(USES):
            if fresh and night:
                new = rng.permutation(n)[: round(fresh * n)]
                champion[:, new] = rng.random((AT_ONCE, len(new))) < accuracy
            chance = rng.random((AT_ONCE, n))
            counts[begin : begin + AT_ONCE, night, 0] = (~champion & (chance < win)).sum(axis=1)
            counts[begin : begin + AT_ONCE, night, 1] = (champion & (chance < loss)).sum(axis=1)
    return counts


# Rules


def fixed(levels: Array) -> Rule:
    return lambda p_values, _: p_values <= levels


def _weights(name: str) -> Array:
    places = np.arange(1.0, 5001.0)
    slow = np.log(np.maximum(places, 2)) / (places * np.exp(np.sqrt(np.log(places))))
    found = slow if name == "LORD" else places**-1.6
    return np.asarray(found / found.sum())


def saffron(p_values: Array, _: Counts, candidate: float = 0.5) -> Array:
    """Ramdas, Zrnic, Wainwright and Jordan 2018, until the first promotion: only small p-values use up the budget."""
    weights, used, passed = _weights("SAFFRON"), np.zeros(len(p_values), dtype=int), np.zeros(p_values.shape, bool)
    for night in range(USES):
        level = np.minimum(candidate, (1 - candidate) * BUDGET * weights[night - used])
        passed[:, night] = p_values[:, night] <= level
        used += p_values[:, night] <= candidate
    return passed


def addis_spending(p_values: Array, _: Counts, candidate: float = 0.25, discard: float = 0.5) -> Array:
    """Tian and Ramdas 2021: large p-values use up nothing."""
    weights, used, passed = _weights("ADDIS"), np.zeros(len(p_values), dtype=int), np.zeros(p_values.shape, bool)
    for night in range(USES):
        passed[:, night] = p_values[:, night] <= BUDGET * (discard - candidate) * weights[used]
        used += (p_values[:, night] > candidate) & (p_values[:, night] <= discard)
    return passed


def e_values(_: Array, counts: Counts) -> Array:
    """A bet on the challenger each night, a mixture over how often it wins; the levels are equal."""
    wins, losses = counts[..., 0, None], counts[..., 1, None]
    bets = np.exp(wins * np.log(2 * _GRID) + losses * np.log(2 - 2 * _GRID)).mean(axis=-1)
    return np.asarray(bets >= USES / BUDGET)


RULES: Mapping[str, Rule] = {
    "2.5% each use (one decision's rule)": fixed(np.full(USES, 0.025)),
    "equal: 5% / 30 each use": fixed(np.full(USES, BUDGET / USES)),
    "**chosen: 1% / k, at least 0.1%**": fixed(np.array([use_level(place + 1) for place in _PLACES])),
    "LORD": fixed(BUDGET * _weights("LORD")[:USES]),
    "SAFFRON": saffron,
    "ADDIS-spending": addis_spending,
    "e-values, 5% / 30 each use": e_values,
    "chosen, begun anew with fresh examples": fixed(np.full(USES, use_level(1))),
}
PRESENT, _, CHOSEN, *_ = RULES


def ended_wrong(rule: str, n: int, counts: Counts, nights: int = USES) -> float:
    return float(RULES[rule](chances_of_luck(n, counts), counts)[:, :nights].any(axis=1).mean())


def errors(rng: np.random.Generator) -> Iterator[str]:
    rows = []
    highest = {PRESENT: 0.0, CHOSEN: 0.0}
    for n in SIZES:
        for differ in DIFFERS:
            found = {fresh: series(rng, n, differ, fresh=fresh) for fresh in FRESH}
            cells = []
            for rule in (PRESENT, CHOSEN):
                shares = [ended_wrong(rule, n, found[fresh]) for fresh in FRESH]
                highest[rule] = max(highest[rule], *shares)
                cells.append(" / ".join(map(percent, shares)))
            early = ended_wrong(PRESENT, n, found[0.0], 8)
            worse = series(rng, n, differ, gain=-0.02)
            rows.append([str(n), f"{differ:.0%}", *cells, percent(early), percent(ended_wrong(CHOSEN, n, worse))])
    yield (
        f"**Thirty nights without a true gain.** {TRIALS:,} series a cell, a new challenger each night that is no "
        "better than the champion: how many series end in at least one wrong promotion, with 0% / 10% / 100% of "
        f"the test examples new each night. The rule of one decision: up to {percent(highest[PRESENT])}; the "
        f"budget: up to {percent(highest[CHOSEN])}. Then the rule of one decision after eight nights, and the "
        "budget where the challengers are worse by 0.02."
    )
    head = ["examples", "differ", "2.5% each use", "budget", "2.5% each use, 8 nights", "budget, worse by 0.02"]
    yield table(head, rows)


def _found_at(rule: str, n: int, same: Counts, better: Counts) -> list[float]:
    """How often a challenger that is better in one night alone is promoted in it, by night."""
    found = []
    for night in SHOWN_NIGHTS:
        counts = same.copy()
        counts[:, night - 1] = better[:, night - 1]
        found.append(float(RULES[rule](chances_of_luck(n, counts), counts)[:, night - 1].mean()))
    return found


def power(rng: np.random.Generator) -> Iterator[str]:
    rows = []
    for gain in GAINS:
        for n in SIZES:
            same, better = series(rng, n, 0.15), series(rng, n, 0.15, gain)
            cells = [
                f"{percent(_found_at(PRESENT, n, same, better)[0], 0)}",
                " / ".join(percent(share, 0) for share in _found_at(CHOSEN, n, same, better)),
                *(percent(ended_wrong(rule, n, better, WEEK), 0) for rule in (PRESENT, CHOSEN)),
            ]
            rows.append([f"+{gain:.2f}", str(n), *cells])
    yield (
        "**What the budget costs.** How often a challenger that is truly better, in one night of thirty, is "
        f"promoted in it without asking: by the rule of one decision, and by the budget in night {NIGHTS_TEXT}. "
        f"Then how often one is promoted within {WEEK} nights in which all are better. 15% of the answers differ. "
        "What the budget alone holds back asks a person, and is not lost."
    )
    yield table(["true gain", "examples", "2.5% each use", "budget, by night", "a week, 2.5%", "a week, budget"], rows)


def rules_compared(rng: np.random.Generator) -> Iterator[str]:
    null = {
        (n, differ, fresh): series(rng, n, differ, fresh=fresh)
        for n in SIZES
        for differ in DIFFERS
        for fresh in (0.0, 1.0)
    }
    same, better = {n: series(rng, n, 0.15) for n in SIZES}, {n: series(rng, n, 0.15, 0.05) for n in SIZES}
    rows = []
    for rule in RULES:
        reused, fresh = (
            max(ended_wrong(rule, n, counts) for (n, _, share), counts in null.items() if share == wanted)
            for wanted in (0.0, 1.0)
        )
        cells = [" / ".join(percent(share, 0) for share in _found_at(rule, n, same[n], better[n])) for n in (200, 500)]
        rows.append([rule, "-" if "anew" in rule else percent(reused), percent(fresh), *cells])
    yield (
        "**Why this rule.** The worst cell of thirty nights without a true gain, on one test split and with all "
        f"of it new each night; and how often a true gain of 0.05 in night {NIGHTS_TEXT} is found."
    )
    yield table(["rule", "one split", "all new", "found, n = 200", "found, n = 500"], rows)


def study() -> Iterator[str]:
    for seed, part in enumerate((errors, power, rules_compared)):
        yield from part(np.random.default_rng(seed))
