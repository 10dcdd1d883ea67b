"""Word edit distance, the schedule of the word budget, and projection of a proposal onto the budget.

The budget is GPO's learning rate (Tang et al., arXiv 2402.17564, section 3): how many words of the current prompt one
step may change. The paper asks the optimizer model to keep to it; here the distance is measured, and a proposal that
goes too far is brought back by keeping only some of its edits.

A word is a run of characters without whitespace.
"""

import random
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from gpo.records import Record

PartKind = Literal["same", "removed", "added"]

_WORD_WITH_GAP = re.compile(r"(\s*)(\S+)")


class DiffPart(Record):
    """Adjacent words of one kind, joined by single spaces."""

    kind: PartKind
    text: str


class _Word(NamedTuple):
    gap: str
    """The whitespace before the word."""
    text: str


class _Edit(NamedTuple):
    """One column of an alignment: a kept word (`same`), a substitution, a removal (no `new`) or an addition."""

    old: _Word | None
    new: _Word | None

    @property
    def same(self) -> bool:
        return self.old is not None and self.new is not None and self.old.text == self.new.text


def split_words(text: str) -> list[str]:
    r"""The words of `text`.

    >>> split_words("Think  step\nby step.")
    ['Think', 'step', 'by', 'step.']
    """
    return text.split()


def word_distance(a: str, b: str) -> int:
    """Fewest words to insert, delete or substitute to make `b` from `a` (Levenshtein); whitespace does not count.

    >>> word_distance("Answer the question now.", "Answer the hard question briefly.")
    2
    """
    old, new = split_words(a), split_words(b)
    return _Distances(old, new).between(len(old), len(new))


def project(current: str, proposal: str, budget: int | None, rng: random.Random) -> str:
    """The proposal, held to at most `budget` words from `current`.

    A proposal within the budget (or with budget None) comes back as it is. Of one beyond it, whole runs of
    neighbouring edits are kept in an order drawn from `rng` while they fit, and then the beginning of one more run, so
    that what is kept still reads as a sentence. Kept words bring the line breaks before them; other gaps become one
    space.

    Raises:
        ValueError: `budget` is negative.

    >>> project("Answer the question now.", "You are a teacher. Answer the question with care.", 2, random.Random(0))
    'Answer the question with care.'
    """
    if budget is not None and budget < 0:
        raise ValueError(f"a word budget cannot be negative, received {budget}")
    if budget is None or word_distance(current, proposal) <= budget:
        return proposal
    if budget == 0:
        return current
    edits = _alignment(_words_with_gaps(current), _words_with_gaps(proposal))
    kept = _choose(edits, budget, rng)
    return _joined(
        word
        for number, edit in enumerate(edits)
        if (word := edit.new if number in kept and not edit.same else edit.old) is not None
    )


def word_difference(a: str, b: str) -> tuple[DiffPart, ...]:
    """What changed from `a` to `b`, in reading order; in each place the removed words come before the added ones.

    >>> [(part.kind, part.text) for part in word_difference("Answer the question.", "Answer each question.")]
    [('same', 'Answer'), ('removed', 'the'), ('added', 'each'), ('same', 'question.')]
    """
    parts = []
    edits = _alignment(_words_with_gaps(a), _words_with_gaps(b))
    for same, run in groupby(edits, key=lambda edit: edit.same):
        columns = list(run)
        old = " ".join(edit.old.text for edit in columns if edit.old is not None)
        new = " ".join(edit.new.text for edit in columns if edit.new is not None)
        sides: tuple[tuple[PartKind, str], ...] = (("same", new),) if same else (("removed", old), ("added", new))
        parts += [DiffPart(kind=kind, text=text) for kind, text in sides if text]
    return tuple(parts)


def _words_with_gaps(text: str) -> list[_Word]:
    return [_Word(gap, word) for gap, word in _WORD_WITH_GAP.findall(text.rstrip())]


class _Distances:
    """The table of the distances between the first i words of `a` and the first j words of `b`.

    A column of the table is kept as two integers, whose bit i tells whether the distance goes up or down by one from
    row i to row i + 1. All of a column follows from the one before it in a few operations on these integers (Hyyro, "A
    bit-vector algorithm for computing Levenshtein and Damerau edit distances", 2003): 500 words against 500 take about
    a millisecond, a hundredth of what a loop over the cells takes.
    """

    def __init__(self, a: Sequence[str], b: Sequence[str]) -> None:
        everywhere = (1 << len(a)) - 1
        places: dict[str, int] = {}
        for i, word in enumerate(a):
            places[word] = places.get(word, 0) | 1 << i
        up, down = everywhere, 0
        self._columns = [(up, down)]
        for word in b:
            equal = places.get(word, 0)
            # Where a cell is no larger than its neighbour one row above and one column to the left.
            level = (((equal & up) + up) ^ up) | equal | down
            # Where the distance goes up or down by one from the last column to this one, in row i + 1.
            rises = (down | ~(level | up)) << 1 | 1
            falls = (up & level) << 1
            up, down = (falls | ~(level | rises)) & everywhere, rises & level & everywhere
            self._columns.append((up, down))

    def between(self, i: int, j: int) -> int:
        """Distance of the first i words of `a` to the first j of `b`."""
        up, down = self._columns[j]
        above = (1 << i) - 1
        return j + (up & above).bit_count() - (down & above).bit_count()


def _alignment(a: Sequence[_Word], b: Sequence[_Word]) -> list[_Edit]:
    """A shortest way from `a` to `b`, as columns from left to right."""
    distance = _Distances([word.text for word in a], [word.text for word in b]).between
    edits = []
    i, j = len(a), len(b)
    while i or j:
        if i and j and a[i - 1].text == b[j - 1].text:
            i, j = i - 1, j - 1
            edits.append(_Edit(a[i], b[j]))
        # Going backwards, removals and additions are taken before substitutions. So a run begins with its
        # substitutions, and its beginning alone replaces words instead of putting new ones before the old.
        elif i and distance(i, j) == distance(i - 1, j) + 1:
            i -= 1
            edits.append(_Edit(a[i], None))
        elif j and distance(i, j) == distance(i, j - 1) + 1:
            j -= 1
            edits.append(_Edit(None, b[j]))
        else:
            i, j = i - 1, j - 1
            edits.append(_Edit(a[i], b[j]))
    return edits[::-1]


def _choose(edits: Sequence[_Edit], budget: int, rng: random.Random) -> set[int]:
    """Positions of the edits to keep, `budget` of them: whole runs first, then the beginning of one that is left."""
    runs = [
        [number for number, _ in run]
        for same, run in groupby(enumerate(edits), key=lambda numbered: numbered[1].same)
        if not same
    ]
    rng.shuffle(runs)
    kept: set[int] = set()
    left_over = []
    for run in runs:
        if len(kept) + len(run) <= budget:
            kept.update(run)
        else:
            left_over.append(run)
    # Every run that is left is longer than what remains of the budget, so one is enough to use it up.
    if left_over:
        kept.update(left_over[0][: budget - len(kept)])
    return kept


def _joined(words: Iterable[_Word]) -> str:
    return "".join((word.gap if "\n" in word.gap else " ") + word.text for word in words).strip()
