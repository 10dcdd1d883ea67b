"""Does a text give examples away? A proposed instruction may not repeat an example, openly or in disguise.

Texts are compared in a normal form without case, punctuation, marks, invisible characters, widths and look-alike
letters. Three things are a leak: a run of eight words of a guarded text, or a shorter text of at least four words
whole; the same letters in a row with other borders between the words, or none; and most words of a stretch of twelve,
in their order, with other words in between.

What many examples share is no copy of one of them: the question that each of them ends with, or a frame around them.

A character of a script without spaces is less than a word, and counts as half of one or, of an alphabet, a quarter.
"""

import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from rapidfuzz.distance import LCSseq

from gpo.words import compared_words, is_character

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUN = 8
"""Words in a row that a text may not share with a guarded one."""

SHORTEST = 4
"""Words of a guarded text from which on it counts whole."""

STRETCH = 12
"""Words of a guarded text of which most may not stand in a text in their order."""

MANY, MANY_SHARE = 3, 0.1
"""What so many examples say, at least 3 and a tenth of all, is a frame around them."""

_FEWEST = 6
"""Words from which on a shorter text counts as a stretch."""

_SHARE = 0.9
_SPREAD = 2
"""So many times as long as the stretch may the place be where its words stand."""

_LETTERS = 16
"""Letters that a run needs to be known without borders between its words."""

_LOOK_ALIKES = {
    "a": "\u0430\u03b1\u0251\u1d00",
    "b": "\u0432\u044c\u03b2\u0185\u0299",
    "c": "\u0441\u03f2\u1d04",
    "d": "\u0501\u0111\u1d05",
    "e": "\u0435\u0454\u03b5\u04bd\u1d07",
    "f": "\u0192\ua730",
    "g": "\u050d\u0261\u0581",
    "h": "\u04bb\u043d\u0570\u0127\u029c",
    "i": "\u0456\u03b9\u0131\u026a",
    "j": "\u0458\u03f3\u0575\u1d0a",
    "k": "\u043a\u03ba\u1d0b",
    "l": "\u04cf\u0142\u029f",
    "m": "\u043c\u1d0d",
    "n": "\u043f\u03b7\u0578\u0274",
    "o": "\u043e\u03bf\u03c3\u0585\u00f8\u0275\u1d0f",
    "p": "\u0440\u03c1\u1d18",
    "q": "\u051b\u0566",
    "r": "\u0433\u1d26\u0280",
    "s": "\u0455\ua731",
    "t": "\u0442\u03c4\u1d1b",
    "u": "\u03c5\u03bc\u057d\u1d1c",
    "v": "\u03bd\u0475\u1d20",
    "w": "\u051d\u03c9\u0461\u1d21",
    "x": "\u0445\u03c7\u04b3",
    "y": "\u0443\u04af\u04b1\u03b3\u028f",
    "z": "\u03b6\u1d22",
}
"""Cyrillic, Greek and other letters by the Latin letter that they look like, lower case."""

_TO_LATIN = str.maketrans({letter: latin for latin, letters in _LOOK_ALIKES.items() for letter in letters})


def leak_words(text: str) -> list[str]:
    """The words of a text in the normal form.

    >>> leak_words("Th\u00e9 qu\u0456ck-BR\u200bOWN_\uff46ox"), leak_words("\u2468 \u0e14\u0e35")
    (['the', 'quick', 'brown', 'fox'], ['9', '\u0e14\u0e35'])
    """
    if text.isascii():
        return compared_words(text, whole=False)
    parts = unicodedata.normalize("NFKD", text)
    # Vowel signs are marks too, of class 0: without them, other words would be equal.
    bare = "".join(each for each in parts if not unicodedata.combining(each))
    return compared_words(bare.casefold().translate(_TO_LATIN), whole=False)


def _weights(words: Sequence[str]) -> list[float]:
    if "".join(words).isascii():
        return [1.0] * len(words)
    return [1.0 if not is_character(word) else 0.5 if word[0] >= "\u2e80" else 0.25 for word in words]


class FreeRuns:
    """The runs of words that give nothing away: what certain texts say themselves, and what many examples share."""

    def __init__(self, allowed: Iterable[str] = (), examples: Sequence[Sequence[str]] = ()) -> None:
        """Free what `allowed` texts say, and what stands in many of the `examples`, each the texts of one."""
        self._runs: set[int] = set()
        self._begins: set[tuple[str, ...]] = set()
        for text in allowed:
            words = tuple(leak_words(text))
            for start, end in _runs(words):
                self._add(words[start:end])
        self._add_shared([[tuple(leak_words(text)) for text in texts] for texts in examples])

    def cover(self, words: tuple[str, ...]) -> list[bool]:
        """Which words are in a free run."""
        covered = [False] * len(words)
        starts = [each for each in range(len(words)) if words[each : each + 2] in self._begins]
        for start, end in _runs(words, starts) if starts else ():
            if hash(words[start:end]) in self._runs:
                covered[start:end] = [True] * (end - start)
        return covered

    def _add(self, run: tuple[str, ...]) -> None:
        self._runs.add(hash(run))
        self._begins.add(run[:2])

    def _add_shared(self, examples: Sequence[Sequence[tuple[str, ...]]]) -> None:
        many = max(MANY, len(examples) * MANY_SHARE)
        counts: Counter[tuple[str, ...]] = Counter()
        for texts in examples:
            counts.update({words[start:end] for words in texts for start, end in _whole_runs(words)})
        for run, count in counts.items():
            if count >= many:
                self._add(run)


