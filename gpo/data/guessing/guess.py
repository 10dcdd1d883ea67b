"""What a data file shows: which fields are inputs, which is the right answer, and of what kind answers are."""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from gpo.data.guessing.answers import (
    AnswerGuess,
    answer_of,
    answer_of_kind,
    answer_of_options,
    references_of,
)
from gpo.data.guessing.choices import UNDECIDED, Ask, Choices, UndecidedError, take_default
from gpo.data.guessing.columns import Column, Row, columns_of
from gpo.data.guessing.options import Options, find_options, labelled_reference, option_labels
from gpo.data.guessing.roles.inputs import Inputs, LeftOut, find_inputs
from gpo.data.guessing.roles.names import is_feedback, variables_for
from gpo.data.guessing.roles.references import Reference, find_reference
from gpo.data.guessing.roles.splits import find_split_field, known_field, own_sizes, sizes_for
from gpo.data.identity import identity_of
from gpo.errors import DatasetError
from gpo.scoring.spec import MetricSpec
from gpo.spec.dataset import SplitSpec

FEWEST_ROWS = 20

ENOUGH_ROWS = 20_000
"""More are not looked at for a guess; all are read with the finished spec."""

_ID = "id"
_Row = TypeVar("_Row")


class Guess(NamedTuple):
    """The parts of a spec that the data decides. A published benchmark is asked as the paper does it.

    `inputs` are fields by the variables that they fill. `option_labels` are the labels of those inputs that are the
    options of a multiple-choice question, one each. `conversations` are those that hold messages, or what is `special`:
    images or tools; `ends_with_user`: an answer to them is asked for. `left_out` are fields with the reason; `others`
    are fields that could be the right answer as well.
    """

    inputs: Mapping[str, str]
    reference: str
    id: str | None
    answer: AnswerGuess
    split: SplitSpec
    solution: str | None = None
    feedback: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    sheet: str | None = None
    is_published: bool = False
    option_labels: Mapping[str, str] = {}
    group: str | None = None
    split_field: str | None = None
    on_bad_row: str = "stop"
    seed: int = 0
    conversations: tuple[str, ...] = ()
    special: Mapping[str, str] = {}
    ends_with_user: bool = True
    left_out: tuple[LeftOut, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def has_own_names(self) -> bool:
        """Whether every variable has the name of its field."""
        return all(variable == field for variable, field in self.inputs.items())


def guess(data: Path, rows: Sequence[Row], choices: Choices = UNDECIDED, ask: Ask = take_default) -> Guess:
    """What the rows of `data` show; a field may hold one right answer, or a list of them.

    What `choices` say is not guessed. In doubt, `ask` is asked.

    Raises:
        UndecidedError: no field fits as input or as answer, or a choice does not fit the rows.
        DatasetError: too few rows.
    """
    check_enough(data, len(rows))
    folder = data if data.is_dir() else data.parent
    columns = columns_of(rows, folder)
    for path in choices.paths:
        if path not in columns and (column := Column(path, rows, folder)).present:
            columns[path] = column
    try:
        return _guess(data, columns, choices, ask)
    except UndecidedError as error:
        raise UndecidedError(f"{data}: {error}", error.choices) from None


def _guess(data: Path, columns: dict[str, Column], choices: Choices, ask: Ask) -> Guess:
    split_field = find_split_field(columns, choices)
    group = known_field(choices.group, columns, "--group") if choices.group else None
    identifier = _identifier(columns)
    own = {name: column for name, column in columns.items() if name not in (split_field, identifier, group)}
    chosen, options = _reference(own, columns, choices, ask)
    reference = chosen.field
    inputs, asked = _inputs(own | {reference: columns[reference]}, reference, options, choices)
    answer, labels = _answer(columns, reference, asked, options, choices)
    different, count = _count(columns, tuple(inputs.values()), reference)
    check_enough(data, different, asked=tuple(inputs.values()) if count > different else ())
    feedback = next((each.field for each in asked.left_out if is_feedback(each.field)), None)
    left_out = [each for each in asked.left_out if each.field != feedback]
    if identifier and count != different:
        left_out.append(LeftOut(identifier, "names rows, but equal rows have different ones"))
        identifier = None
    special = {variable: kind for variable, field in inputs.items() if (kind := columns[field].holds)}
    conversations = tuple(each for each, field in inputs.items() if each in special or columns[field].holds_messages)
    return Guess(
        inputs=inputs,
        conversations=conversations,
        special=special,
        ends_with_user=all(columns[inputs[variable]].ends_with_user for variable in conversations),
        reference=reference,
        id=identifier,
        answer=answer,
        split=own_sizes(columns[split_field]) if split_field else sizes_for(different, choices.split),
        solution=asked.solution,
        feedback=feedback,
        option_labels=_labels_by_variable(inputs, options, labels),
        group=group,
        split_field=split_field,
        left_out=tuple(left_out),
        others=chosen.others,
    )


def _reference(
    own: Mapping[str, Column], columns: Mapping[str, Column], choices: Choices, ask: Ask
) -> tuple[Reference, Options | None]:
    """The right answer, and the options that it names one of.

    Fields that look like options, as `a` and `b` do, are none where no other field can be the answer, nor where the
    answers have nothing to do with them.
    """
    options = find_options(own)
    if choices.reference:
        chosen = Reference(known_field(choices.reference, columns, "--reference"))
        options = options if options and chosen.field not in options.fields else None
    else:
        try:
            chosen = find_reference(own, options, ask)
        except UndecidedError:
            if options is None:
                raise
            chosen, options = find_reference(own, None, ask), None
    if options and len(options.fields) > 1 and option_labels(options, columns[chosen.field], columns) is None:
        return chosen, None
    if options and not choices.reference and (named := labelled_reference(options, columns[chosen.field], columns)):
        chosen = Reference(named, (chosen.field,))
    return chosen, options


def check_enough(data: Path, rows: int, asked: Sequence[str] = ()) -> None:
    """Raise DatasetError for fewer rows than can be split; `asked` are the inputs in which many do not differ."""
    if rows < FEWEST_ROWS:
        where = f" by {', '.join(f'`{field}`' for field in asked)}, which --input changes" if asked else ""
        raise DatasetError(
            f"{data}: {rows} different rows{where}; a spec needs at least {FEWEST_ROWS}, which are split into train,"
            f" dev and test: add {FEWEST_ROWS - rows} labelled rows"
        )


def _identifier(columns: Mapping[str, Column]) -> str | None:
    column = next((column for name, column in columns.items() if name.casefold() == _ID), None)
    is_unique = column and not column.missing and column.distinct == len(column.values)
    return column.name if column and is_unique and column.is_text else None


def _inputs(
    columns: Mapping[str, Column], reference: str, options: Options | None, choices: Choices
) -> tuple[dict[str, str], Inputs]:
    """Fields by their variables, and what was found of the others."""
    if not choices.input:
        found = find_inputs(columns, reference, options)
        return variables_for(found.fields), found
    given: dict[str, str] = {}
    for each in choices.input:
        variable, equals, field = each.partition("=")
        if each in columns or not equals:
            given |= variables_for([known_field(each, columns, "--input")])
        else:
            given[variable] = known_field(field, columns, "--input")
    try:
        found = find_inputs(columns, reference, options)
    except UndecidedError:
        found = Inputs((), None, ())
    left_out = tuple(each for each in found.left_out if each.field not in given.values())
    return given, found._replace(fields=tuple(given.values()), left_out=left_out)


def _answer(
    columns: Mapping[str, Column], reference: str, asked: Inputs, options: Options | None, choices: Choices
) -> tuple[AnswerGuess, tuple[str, ...] | None]:
    """How answers are read and scored; and the labels of the options, if they are among the inputs."""
    column = columns[reference]
    found = references_of(column, [columns[field] for field in asked.fields])
    labels = None
    if options and set(options.fields) <= set(asked.fields):
        labels = option_labels(options, column, columns)
    if choices.kind:
        answer = answer_of_kind(choices.kind, found)
    else:
        answer = answer_of(found) if labels is None else answer_of_options(labels)
    if choices.metric:
        answer = answer._replace(metric=_metric(choices.metric))
    return answer._replace(length=found.length), labels


def _metric(name: str) -> str:
    try:
        MetricSpec.model_validate(name)
    except ValidationError as error:
        raise UndecidedError(f"--metric {name}: {error.errors()[0]['msg']}") from None
    return name


def _labels_by_variable(
    inputs: Mapping[str, str], options: Options | None, labels: tuple[str, ...] | None
) -> dict[str, str]:
    if not options or labels is None:
        return {}
    # One field that holds all of them brings their labels along.
    names = ("",) if len(options.fields) == 1 else labels or ("-",) * len(options.fields)
    by_field = dict(zip(options.fields, names, strict=False))
    return {variable: by_field[field] for variable, field in inputs.items() if field in by_field}


def _count(columns: Mapping[str, Column], inputs: Sequence[str], reference: str) -> tuple[int, int]:
    """How many different questions the rows ask, and how many rows can be used."""
    asked = zip(*(columns[field].keys for field in inputs), strict=True)
    usable = [keys for keys, answer in zip(asked, columns[reference].keys, strict=True) if answer and any(keys)]
    return len({identity_of(keys) for keys in usable}), len(usable)


def sample(rows: Iterable[_Row]) -> list[_Row]:
    """All rows, or as many of them as are enough for a guess, each with the same chance."""
    rng = random.Random(0)  # noqa: S311 - sampling, not secrets
    kept: list[_Row] = []
    for number, row in enumerate(rows):
        if number < ENOUGH_ROWS:
            kept.append(row)
        elif (place := rng.randrange(number + 1)) < ENOUGH_ROWS:
            kept[place] = row
    return kept
