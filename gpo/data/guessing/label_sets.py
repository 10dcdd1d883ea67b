"""Columns whose values are sets of labels: lists, or labels with a mark between them."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gpo.data.guessing.columns import LABEL_LENGTH, Column
from gpo.data.guessing.roles.names import words_of
from gpo.data.identity import normal_form, visible_form
from gpo.data.sources.files import Number
from gpo.scoring.read_list import items_of
from gpo.template import variables_in

MOST_LABELS = 40
_ROWS_PER_LABEL = 4
_WORDS = 4
_FEWEST_SEVERAL = 0.05
"""Share of the rows that have several labels; with fewer, a mark stands in a label by chance."""
_MARKS = (";", "|", ",")
_OTHER_MARKS = ("><", "#", "/", "+", "&", "\n", "][")
_ALTERNATIVES = frozenset(
    {"answers", "references", "aliases", "accepted", "acceptable", "variants", "votes", "annotators", "outputs"}
)
"""Names of lists of which any one item is right."""


class LabelSets(NamedTuple):
    """The labels of a column, the most frequent first; `between` is the mark between two, None for lists."""

    labels: tuple[str, ...]
    between: str | None
    may_be_empty: bool


def find_label_sets(column: Column) -> LabelSets | None:
    """The sets of labels that a column holds; None where it holds something else.

    Labels come again and again in different sets: a list of which every item is new is no set of labels.
    """
    if not _ALTERNATIVES.isdisjoint(words_of(column.name)):
        return None
    if column.is_list:
        return None if are_runs(column) else _checked(column, [list(value) for value in column.present], None)
    texts = [value for value in column.present if type(value) is str]
    if len(texts) < len(column.present):
        return None
    if all(text.strip().startswith("[") for text in texts):
        return _checked(column, [list(items_of(text)) for text in texts], None)
    for mark in _MARKS:
        if found := _checked(column, [text.split(mark) for text in texts], mark):
            return found
    return None


def joined_otherwise(column: Column) -> str | None:
    """A value with several labels that stand together in a way that no answer is read by; None where there is none."""
    texts = [value.strip() for value in column.present if type(value) is str]
    if not column.is_text or len(texts) < len(column.present):
        return None
    for mark in _OTHER_MARKS:
        sets = [[part.strip("<>[] ") for part in text.split(mark)] for text in texts]
        if _checked(column, sets, mark):
            return next(text for text in texts if mark in text)
    return None


def _checked(column: Column, sets: Sequence[Sequence[object]], between: str | None) -> LabelSets | None:
    several = sum(len(each) > 1 for each in sets)
    if several < max(2, _FEWEST_SEVERAL * len(sets)):
        return None
    items = [[item.strip() if isinstance(item, str) else "" for item in each] for each in sets]
    if not all(_is_label(item) for each in items for item in each):
        return None
    keys = [[normal_form(item) for item in each] for each in items]
    counts = Counter(key for each in keys for key in each)
    if (
        any(len(set(each)) < len(each) for each in keys)
        or not 2 <= len(counts) <= min(MOST_LABELS, sum(counts.values()) // _ROWS_PER_LABEL)
        or len(counts) > len({frozenset(each) for each in keys})
    ):
        return None
    spelled: dict[str, str] = {}
    for each in items:
        for item in each:
            spelled.setdefault(normal_form(item), visible_form(item))
    ordered = sorted(counts, key=lambda key: (-counts[key], key))
    may_be_empty = column.empty_lists > 0 or not all(items)
    return LabelSets(tuple(spelled[key] for key in ordered), between, may_be_empty)


def are_runs(column: Column) -> bool:
    """Whether most lists are places that follow each other, as those of a span's characters."""
    runs = 0
    for value in column.present:
        places = [int(item) for item in value if isinstance(item, Number) and item.isdigit()]
        runs += len(places) == len(value) > 2 and places == [*range(places[0], places[0] + len(places))]
    return runs > len(column.present) / 2


def _is_label(text: str) -> bool:
    is_short = 0 < len(text) <= LABEL_LENGTH and len(text.split()) <= _WORDS
    return is_short and not text.startswith("[") and not variables_in(text)


def are_flags(column: Column) -> bool:
    """Whether lists say of each of several labels whether it applies, as [1, 0, 0]: no item is an answer by itself."""
    lengths = {len(value) for value in column.present}
    return (
        len(lengths) == 1 and max(lengths) > 1 and {str(item) for each in column.present for item in each} == {"0", "1"}
    )


def count_in_sets(found: LabelSets, column: Column) -> dict[str, int]:
    """How often each label is there."""
    by_key = {normal_form(label): label for label in found.labels}
    counts = dict.fromkeys(found.labels, 0)
    for value in column.present:
        for item in _items(value, found.between):
            if label := by_key.get(normal_form(str(item))):
                counts[label] += 1
    return counts


def _items(value: object, between: str | None) -> Sequence[object]:
    if isinstance(value, list):
        return value
    return items_of(str(value)) if between is None else str(value).split(between)
