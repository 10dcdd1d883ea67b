"""Whether a table holds what was measured of things, in numbers and a few words, and no text to be asked about."""

from collections.abc import Iterable

from gpo.data.guessing.columns import Column
from gpo.data.guessing.roles.names import is_id, is_name_of_thing, is_usual_input

FEATURES = 4
"""Columns of numbers, or of few values, from which on they are what was measured."""

_PHRASE, _SENTENCE = 2, 6
"""Words. Headlines and names of things have fewer than a sentence; only what the column is called tells them apart."""


def are_features(columns: Iterable[Column], *, in_doubt: bool = False) -> bool:
    """Whether columns are measurements: several of few values, none of texts to be asked about.

    `in_doubt`: where a phrase may be what is asked about, or the name of a thing, they may be as well.
    """
    own = [each for each in columns if each.present and not (each.is_row_number or each.is_constant)]
    measured = measurements_among(own)
    others = [each for each in own if each not in measured]
    telling = [each for each in others if not (in_doubt and is_phrase(each))]
    return len(measured) >= FEATURES and not any(map(_is_asked_about, telling))


def measurements_among(columns: Iterable[Column]) -> list[Column]:
    """The columns of numbers, or of few values."""
    return [each for each in columns if (each.is_number or each.is_label_like) and not is_id(each.name)]


def is_phrase(column: Column) -> bool:
    """Whether short texts differ from row to row, as headlines do, and names of things; no name says what they are."""
    if not column.is_text or column.is_label_like or is_usual_input(column.name):
        return False
    return _PHRASE <= _usual_length(column) < _SENTENCE


def _is_asked_about(column: Column) -> bool:
    """Whether a column may be what a question is about: texts that are no names, conversations, lists, or so named."""
    if not column.is_text or is_usual_input(column.name):
        return True
    if is_phrase(column):
        return not (column.is_date or is_name_of_thing(column.name))
    return _usual_length(column) >= _SENTENCE


def _usual_length(column: Column) -> int:
    """The median number of words with a letter in them."""
    words = sorted(sum(any(map(str.isalpha, word)) for word in str(value).split()) for value in column.present)
    return words[len(words) // 2]
