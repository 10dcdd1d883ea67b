"""Which field is the right answer, which are inputs, and why the others are neither."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from gpo.data.guessing.choices import Ask, Choices, ChoiceToMake, UndecidedError
from gpo.data.guessing.columns import Column, has_objects
from gpo.data.guessing.label_sets import find_label_sets
from gpo.data.guessing.leaks import leak_of
from gpo.data.guessing.names import (
    is_id,
    is_like_answer,
    is_metadata,
    is_prediction,
    is_solution,
    is_usual_input,
    reference_rank,
    words_of,
)
from gpo.data.guessing.options import Options
from gpo.data.sources.paths import top_field

_SHOWN_FIELDS = 8
_INNER = ("answer", "text", "output", "content", "label", "value", "result")
_CONTAINER_WORDS = frozenset({"vars", "variables", "metadata", "meta", "example", "data", "fields", "row", "context"})


class LeftOut(NamedTuple):
    """A field that is neither input nor right answer, and why."""

    field: str
    why: str


class Reference(NamedTuple):
    """The field with the right answer, and the others that it could be."""

    field: str
    others: tuple[str, ...] = ()


class Inputs(NamedTuple):
    """The fields that are inputs, in their order; the field with worked solutions; and what is left out."""

    fields: tuple[str, ...]
    solution: str | None
    left_out: tuple[LeftOut, ...]


def find_reference(columns: Mapping[str, Column], options: Options | None, ask: Ask) -> Reference:
    """The field by its name, else an object, else the one with the fewest different values, all short.

    Raises:
        UndecidedError: none fits.
    """
    taken = options.fields if options else ()
    free = [column for name, column in columns.items() if name not in taken and top_field(name) not in taken]
    able = [column for column in free if _can_be_reference(column)]
    able = [column for column in able if not is_prediction(column.name)] or able
    plain = [column for column in able if not _is_part(column, columns)]
    ranked = sorted(
        (rank, place, column.name)
        for place, column in enumerate(plain)
        if (rank := reference_rank(column.name)) is not None
    )
    labels = [column for column in plain if column.is_label_like or find_label_sets(column)]
    if ranked:
        best = _answer_within(ranked[0][2], columns)
        rivals = [column.name for column in labels if column.name != best and reference_rank(column.name) is not None]
        return Reference(best, _others(labels, best)) if not rivals else _asked(best, labels, ask)
    objects = [column.name for column in plain if column.is_structured and not _is_container(column.name)]
    if len(objects) == 1:
        return Reference(objects[0], _others(labels, objects[0]))
    if likely := [column for column in labels if not is_metadata(column.name) and not is_id(column.name)] or labels:
        fewest = min(column.distinct for column in likely)
        best = [column.name for column in likely if column.distinct == fewest][-1]
        return _asked(best, likely, ask) if len(likely) > 1 else Reference(best, _others(labels, best))
    asked = [column for column in plain if is_usual_input(column.name)]
    rest = [column for column in plain if column.is_text and column not in asked and not is_id(column.name)]
    if len(asked) == 1 and len(rest) == 1:
        return _of_two_texts(asked[0], rest[0], list(columns), ask)
    raise _undecided_reference(columns, plain)


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
    return top != column.name and top in columns and not _is_container(top)


def _is_container(name: str) -> bool:
    words = words_of(name)
    return is_usual_input(name) or not _CONTAINER_WORDS.isdisjoint(words)


def _answer_within(name: str, columns: Mapping[str, Column]) -> str:
    """The field of an object that holds the answer, as `answers.text`; the column itself where it is no object."""
    inner = [other for other in columns if other.startswith(f"{name}.") and columns[other].is_filled]
    if len(inner) == 1:
        return inner[0]
    return next((f"{name}.{last}" for last in _INNER if f"{name}.{last}" in inner), name)


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
    texts = [column.name for column in plain if column.is_text and not is_id(column.name)]
    texts += [column.name for column in dates] if len(texts) == 1 else []
    asked = [name for name in texts if is_usual_input(name)] or [name for name in texts if columns[name].is_wordy][:1]
    asked = asked or texts[:1]
    rest = [name for name in texts if name not in asked] or texts[-1:]
    asked = [name for name in asked if name != rest[-1]]
    choices = Choices(input=tuple(asked), reference=rest[-1]) if asked and rest else None
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


def find_inputs(columns: Mapping[str, Column], reference: str, options: Options | None) -> Inputs:
    """Fields with a usual name; where there are none, all texts of several words, else all texts, else all numbers.

    A field that gives the right answer away is never one, nor are ids, constants and numbers of rows.

    Raises:
        UndecidedError: no field is left.
    """
    fixed = set(options.fields if options else ())
    solution = next((name for name in columns if is_solution(name) and name != reference), None)
    left_out: list[LeftOut] = []
    able: list[Column] = []
    gaps: list[Column] = []
    for name, column in columns.items():
        if name in fixed or name in (reference, solution) or _belongs_to(name, reference, columns, fixed):
            continue
        if why := _why_not(column, columns[reference]):
            left_out.append(LeftOut(name, why))
            if is_usual_input(name) and column.is_wordy and not column.is_filled:
                gaps.append(column)
        else:
            able.append(column)
    chosen, others = _chosen(able)
    if any(column.is_wordy for column in chosen):
        # Of several inputs one may be empty, as the `input` of a task that needs none.
        chosen += gaps
        left_out = [each for each in left_out if each.field not in {column.name for column in gaps}]
    left_out += [LeftOut(column.name, _why_unusual(column)) for column in others]
    if not chosen and not fixed:
        raise _undecided_input(columns, reference, left_out)
    order = list(columns)
    asked = sorted((column.name for column in chosen), key=order.index)
    return Inputs((*asked, *(options.fields if options else ())), solution, tuple(left_out))


def _belongs_to(name: str, reference: str, columns: Mapping[str, Column], fixed: set[str]) -> bool:
    """Whether a field is a part, or the whole, of what has its role already."""
    top = top_field(name)
    if top != name and top in columns and (top == reference or top in fixed):
        return True
    has_parts = columns[name].is_structured and any(other.startswith(f"{name}.") for other in columns)
    return has_parts or (top != name and top == top_field(reference) and not _is_container(top))


def _why_not(column: Column, reference: Column) -> str:
    """Why a field cannot be an input; empty where it can."""
    rules: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: not column.present, "is empty in every row"),
        (lambda: column.is_row_number, "counts the rows"),
        (lambda: column.is_constant and not column.holds_tools, "says the same in every row"),
        (lambda: not column.is_filled, f"is empty in {column.missing} of {len(column.values)} rows"),
        (lambda: is_like_answer(column.name), "is named like an answer"),
        (lambda: column.is_date, "holds dates"),
        (lambda: column.names_missing_files, "names images that are not beside the data"),
        (lambda: is_id(column.name) and not column.is_wordy, "names rows, or what they belong to"),
    )
    if why := next((why for rule, why in rules if rule()), ""):
        return why
    # The name of a file may well hold the answer, but is not what the model is shown.
    return "" if column.holds else leak_of(column, reference)


def _chosen(able: Sequence[Column]) -> tuple[list[Column], list[Column]]:
    """The inputs, and the others."""
    images = [column for column in able if column.holds_images]
    special = [column for column in able if column.holds]
    texts = [column for column in able if column.is_asked and not column.is_number and column not in special]
    usual = [column for column in texts if is_usual_input(column.name)]
    # `subject: billing` beside a message is a label of another kind.
    telling = [column for column in usual if column.is_wordy or not column.is_label_like] or usual
    wordy = [column for column in texts if column.is_wordy and not column.is_label_like]
    no_codes = [column for column in texts if not column.is_code]
    numbers = [column for column in able if column.is_number]
    ways = (telling, wordy) if images else (telling, wordy, no_codes, texts, numbers)
    chosen = next((found for found in ways if found), []) + special
    return chosen, [column for column in able if column not in chosen]


def _why_unusual(column: Column) -> str:
    if column.is_number:
        return "holds numbers"
    if not column.is_asked:
        return "is no text"
    if column.is_code:
        return "names rows, or what they belong to"
    if column.is_label_like:
        return f"has {column.distinct} values that come again and again"
    return "does not have the name of an input"


def _undecided_input(columns: Mapping[str, Column], reference: str, left_out: Sequence[LeftOut]) -> UndecidedError:
    reasons = "; ".join(f"`{field}` {why}" for field, why in left_out[:_SHOWN_FIELDS])
    why = f": {reasons}" if reasons else f"; {shown_fields(columns)}"
    differing = [columns[field] for field, _ in left_out if columns[field].distinct > 1]
    likely = [each.name for each in differing if each.is_text and not each.names_missing_files]
    likely += [each.name for each in differing if each.is_list and not any(map(has_objects, each.present))]
    possible = next(iter(likely), None)
    choices = Choices(input=(possible,), reference=reference) if possible else None
    parts = [name for name, each in columns.items() if name.startswith(f"{reference}.") and each.is_text]
    if len(parts) > 1 and not possible:
        # Both may be parts of one object, as two languages of a `translation`.
        choices = Choices(input=(parts[0],), reference=parts[-1])
    return UndecidedError(f"no field fits as input{why}", choices)
