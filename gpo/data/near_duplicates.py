"""Inputs that are nearly equal and stand in two splits: reworded copies, which let a search learn its own test.

Texts are compared by their shingles of five characters (Broder 1997), of the normal form. MinHash with bands finds the
pairs that are worth a comparison, so that ten thousand examples take seconds. Texts with other numbers are other
questions: problems made from one pattern are no copies of each other.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from gpo.data.identity import normal_form
from gpo.formatting import shorten_value
from gpo.messages.message import shown_inputs
from gpo.records import Example, Split, Splits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAR = 0.8
"""Share of their shingles that two texts must have in common: nine words of ten, about, in a text of twenty."""

_LENGTH = 5
_MOST_SHINGLES = 300
_BANDS, _ROWS = 12, 5
_MOST_COMPARED = 20
_NUMBER = re.compile(r"\d+")
_ORDER: tuple[Split, ...] = ("test", "dev", "train")


class _Text(NamedTuple):
    split: Split
    example: Example
    shingles: "NDArray[np.uint64]"


def near_duplicates(splits: Splits) -> tuple[str, ...]:
    """What to tell of inputs that nearly equal one of another split, a line for each two splits that share such."""
    found: dict[tuple[Split, Split], list[tuple[Example, Example]]] = defaultdict(list)
    for later, earlier in _pairs(splits):
        found[later.split, earlier.split].append((earlier.example, later.example))
    return tuple(_told(*between, pairs) for between, pairs in found.items())


def _told(later: Split, earlier: Split, pairs: list[tuple[Example, Example]]) -> str:
    one, other = (shorten_value(" ".join(shown_inputs(example.inputs).values())) for example in pairs[0])
    are = "1 example of" if len(pairs) == 1 else f"{len(pairs)} examples of"
    return (
        f"{are} {later} nearly equal{'s' if len(pairs) == 1 else ''} one of {earlier}; the first: {other} and {one}; "
        "leave out one of the two, or name what they have in common as dataset.group"
    )


def _pairs(splits: Splits) -> Iterator[tuple[_Text, _Text]]:
    """Every text that nearly equals one of an earlier split, with the first such."""
    buckets: dict[tuple[object, ...], list[_Text]] = defaultdict(list)
    for split in _ORDER:
        own: list[tuple[tuple[object, ...], _Text]] = []
        for example in getattr(splits, split):
            text = "\n".join(map(normal_form, shown_inputs(example.inputs).values()))
            item = _Text(split, example, _shingles(text))
            keys = _keys(text, item.shingles)
            own += [(key, item) for key in keys]
            candidates = {id(each): each for key in keys for each in buckets[key][:_MOST_COMPARED]}
            near = (each for each in candidates.values() if _overlap(item, each) >= NEAR)
            if (first := next(near, None)) is not None:
                yield item, first
        for key, item in own:
            buckets[key].append(item)


def _shingles(text: str) -> "NDArray[np.uint64]":
    """The hashes of a text's shingles, sorted; of a long text the smallest, which are a fair sample."""
    import numpy as np  # noqa: PLC0415 - most commands need no arrays

    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    count = max(len(codes) - _LENGTH + 1, 1)
    hashes = np.zeros(count, dtype=np.uint64)
    for place in range(min(_LENGTH, len(codes))):
        hashes = hashes * np.uint64(0x100000001B3) + codes[place : place + count]
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (29, 0xC4CEB9FE1A85EC53)):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    # More than are kept, since some come several times.
    if count > 4 * _MOST_SHINGLES:
        hashes = np.partition(hashes, 2 * _MOST_SHINGLES)[: 2 * _MOST_SHINGLES]
    return np.unique(hashes)[:_MOST_SHINGLES]


def _keys(text: str, shingles: "NDArray[np.uint64]") -> list[tuple[object, ...]]:
    """The buckets of a text: nearly equal texts share one, most surely, and texts with other numbers share none."""
    factors, terms = _permutations()
    least = (factors * shingles + terms).min(axis=1)
    numbers = tuple(_NUMBER.findall(text))
    return [(band, numbers, part.tobytes()) for band, part in enumerate(least.reshape(_BANDS, _ROWS))]


@cache
def _permutations() -> "tuple[NDArray[np.uint64], NDArray[np.uint64]]":
    """Of the hashes: each is a multiplication by an odd number and an addition."""
    import numpy as np  # noqa: PLC0415 - as above

    factors, terms = np.random.default_rng(0).integers(1, 1 << 63, size=(2, _BANDS * _ROWS, 1), dtype=np.uint64)
    return factors | np.uint64(1), terms


def _overlap(one: _Text, other: _Text) -> float:
    """The share of the shingles of both that both have (Jaccard)."""
    import numpy as np  # noqa: PLC0415 - as above

    common = len(np.intersect1d(one.shingles, other.shingles, assume_unique=True))
    return common / (len(one.shingles) + len(other.shingles) - common)
