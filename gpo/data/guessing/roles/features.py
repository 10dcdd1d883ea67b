"""Whether a table holds what was measured of things, in numbers and a few words, and no text to be asked about."""

from collections.abc import Iterable

from gpo.data.guessing.columns import Column
from gpo.data.guessing.roles.names import is_id, is_usual_input

FEATURES = 4
"""Columns of numbers, or of few values, from which on they are what was measured."""

_SENTENCE = 6
"""Words. Names of people and things have fewer."""


def are_features(columns: Iterable[Column]) -> bool:
    """Whether columns are measurements: several of few values, none of sentences, none with the name of an input."""
    own = [each for each in columns if each.present and not (each.is_row_number or each.is_constant)]
    measured = [each for each in own if (each.is_number or each.is_label_like) and not is_id(each.name)]
    others = [each for each in own if each not in measured]
    return len(measured) >= FEATURES and not any(map(_is_asked_about, others))


def _is_asked_about(column: Column) -> bool:
    """Whether a column may be what a question is about: sentences, conversations, lists, or so named."""
    if not column.is_text or is_usual_input(column.name):
        return True
    words = sorted(len(str(value).split()) for value in column.present)
    return words[len(words) // 2] >= _SENTENCE
