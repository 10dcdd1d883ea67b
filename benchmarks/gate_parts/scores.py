"""Scores of two prompts as a study draws them: 0/1, marks of a judge, token F1, rare failures; singly."""

from collections.abc import Callable
from typing import Any

import numpy as np

TRIALS = 10_000
GRADED_TRIALS = 4_000

Array = np.ndarray[Any, np.dtype[np.float64]]
Counts = np.ndarray[Any, np.dtype[np.int64]]


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
