"""Which field is the right answer."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gpo.data.guessing.choices import Ask, Choices, ChoiceToMake, UndecidedError
from gpo.data.guessing.columns import Column
from gpo.data.guessing.label_sets import find_label_sets
from gpo.data.guessing.options import Options
from gpo.data.guessing.roles.features import FEATURES, are_features
from gpo.data.guessing.roles.names import (
    is_id,
    is_metadata,
    is_prediction,
    is_rater,
    is_rating,
    is_split,
    is_test_of_code,
    is_title,
    is_topic,
    is_usual_input,
    is_written,
    reference_rank,
    words_of,
)
from gpo.data.sources.paths import top_field
from gpo.template import INSTRUCTION

_SIDE = re.compile(r"(?P<what>.*[^\W\d])[ _.-]?[ab12]", re.IGNORECASE)
_SHOWN_FIELDS = 8
_INNER = ("answer", "text", "output", "content", "label", "value", "result", "spans")
_INNER_OF_ONE = ("value", "result", "choices")
"""Where a list always holds one object, as the annotations of one person, and the result that they come to."""
_CONTAINER_WORDS = frozenset({"vars", "variables", "metadata", "meta", "example", "data", "fields", "row", "context"})
_FEWEST_LABELLED = 20
"""Rows that a spec needs."""

_EXTRACTED = frozenset({"fields", "data"})
_STATES = frozenset({"accept", "reject", "ignore"})
_STATED = frozenset({"accept", "spans"})
"""What says whether a person accepted a row is no answer beside what they said of it."""


class Reference(NamedTuple):
    """The field with the right answer, and the others that it could be."""

    field: str
    others: tuple[str, ...] = ()


def find_reference(columns: Mapping[str, Column], options: Options | None, ask: Ask) -> Reference:
    """The field by its name, else an object, else the one with the fewest different values, all short.

    Raises:
        UndecidedError: none fits.
    """
    taken = options.fields if options else ()
    free = [column for name, column in columns.items() if name not in taken and top_field(name) not in taken]
    plain = [column for column in _able(free, columns) if not _is_part(column, columns)]
    ranked = sorted(
        (rank, place, column.name)
        for place, column in enumerate(plain)
        if (rank := reference_rank(column.name)) is not None
    )
    labels = [column for column in plain if column.is_label_like or find_label_sets(column)]
    labels = [column for column in labels if not column.is_address] or labels
    if ranked:
        return _by_name([name for _, _, name in ranked], columns, labels, ask)
    if len(queries := [column.name for column in plain if column.is_query]) == 1:
        return Reference(queries[0], _others(labels, queries[0]))
    objects = [column.name for column in plain if column.is_structured and not is_container(column.name)]
    objects = objects or _extracted(columns)
    if len(objects) == 1:
        return Reference(objects[0], _others(labels, objects[0]))
    if likely := _likely(labels):
        return _of_labels(likely, labels, columns, ask)
    asked = [column for column in plain if is_usual_input(column.name)]
    rest = [column for column in plain if column.is_text and column not in asked and not is_id(column.name)]
    if len(asked) == 1 and len(rest) == 1:
        return _of_two_texts(asked[0], rest[0], list(columns), ask)
    sides = pairs_of(columns)
    judged = [column for column in rest if column.is_number and not column.is_row_number]
    last = judged if len(sides) == len("ab") and len(judged) == 1 else []
    last = last or [column for column in plain if column.holds_records and not is_container(column.name)]
    if len(last) == 1:
        return Reference(last[0].name)
    raise _undecided_reference(columns, plain)


def _extracted(columns: Mapping[str, Column]) -> list[str]:
    """`fields` or `data` beside one text: what is to be read from it, and no container of the parts of a task."""
    top = [column for name, column in columns.items() if top_field(name) == name and column.present]
    texts = [column for column in top if column.is_wordy and not column.is_label_like]
    found = [column.name for column in top if column.is_structured and column.name.casefold() in _EXTRACTED]
    parts = [name for name in columns if found and name.startswith(f"{found[0]}.")]
    is_task = any(is_usual_input(name) for name in parts) or len(parts) < len("ab")
    others = [each for each in top if each.is_label_like and not is_id(each.name)]
    return found if len(texts) == len(found) == 1 and not is_task and not others else []


def _able(free: Sequence[Column], columns: Mapping[str, Column]) -> list[Column]:
    """The columns that may be the right answer; what a row came from or went through is the last of them."""
    able = [column for column in free if _can_be_reference(column)]
    able = [column for column in able if not is_prediction(column.name)] or able
    sides = pairs_of(columns)
    able = [column for column in able if column.name not in sides and not is_test_of_code(column.name)] or able
    able = [column for column in able if not _is_state(column, columns)] or able
    return [column for column in able if not (column.is_aside or is_split(column.name))] or able


def pairs_of(columns: Mapping[str, Column]) -> frozenset[str]:
    """Pairs of texts that stand beside each other, as `answer_a` and `answer_b`."""
    sides: dict[str, list[str]] = {}
    for name, column in columns.items():
        match = _SIDE.fullmatch(name.strip())
        if match and column.is_filled and not column.is_label_like and (column.is_wordy or column.holds_messages):
            sides.setdefault(match["what"].casefold(), []).append(name)
    return frozenset(name for pair in sides.values() if len(pair) == len("ab") for name in pair)


def _is_state(column: Column, columns: Mapping[str, Column]) -> bool:
    return not _STATED.isdisjoint(columns) and _STATES.issuperset(column.counts)


def _by_name(ranked: Sequence[str], columns: Mapping[str, Column], labels: Sequence[Column], ask: Ask) -> Reference:
    """The field whose name says the most; in doubt, a person says which."""
    best = _answer_within(ranked[0], columns)
    if is_title(best) and columns[best].is_wordy and (rated := [each for each in labels if is_rating(each.name)]):
        # A review has a title of its own, and stars.
        return _asked(rated[0].name, rated, ask)
    others = _likely([column for column in labels if column.name != best])
    if others and _is_only_text(columns[best], columns):
        # What people wrote, and how it was found.
        best = next((column.name for column in others if is_rating(column.name)), others[-1].name)
        return _asked(best, others, ask)._replace(others=_others(labels, best))
    written = [name for name in ranked if is_written(name) and columns[name].is_wordy]
    if is_topic(best) and written and INSTRUCTION in columns:
        return Reference(written[0], (best,))
    rivals = [column.name for column in labels if column.name != best and reference_rank(column.name) is not None]
    found = Reference(best, _others(labels, best)) if not rivals else _asked(best, labels, ask)
    first = words_of(found.field)[:1]
    alike = [name for name in ranked if name != found.field and words_of(name)[:1] == first and len(words_of(name)) > 1]
    return found._replace(others=tuple(dict.fromkeys([*found.others, *alike])))


def _is_only_text(column: Column, columns: Mapping[str, Column]) -> bool:
    """Whether a column of texts is the only one that a question can be."""
    others = (other for name, other in columns.items() if name != column.name and other.present)
    return column.is_wordy and all(
        other.is_label_like or other.is_number or other.is_constant or other.is_aside or is_id(other.name)
        for other in others
    )


def _likely(labels: Sequence[Column]) -> Sequence[Column]:
    own = [column for column in labels if not is_id(column.name) and not is_rater(column.name)]
    return [column for column in own if not is_metadata(column.name)] or own or labels


def _of_labels(
    likely: Sequence[Column], labels: Sequence[Column], columns: Mapping[str, Column], ask: Ask
) -> Reference:
    """Of columns of few values, of which no name says more than another, the one with the fewest: in doubt, as told."""
    fewest = min(column.distinct for column in likely)
    best = [column.name for column in likely if column.distinct == fewest][-1]
    if len(likely) == 1:
        return Reference(best, _others(labels, best))
    has_numbers = sum(column.is_number for column in likely) >= len("ab")
    if len(likely) < FEATURES or not (has_numbers or are_features(columns.values(), in_doubt=True)):
        return _asked(best, likely, ask)
    # A table of measurements: which of them is to be foretold, nothing in it says.
    names = tuple(column.name for column in likely)
    chosen = ask(ChoiceToMake("Which column is the right answer?", names, best, "--reference"))
    return Reference(chosen, _others(likely, chosen))


def _of_two_texts(asked: Column, other: Column, order: Sequence[str], ask: Ask) -> Reference:
    """Of two columns of texts, of which only one has a name that says something: the later, as most tables have it."""
    best, first = (other, asked) if order.index(asked.name) < order.index(other.name) else (asked, other)
    chosen = ask(ChoiceToMake("Which column is the right answer?", (best.name, first.name), best.name))
    return Reference(chosen, (first.name if chosen == best.name else best.name,))


def _can_be_reference(column: Column) -> bool:
    return (
        column.is_filled
        and column.distinct > 1
        and (not column.is_row_number or reference_rank(column.name) is not None)
        and not column.is_date
        and (column.is_text or column.is_list or column.is_structured or column.is_answer_like)
    )


def _is_part(column: Column, columns: Mapping[str, Column]) -> bool:
    """Whether a column is a field of an object that is itself one thing, such as what was extracted."""
    top = top_field(column.name)
    return top != column.name and top in columns and not is_container(top)


def is_container(name: str) -> bool:
    """Whether a field holds others, each with a part of its own."""
    return is_usual_input(name) or not _CONTAINER_WORDS.isdisjoint(words_of(name))


def _answer_within(name: str, columns: Mapping[str, Column]) -> str:
    """The field of an object that holds the answer, as `answers.text`; the column itself where it is no object."""
    whole = columns[name]
    of_one = _children(f"{name}[0].", columns) if whole.is_list else {}
    of_object = _children(f"{name}.", columns) if whole.is_structured else {}
    for inner, names in ((of_object, _INNER), (of_one, _INNER_OF_ONE)):
        told = [field for field, last in inner.items() if not is_id(last)]
        if len(inner) == 1 or (inner is of_one and len(told) == 1):
            return _answer_within(told[0] if told else next(iter(inner)), columns)
        if found := next((field for last in names for field in inner if inner[field] == last), None):
            return _answer_within(found, columns)
    return name


def _children(prefix: str, columns: Mapping[str, Column]) -> dict[str, str]:
    """The fields of one object, and what each is called in it."""
    found = {name: name.removeprefix(prefix) for name, column in columns.items() if column.is_filled}
    return {name: last for name, last in found.items() if name.startswith(prefix) and "." not in last}


def _others(labels: Iterable[Column], best: str) -> tuple[str, ...]:
    return tuple(
        column.name for column in labels if column.name != best and not is_id(column.name) and not column.is_wordy
    )


def _asked(best: str, likely: Sequence[Column], ask: Ask) -> Reference:
    names = tuple(dict.fromkeys([best, *(column.name for column in likely)]))
    chosen = ask(ChoiceToMake("Which column is the right answer?", names, best))
    return Reference(chosen, _others(likely, chosen))


def _undecided_reference(columns: Mapping[str, Column], plain: Sequence[Column]) -> UndecidedError:
    dates = [column for column in columns.values() if column.is_date and column.is_filled and column.distinct > 1]
    dates = [column for column in dates if not column.is_aside] or dates
    texts = [column.name for column in plain if column.is_text and not is_id(column.name)]
    texts = [name for name in texts if not is_test_of_code(name)]
    texts = [name for name in texts if not is_metadata(name)] if len(texts) > len("io") else texts
    texts += [column.name for column in dates] if len(texts) == 1 else []
    asked = [name for name in texts if is_usual_input(name)] or [name for name in texts if columns[name].is_wordy][:1]
    measured = not asked and are_features(columns.values(), in_doubt=True)
    asked = asked or texts[:1]
    rest = [name for name in texts if name not in asked] or texts[-1:]
    asked = [name for name in asked if name != rest[-1]]
    choices = Choices(input=() if measured else tuple(asked), reference=rest[-1]) if asked and rest else None
    if choices is None:
        # Labels of a part of the rows are labels all the same, if a person says so.
        partly = [name for name, column in columns.items() if not column.is_filled and column.is_label_like]
        partly = [name for name in partly if len(columns[name].present) >= _FEWEST_LABELLED]
        choices = Choices(reference=partly[0]) if len(partly) == 1 else None
    return UndecidedError(
        f"cannot tell which field holds the right answer, which differs from row to row; {shown_fields(columns)}",
        choices,
    )


def shown_fields(columns: Mapping[str, Column]) -> str:
    """What to say of the fields that there are: how much of each is missing, and which say the same in every row."""
    shown = []
    for column in columns.values():
        if not column.is_filled:
            shown.append(f"{column.shown()} (missing in {column.missing} of {len(column.values)} rows)")
        else:
            shown.append(column.shown())
    more = f" and {len(shown) - _SHOWN_FIELDS} more" if len(shown) > _SHOWN_FIELDS else ""
    return f"fields: {', '.join(shown[:_SHOWN_FIELDS])}{more}" if shown else "no row has a field"
