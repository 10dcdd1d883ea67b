"""Multiple-choice questions: which fields hold the options, and how the right answer names one of them."""

import re
import string
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gpo.data.guessing.columns import Column
from gpo.data.guessing.roles.names import is_like_answer, words_of
from gpo.data.guessing.values import key_of, letters_of

_MOST_OPTIONS = 12
_MOSTLY = 0.9
_NAMED = re.compile(
    r"(?P<prefix>(?:(?:options?|choices?|answers?|endings?|opt?|candidates?|alternatives?|sol|mc|antwort|auswahl|"
    r"r[ée]ponse|choix|opci[óo]n|respuesta|opç[ãa]o|opcao|alternativa|resposta|risposta|opzione|optie|antwoord|svar|"
    r"odpowied[źz]|opcja|вариант|ответ|选项|選択肢)[ _.-]?)?)"
    r"(?P<mark>[a-lа-з]|\d{1,2})",  # noqa: RUF001 - Cyrillic is meant
    re.IGNORECASE,
)
_CYRILLIC = "абвгдежз"
_LISTS = frozenset({"choices", "options", "endings", "candidates", "alternatives", "choice", "mc"})


class Options(NamedTuple):
    """The fields that hold the options, in their order, and how many there are at most.

    Several fields hold one option each; one field holds all of them. `labels` are those that the rows bring along.
    """

    fields: tuple[str, ...]
    most: int
    labels: tuple[str, ...] = ()


def find_options(columns: Mapping[str, Column]) -> Options | None:
    """The options of a multiple-choice question, by names of fields and what they hold; None where there are none."""
    for column in columns.values():
        if (found := _of_one_field(column)) is not None:
            return found
    return _of_several_fields(columns)


def _of_one_field(column: Column) -> Options | None:
    """A list of texts, texts by their labels, or labels and texts side by side, in every row."""
    # What a person ticked of the options is an answer.
    if not column.is_filled or _LISTS.isdisjoint(words_of(column.name)) or is_like_answer(column.name):
        return None
    rows = [_labels_and_count(value) for value in column.present]
    most = max((count for _, count in rows), default=0)
    if not 2 <= most <= _MOST_OPTIONS or any(count < 1 for _, count in rows):
        return None
    labels = dict.fromkeys(label for found, _ in rows for label in found)
    return Options((column.name,), most, tuple(sorted(labels)) if len(labels) <= 2 * _MOST_OPTIONS else ())


def _labels_and_count(value: object) -> tuple[Sequence[str], int]:
    """The labels that a value brings along, and how many options it holds; 0 where it holds none."""
    if isinstance(value, list) and all(isinstance(item, str | bool) for item in value):
        return (), len(value)
    if isinstance(value, list) and all(
        isinstance(item, Mapping) and {"label", "text"} <= item.keys() for item in value
    ):
        return [str(item["label"]) for item in value], len(value)
    if isinstance(value, Mapping):
        labels, texts = value.get("label"), value.get("text")
        if isinstance(labels, list) and isinstance(texts, list):
            return [str(label) for label in labels], len(texts)
        if all(isinstance(text, str | bool) for text in value.values()):
            return [str(label) for label in value], len(value)
    return (), 0


def _of_several_fields(columns: Mapping[str, Column]) -> Options | None:
    """Fields such as A, B, C, D, or option1, option2: one prefix, and marks that follow each other."""
    groups: dict[str, dict[int, str]] = {}
    for name, column in columns.items():
        match = _NAMED.fullmatch(name.strip())
        if match and column.is_text and (match["prefix"] or not match["mark"].isdigit()):
            mark = match["mark"].lower()
            place = int(mark) if mark.isdigit() else _place_of(mark)
            groups.setdefault(match["prefix"].lower(), {})[place] = name
    for places in groups.values():
        first = min(places)
        if len(places) > 1 and first <= 1 and sorted(places) == list(range(first, first + len(places))):
            return Options(tuple(places[place] for place in sorted(places)), len(places))
    return None


def _place_of(letter: str) -> int:
    return next(letters.index(letter) for letters in (string.ascii_lowercase, _CYRILLIC) if letter in letters)


def option_labels(options: Options, reference: Column, columns: Mapping[str, Column]) -> tuple[str, ...] | None:
    """The labels of the options in their order, as the right answers name them.

    Empty where right answers are the texts of options; None where they are neither.
    """
    answers = {str(value).strip() for value in reference.present if isinstance(value, str | bool)}
    if not answers or not reference.is_text:
        return None
    answers = set(letters_of(sorted(answers))) or answers
    letters = string.ascii_uppercase[: options.most]
    for labels in (
        options.labels,
        options.fields if len(options.fields) > 1 else (),
        tuple(letters),
        tuple(letters.lower()),
        tuple(f"({letter})" for letter in letters),
        tuple(str(place) for place in range(options.most)),
        tuple(str(place + 1) for place in range(options.most)),
    ):
        if labels and answers <= set(labels):
            return tuple(labels)
    return () if _are_texts(options, reference, columns) else None


def labelled_reference(options: Options, chosen: Column, columns: Mapping[str, Column]) -> str | None:
    """The field that names the right option by its label, where the chosen one has its text; None if there is none.

    A label is sure to be read from an answer, and a text of several words is not.
    """
    if option_labels(options, chosen, columns) != ():
        return None
    for name, column in columns.items():
        labels = None if name in (chosen.name, *options.fields) else option_labels(options, column, columns)
        if not labels or column.missing:
            continue
        texts = [_texts_of_row(options, columns, place) for place in range(len(column.values))]
        own = [
            row[labels.index(str(value).strip())] if value else ""
            for row, value in zip(texts, column.values, strict=True)
        ]
        if own == list(chosen.keys):
            return name
    return None


def _texts_of_row(options: Options, columns: Mapping[str, Column], place: int) -> list[str]:
    """The options of a row as keys, as many as there are at most."""
    found = [key_of(text) for field in options.fields for text in _texts(columns[field].values[place])]
    return found + [""] * (options.most - len(found))


def _are_texts(options: Options, reference: Column, columns: Mapping[str, Column]) -> bool:
    """Whether most right answers are the text of one of their row's options."""
    found = 0
    for place, answer in enumerate(reference.keys):
        found += bool(answer) and answer in _texts_of_row(options, columns, place)
    return found >= _MOSTLY * len(reference.present)


def _texts(value: object) -> Sequence[object]:
    if isinstance(value, list):
        return [item["text"] if isinstance(item, Mapping) else item for item in value]
    if isinstance(value, Mapping):
        texts = value.get("text")
        return texts if isinstance(texts, list) else list(value.values())
    return [value]
