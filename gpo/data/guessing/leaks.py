"""Fields that give the right answer away: with one of them as input, a prompt would only have to copy."""

import re
from collections.abc import Sequence

from gpo.data.guessing.columns import LABEL_LENGTH, Column

_FEW = 4
"""Rows for each value, at least: fewer may agree by chance."""

_MOST_LABELS = 12
_MOSTLY, _SELDOM = 0.9, 0.1
_SHORTEST = 2


def leak_of(column: Column, reference: Column) -> str:
    """How a column gives the right answer away; empty where it does not."""
    if not reference.is_text:
        return ""
    pairs = [(one, other) for one, other in zip(column.keys, reference.keys, strict=True) if one and other]
    if _determines(pairs, column.distinct, _most_values(column, reference, len(pairs))):
        return f"tells the value of `{reference.name}`: each of its {column.distinct} values goes with one answer"
    swapped = [(other, one) for one, other in pairs]
    if column.distinct > 1 and _determines(swapped, reference.distinct, len(pairs) // _FEW):
        return f"follows from `{reference.name}`: each answer goes with one of its {column.distinct} values"
    if _names_answer(column, reference):
        return f"names the answer: nearly every text holds its own row's `{reference.name}`, and no other"
    return ""


def _most_values(column: Column, reference: Column, rows: int) -> int:
    """How many values a column that determines the answer may have: long texts are questions, unless they are few."""
    return min(2 * reference.distinct, rows // _FEW) if column.is_wordy else rows // _FEW


def _determines(pairs: Sequence[tuple[str, str]], distinct: int, most: int) -> bool:
    """Whether each of a few different first values goes with one second value only."""
    if not 1 < distinct <= most:
        return False
    found: dict[str, str] = {}
    return all(found.setdefault(one, other) == other for one, other in pairs)


def _names_answer(column: Column, reference: Column) -> bool:
    labels = [label for label in reference.counts if _SHORTEST <= len(label) <= LABEL_LENGTH]
    if not column.is_text or not 1 < reference.distinct <= _MOST_LABELS or len(labels) != reference.distinct:
        return False
    if reference.distinct * _FEW > len(reference.present):
        return False
    patterns = {label: re.compile(rf"(?<!\w){re.escape(label)}(?!\w)") for label in labels}
    own = foreign = count = 0
    for text, answer in zip(column.keys, reference.keys, strict=True):
        if text and answer:
            count += 1
            own += bool(patterns[answer].search(text))
            foreign += any(patterns[label].search(text) for label in labels if label != answer and label not in answer)
    return own >= _MOSTLY * count and foreign <= _SELDOM * count
