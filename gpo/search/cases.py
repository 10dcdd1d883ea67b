"""The cases of a proposal: a small batch of training examples with the answers that the current prompt got.

In the method's analogy a batch is the minibatch of a gradient. A proposal may be shown its own batch, and is tried on
it before it is scored on the dev split (`screen.py`). Half of a batch are failures, where there are as many: what
already succeeds tells little of what to change, and nothing can be won on it, but it tells what must not be lost.
"""

import random
from collections.abc import Mapping, Sequence

from gpo.records import Example, Record, Sample


class TrainingCase(Record):
    """One training example, and what the current prompt's answer to it was."""

    example: Example
    sample: Sample

    @property
    def is_failure(self) -> bool:
        """Whether the answer had less than the full score."""
        return self.sample.value < 1.0


Batch = tuple[TrainingCase, ...]


def choose_fresh(
    train: Sequence[Example], known: Mapping[str, float], wanted: int, rng: random.Random
) -> list[Example]:
    """Up to `wanted` training examples that the current prompt was not tried on yet; `rng` is that of the prompt.

    Its order is the same at every step, so that a prompt that stays current is tried on all of them in turn.
    """
    order = list(train)
    rng.shuffle(order)
    return [example for example in order if example.id not in known][:wanted]


def lacks_failures(known: Mapping[str, float], batches: int, size: int) -> bool:
    """Whether so many batches of `size` cases need more failures than the current prompt is known to have.

    >>> lacks_failures({}, 4, 4), lacks_failures({str(number): 0.0 for number in range(8)}, 4, 4)
    (True, False)
    """
    return sum(value < 1.0 for value in known.values()) < batches * max(1, size // 2)


def deal_batches(cases: Sequence[TrainingCase], batches: int, size: int, rng: random.Random) -> tuple[Batch, ...]:
    """As many batches of `size` cases, half of them failures where there are as many, the others cases that passed.

    Cases are dealt in turn, so that two batches share one only where there are too few.
    """
    failed = _Deck([case for case in cases if case.is_failure], rng)
    passed = _Deck([case for case in cases if not case.is_failure], rng)
    most = min(size, len(cases))
    found: list[Batch] = []
    for _ in range(batches):
        wrong = min(len(failed.cards), max(1, most // 2, most - len(passed.cards)), most)
        batch = [*failed.deal(wrong), *passed.deal(most - wrong)]
        rng.shuffle(batch)
        found.append(tuple(batch))
    return tuple(found)


class _Deck:
    """Cards in a drawn order, dealt from the top; a card that was dealt goes below the others."""

    def __init__(self, cards: Sequence[TrainingCase], rng: random.Random) -> None:
        self.cards = list(cards)
        rng.shuffle(self.cards)

    def deal(self, count: int) -> list[TrainingCase]:
        dealt, self.cards = self.cards[:count], [*self.cards[count:], *self.cards[:count]]
        return dealt
