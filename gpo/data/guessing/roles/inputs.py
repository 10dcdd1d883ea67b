"""Which fields are inputs, and why the others are none."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gpo.data.guessing.choices import Choices, UndecidedError
from gpo.data.guessing.columns import Column
from gpo.data.guessing.leaks import leak_of
from gpo.data.guessing.options import Options
from gpo.data.guessing.roles.features import are_features
from gpo.data.guessing.roles.names import (
    is_derived,
    is_id,
    is_judgement,
    is_like_answer,
    is_prediction,
    is_remark,
    is_solution,
    is_split,
    is_test_of_code,
    is_usual_input,
)
from gpo.data.guessing.roles.references import is_container, pairs_of, shown_fields
from gpo.data.guessing.values import has_objects
from gpo.data.sources.paths import top_field

_SHOWN_FIELDS = 8
_SIDES = frozenset({"a", "b", "1", "2", "0", "tie", "both", "neither", "equal", "same"})
"""What a judgement of two texts may be."""

_SPLITS_OTHERWISE = "seems to name splits, but says neither train, dev nor test; --split takes a column that does"


class LeftOut(NamedTuple):
    """A field that is neither input nor right answer, and why."""

    field: str
    why: str


class Inputs(NamedTuple):
    """The fields that are inputs, in their order; the field with worked solutions; and what is left out."""

    fields: tuple[str, ...]
    solution: str | None
    left_out: tuple[LeftOut, ...]


def find_inputs(columns: Mapping[str, Column], reference: str, options: Options | None) -> Inputs:
    """Fields with a usual name; where there are none, all texts of several words, else all texts, else all numbers.

    Of a table of measurements, all fields are.
    A field that gives the right answer away is never one, nor are ids, constants and numbers of rows.

    Raises:
        UndecidedError: no field is left.
    """
    fixed = set(options.fields if options else ())
    solution = next(
        (name for name in columns if is_solution(name) and name != reference and columns[name].present), None
    )
    compared = _compared(columns, columns[reference])
    left_out: list[LeftOut] = []
    able: list[Column] = []
    gaps: list[Column] = []
    for name, column in columns.items():
        if name in fixed or name in (reference, solution) or _belongs_to(name, reference, columns, fixed):
            continue
        if name in compared:
            able.append(column)
        elif why := why_no_input(column, columns[reference]):
            left_out.append(LeftOut(name, why))
            if is_usual_input(name) and column.is_wordy and not column.is_filled:
                gaps.append(column)
        else:
            able.append(column)
    able, twins = _without_twins(able)
    left_out += twins
    chosen, others = _chosen(able, compared)
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
    has_parts = any(other.startswith((f"{name}.", f"{name}[0].")) for other in columns)
    return has_parts or (top != name and top == top_field(reference) and not is_container(top))


def _compared(columns: Mapping[str, Column], reference: Column) -> frozenset[str]:
    """The two texts of which the right answer says which is better, as `answer_a` and `answer_b`; none for others."""
    if not is_judgement(reference.name) and not _SIDES.issuperset(reference.counts):
        return frozenset()
    return pairs_of(columns)


def why_no_input(column: Column, reference: Column) -> str:
    """Why a field cannot be an input; empty where it can."""
    rules: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: not column.present, "is empty in every row"),
        (lambda: column.is_row_number, "counts the rows"),
        (lambda: column.is_constant and not column.holds_tools, "says the same in every row"),
        (lambda: not column.is_filled, f"is empty in {column.missing} of {len(column.values)} rows"),
        (lambda: is_like_answer(column.name), "is named like an answer"),
        (lambda: is_derived(column.name), "is another form of a text"),
        (lambda: is_test_of_code(column.name) and not column.is_label_like, "seems to hold tests of code"),
        (lambda: is_split(column.name) and column.is_label_like, _SPLITS_OTHERWISE),
        (lambda: column.is_date, "holds dates"),
        (lambda: column.names_missing_files, "names images that are not beside the data"),
        (lambda: is_id(column.name) and not column.is_wordy, "names rows, or what they belong to"),
        (lambda: column.is_aside, "tells how a row came about"),
    )
    if why := next((why for rule, why in rules if rule()), ""):
        return why
    if is_remark(column.name):
        return leak_of(column, reference) or "holds what was said of the answer"
    # The name of a file may well hold the answer, but is not what the model is shown.
    return "" if column.holds else leak_of(column, reference)


def _without_twins(able: Sequence[Column]) -> tuple[list[Column], list[LeftOut]]:
    """The columns, and those of them that say in every row what one before them says."""
    first: dict[tuple[str, ...], Column] = {}
    for column in able:
        first.setdefault(column.keys, column)
    kept = list(first.values())
    return kept, [
        LeftOut(column.name, f"says the same as `{first[column.keys].name}`") for column in able if column not in kept
    ]


def _chosen(able: Sequence[Column], compared: frozenset[str]) -> tuple[list[Column], list[Column]]:
    """The inputs, and the others."""
    images = [column for column in able if column.holds_images]
    special = [column for column in able if column.holds]
    texts = [column for column in able if column.is_asked and not column.is_number and column not in special]
    texts = [column for column in texts if not column.is_address] or texts
    lists = [column for column in able if column.is_listed and column not in (*texts, *special)]
    usual = [column for column in (*texts, *lists) if is_usual_input(column.name)]
    # `subject: billing` beside a message is a label of another kind.
    telling = [column for column in usual if column.is_wordy or not column.is_label_like] or usual
    wordy = [column for column in texts if column.is_wordy and not column.is_label_like]
    if all(column.is_listed for column in telling):
        # Passages are no question.
        telling = [*wordy, *telling]
    no_codes = [column for column in texts if not column.is_code]
    numbers = [column for column in able if column.is_number]
    if not usual and are_features(able):
        return list(able), []
    ways = (telling, wordy) if images else (telling, wordy, no_codes, texts, lists, numbers)
    chosen = next((found for found in ways if found), []) + special
    chosen += [column for column in able if column.name in compared and column not in chosen]
    return chosen, [column for column in able if column not in chosen]


def _why_unusual(column: Column) -> str:
    if column.is_number:
        return "holds numbers"
    if not column.is_asked and not column.is_listed:
        return "is no text"
    if column.is_address:
        return "holds addresses"
    if column.is_code:
        return "names rows, or what they belong to"
    if column.is_label_like:
        return f"has {column.distinct} values that come again and again"
    return "does not have the name of an input"


def _undecided_input(columns: Mapping[str, Column], reference: str, left_out: Sequence[LeftOut]) -> UndecidedError:
    reasons = "; ".join(f"`{field}` {why}" for field, why in left_out[:_SHOWN_FIELDS])
    why = f": {reasons}" if reasons else f"; {shown_fields(columns)}"
    differing = [columns[field] for field, _ in left_out if columns[field].distinct > 1 and not is_prediction(field)]
    likely = [each.name for each in differing if each.is_text and not each.names_missing_files]
    likely += [each.name for each in differing if each.is_list and not any(map(has_objects, each.present))]
    possible = next(iter(likely), None)
    choices = Choices(input=(possible,), reference=reference) if possible else None
    if columns[reference].holds_messages and not possible:
        choices = Choices(input=(f"{reference}[-2].content",), reference=f"{reference}[-1].content")
    parts = [name for name, each in columns.items() if name.startswith(f"{reference}.") and each.is_text]
    if len(parts) > 1 and not possible:
        # Both may be parts of one object, as two languages of a `translation`.
        choices = Choices(input=(parts[0],), reference=parts[-1])
    if choices is None and len([name for name in columns if is_prediction(name)]) == 1:
        why += "; where a text holds the question with its answer, write both into columns of their own"
    return UndecidedError(f"no field fits as input{why}", choices)