class LeakGuard:
    """Knows guarded texts, and tells whether another text repeats one. Built once, as the texts do not change."""

    def __init__(self, guarded: Iterable[str], free: FreeRuns | None = None) -> None:
        """Guard texts, but for the runs that are `free`."""
        free = free or FreeRuns()
        self._runs: set[int] = set()
        self._joined: set[int] = set()
        self._lengths: dict[str, set[int]] = {}
        self._stretches = _Stretches()
        for words in {tuple(leak_words(text)) for text in guarded}:
            covered = free.cover(words)
            self._guard_runs(words, covered)
            self._stretches.add([word for word, is_free in zip(words, covered, strict=True) if not is_free])

    def finds(self, text: str) -> bool:
        """Whether a text repeats a guarded one."""
        words = tuple(leak_words(text))
        if not self._runs.isdisjoint([hash(words[start:end]) for start, end in _runs(words)]):
            return True
        return self._finds_joined("".join(words)) or self._stretches.stand_in(words)

    def _guard_runs(self, words: tuple[str, ...], covered: Sequence[bool]) -> None:
        places = _whole_runs(words)
        if any(covered):
            # What is left of a run beside free words must be worth a run itself.
            left = [
                0.0,
                *accumulate(0.0 if is_free else each for each, is_free in zip(_weights(words), covered, strict=True)),
            ]
            places = [(start, end) for start, end in places if left[end] - left[start] >= SHORTEST]
        self._runs.update(hash(words[start:end]) for start, end in places)
        letters, offsets = "".join(words), [0, *accumulate(map(len, words))]
        joined = [letters[offsets[start] : offsets[end]] for start, end in places]
        long = [each for each in joined if len(each) >= _LETTERS]
        self._joined.update(map(hash, long))
        for each in long:
            self._lengths.setdefault(each[:_LETTERS], set()).add(len(each))

    def _finds_joined(self, letters: str) -> bool:
        begins = [letters[start : start + _LETTERS] for start in range(len(letters) - _LETTERS + 1)]
        return any(
            hash(letters[start : start + length]) in self._joined
            for start, begin in enumerate(begins)
            if begin in self._lengths
            for length in self._lengths[begin]
        )


def _runs(words: Sequence[str], starts: Iterable[int] | None = None) -> list[tuple[int, int]]:
    """Places of all runs of `SHORTEST` words and more, up to the first that has `RUN`; or those from `starts` on."""
    total = [0.0, *accumulate(_weights(words))]
    starts = range(len(words)) if starts is None else starts
    if total[-1] == len(words):
        sizes = range(SHORTEST, RUN + 1)
        return [(start, start + size) for start in starts for size in sizes if start + size <= len(words)]
    found = []
    for start in starts:
        for end in range(start + 1, len(words) + 1):
            weight = total[end] - total[start]
            if weight >= SHORTEST:
                found.append((start, end))
            if weight >= RUN:
                break
    return found


def _whole_runs(words: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the runs of `RUN` words; of a shorter text the whole, if it has `SHORTEST` words."""
    total = [0.0, *accumulate(_weights(words))]
    if SHORTEST <= total[-1] < RUN:
        return [(0, len(words))]
    if total[-1] == len(words):
        return [(start, start + RUN) for start in range(len(words) - RUN + 1)]
    found, end = [], 0
    for start in range(len(words)):
        while end < len(words) and total[end] - total[start] < RUN:
            end += 1
        if total[end] - total[start] >= RUN:
            found.append((start, end))
    return found


class _Stretches:
    """Stretches of guarded texts, as numbers of words in one long row: thousands are looked through at once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._row: list[int] = []
        self._places: list[tuple[int, int]] = []
        self._arrays: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None = None

    def add(self, words: Sequence[str]) -> None:
        """Take in the words of a text."""
        total = [0.0, *accumulate(_weights(words))]
        if total[-1] < _FEWEST:
            return
        offset, start = len(self._row), 0
        # One each fourth part of a stretch, and the last one.
        last = bisect_left(total, max(0.0, total[-1] - STRETCH))
        while True:
            end = min(bisect_left(total, total[start] + STRETCH), len(words))
            self._places.append((offset + start, offset + end))
            if start >= last:
                break
            start = min(last, start + max(1, (end - start) // 4))
        self._row += [self._numbers.setdefault(word, len(self._numbers)) for word in words]
        self._arrays = None

    def stand_in(self, words: Sequence[str]) -> bool:
        """Whether most of a stretch stands in these words, in order and not too far apart."""
        import numpy as np  # noqa: PLC0415 - most commands read no proposals

        if not self._places:
            return False
        if self._arrays is None:
            places = np.asarray(self._places, dtype=np.int64)
            needed = np.ceil(_SHARE * (places[:, 1] - places[:, 0])).astype(np.int64)
            self._arrays = np.asarray(self._row, dtype=np.int64), places, needed
        row, places, needed = self._arrays
        said = [self._numbers.get(word, -1) for word in words]
        is_said = np.zeros(len(self._numbers) + 1, dtype=bool)
        is_said[said] = True
        is_said[-1] = False
        total = np.concatenate([[0], np.cumsum(is_said[row])])
        likely = np.flatnonzero(total[places[:, 1]] - total[places[:, 0]] >= needed)
        return any(
            _stands_in(self._row[places[place, 0] : places[place, 1]], said, int(needed[place])) for place in likely
        )


def _stands_in(stretch: Sequence[int], said: Sequence[int], needed: int) -> bool:
    """Whether so many words of a stretch stand in order in a part of a text that is not much longer."""
    if LCSseq.similarity(stretch, said) < needed:
        return False
    step = max(1, len(stretch) // 4)
    width = _SPREAD * len(stretch) + step
    starts = range(0, max(1, len(said) - width + step), step)
    return any(LCSseq.similarity(stretch, said[start : start + width]) >= needed for start in starts)
