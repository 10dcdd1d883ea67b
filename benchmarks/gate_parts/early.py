"""Proofs that may stop early, and prompts that are promoted for being merely not worse: errors, power, calls."""

from collections.abc import Iterator

import numpy as np

from benchmarks.gate_parts.groups import differences, equal_sizes, group_sums
from benchmarks.gate_parts.rules import chances_of_luck, ends
from benchmarks.gate_parts.scores import Array, Counts, wins_and_losses
from benchmarks.gate_parts.tables import percent, table
from gpo.gate.early_stop import ProofLook, plan_looks
from gpo.gate.error_budget import use_level
from gpo.gate.group_statistics import group_bounds
from gpo.gate.verdict import NON_INFERIOR_SHARE

TRIALS = 4_000
SIZES = (100, 200, 500)
LEVEL = 0.025


def looks_of(n: int) -> list[ProofLook]:
    ends = plan_looks([1] * n)
    return [ProofLook(examples=end, of=n, ends=ends) for end in ends]


def stopped(looks: list[ProofLook], chances: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Which trials are promoted, and the share of the examples that each asked, from p-values (trials, looks)."""
    passed, share = np.zeros(len(chances), dtype=bool), np.ones(len(chances))
    running = np.ones(len(chances), dtype=bool)
    for place, look in enumerate(looks):
        passes = running & (chances[:, place] <= look.level(level))
        passed |= passes
        ended = running & (passes | (chances[:, place] > look.hopeless_from))
        share[ended] = look.examples / look.of
        running &= ~ended
    return passed, share


def chances_at(rng: np.random.Generator, looks: list[ProofLook], differ: float, gain: float) -> Array:
    """One-sided p-values at each look, shape (trials, looks)."""
    counts: Counts = np.zeros((TRIALS, 2), dtype=np.int64)
    found, before = [], 0
    for look in looks:
        counts = counts + wins_and_losses(rng, look.examples - before, differ, gain, TRIALS)
        before = look.examples
        found.append(chances_of_luck(look.examples, counts))
    return np.stack(found, axis=1)


def early(rng: np.random.Generator) -> Iterator[str]:
    rows, highest = [], 0.0
    for n in SIZES:
        looks = looks_of(n)
        for differ, gain in ((0.15, 0.0), (0.30, 0.0), (0.15, -0.05), (0.15, 0.02), (0.15, 0.05), (0.15, 0.10)):
            chances = chances_at(rng, looks, differ, gain)
            passed, share = stopped(looks, chances)
            held, held_share = stopped(looks, chances, use_level(2))
            whole = float((chances[:, -1] <= LEVEL).mean())
            peeking = float((chances <= LEVEL).any(axis=1).mean())
            if gain <= 0:
                highest = max(highest, float(passed.mean()))
            rows.append(
                [
                    str(n),
                    f"{gain:+.2f}" if gain else "0",
                    f"{differ:.0%}",
                    percent(whole),
                    percent(peeking),
                    percent(float(passed.mean())),
                    percent(1 - float(share.mean()), 0),
                    f"{percent(float(held.mean()))}, {percent(1 - float(held_share.mean()), 0)}",
                ]
            )
    yield (
        f"**Early stopping.** {TRIALS:,} trials a cell: promotions with all test examples; when one stops at any "
        "of the looks that passes by itself; with `stop_early`, and the calls that it saves; and the same at the "
        "level of the second use of an alias. Of challengers that are no better, `stop_early` promotes at most "
        f"{percent(highest)}."
    )
    head = ["examples", "true gain", "differ", "all examples", "stop at will", "`stop_early`", "saved", "second use"]
    yield table(head, rows)


def in_groups(rng: np.random.Generator) -> Iterator[str]:
    rows = []
    for n, size in ((150, 5), (500, 5), (500, 10)):
        for tie in (0.3, 1.0):
            sizes = equal_sizes(n, size)
            places = plan_looks(sizes.tolist())
            looks = [ProofLook(examples=end, of=n, ends=places) for end in places]
            cells = []
            for gain, differ in ((0.0, 0.15), (0.10, 0.25)):
                samples = differences(rng, sizes, tie, gain, differ=differ)
                chances = []
                for look in looks:
                    number = look.examples // size
                    sums = group_sums(samples[:, : look.examples], sizes[:number])
                    low, high, two_sided = group_bounds(sums, sizes[:number].astype(float))
                    chances.append(np.where(low + high > 0, two_sided / 2, 1 - two_sided / 2))
                passed, share = stopped(looks, np.stack(chances, axis=1))
                whole = float((chances[-1] <= LEVEL).mean())
                cells += [percent(whole), percent(float(passed.mean())), percent(1 - float(share.mean()), 0)]
            rows.append([f"{n}, {size}", f"{tie:g}", *cells])
    yield "**Early stopping in groups**, which stay whole. No true gain, then a true gain of 0.10."
    head = [
        "examples, size",
        "tie",
        "all",
        "`stop_early`",
        "saved",
        "all, +0.10",
        "`stop_early`, +0.10",
        "saved, +0.10",
    ]
    yield table(head, rows)


def non_inferior(rng: np.random.Generator) -> Iterator[str]:
    rows = []
    for margin in (0.02, 0.05):
        for differ in (0.05, 0.15):
            for n in (150, 500, 1000):
                shares = []
                for gain in (-margin, -margin / 2, 0.0, margin):
                    counts = wins_and_losses(rng, n, max(differ, abs(gain)), gain, TRIALS)
                    shares.append(float((ends(n, counts, 1 - 2 * LEVEL * NON_INFERIOR_SHARE)[0] > -margin).mean()))
                rows.append([f"{margin:g}", f"{differ:.0%}", str(n), *(percent(share) for share in shares)])
    yield (
        f"**Not worse by more than a margin.** {TRIALS:,} trials a cell, a challenger that is shorter. Where it "
        "is worse by the margin, each promotion is wrong."
    )
    head = ["margin", "differ", "examples", "worse by the margin", "worse by half of it", "as good", "better by it"]
    yield table(head, rows)


def study() -> Iterator[str]:
    for seed, part in enumerate((early, in_groups, non_inferior)):
        yield from part(np.random.default_rng(seed))
