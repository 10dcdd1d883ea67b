"""Which candidates deserve more examples.

The rule is local: a candidate is compared only with the best prompt as it stood when the step began, on the same
examples. No candidate waits for another, so the race costs no concurrency.
"""

import math
from collections.abc import Sequence

from gpo.records import Example, Score
from gpo.words import split_words


def blocks(examples: Sequence[Example], first: int | None, growth: float = 2) -> list[Sequence[Example]]:
    """The examples in the order they are tried: a first block that decides, and blocks that grow after it.

    >>> [len(block) for block in blocks(list(range(100)), 16)]
    [16, 32, 52]
    >>> [len(block) for block in blocks(list(range(100)), 16, math.inf)]
    [16, 84]
    >>> [len(block) for block in blocks(list(range(100)), None)]
    [100]
    """
    if first is None:
        return [examples]
    found: list[Sequence[Example]] = []
    begin, size = 0, first
    while begin < len(examples):
        end = begin + size if begin + 2 * size < len(examples) else len(examples)
        found.append(examples[begin:end])
        begin, size = end, int(min(growth * size, len(examples)))
    return found


def stays(score: Score, incumbent: Score) -> bool:
    """Whether a candidate stays in the race: ahead of the incumbent on shared examples, or level in another way.

    Level on every single example, as prompts are that always get the same answer, is no reason to go on.

    >>> one = Score(values={"a": 1.0, "b": 0.0}, planned=4)
    >>> stays(one, Score(values={"a": 1.0, "b": 0.0, "c": 1.0}, planned=4))
    False
    >>> stays(one, Score(values={"a": 0.0, "b": 1.0, "c": 1.0}, planned=4))
    True
    """
    ours, theirs = values_on_shared(score, incumbent)
    return math.fsum(ours) >= math.fsum(theirs) and ours != theirs


def worth(score: float, instruction: str, length_penalty: float) -> float:
    """A score less what the words of its prompt cost, where a hundred of them cost the penalty.

    >>> worth(0.8, "word " * 50, 0.1)
    0.75
    """
    return round(score - length_penalty * len(split_words(instruction)) / 100, 9) if length_penalty else score


def is_ahead(score: Score, other: Score) -> bool:
    """Whether a score is the better one on the examples that both have: a call that failed decides nothing.

    A measure of the set, such as macro-F1, is that of these examples.

    >>> is_ahead(Score(values={"a": 1.0}, planned=2, failed=1), Score(values={"a": 1.0, "b": 0.0}, planned=2))
    False
    """
    if score.labels is not None and other.labels is not None:
        shared = score.values.keys() & other.values.keys()
        return score.mean_of(shared) > other.mean_of(shared)
    ours, theirs = values_on_shared(score, other)
    return math.fsum(ours) > math.fsum(theirs)


def values_on_shared(score: Score, other: Score) -> tuple[list[float], list[float]]:
    """The values of both on the examples that both have, in the same order.

    To be added up exactly (`fsum`): a plain sum takes the same values in another order for a little more or less.
    """
    shared = sorted(score.values.keys() & other.values.keys())
    return [score.values[key] for key in shared], [other.values[key] for key in shared]
