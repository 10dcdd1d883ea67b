"""What a data file shows: which fields are inputs, which is the right answer, and of what kind answers are."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gpo.errors import DatasetError
from gpo.scoring.answers import canonical_reference
from gpo.scoring.spec import AnswerSpec
from gpo.spec.dataset import SplitSpec
from gpo.template import INSTRUCTION, variables_in

FEWEST_ROWS = 20

MOST_LABELS = 12

# fmt: off
_REFERENCES = (
    "label", "target", "answer", "output", "reference", "expected", "category", "class", "sentiment", "gold",
    "completion", "response", "labels", "targets", "answers", "references",
)

_SOLUTIONS = ("solution", "rationale", "explanation", "reasoning")

_INPUTS = (
    "input", "text", "question", "review", "prompt", "context", "passage", "sentence", "premise", "hypothesis",
    "query", "document", "article", "content", "message", "title", "subject", "body", "comment", "tweet",
)

# fmt: on
_ROWS_PER_LABEL = 4

_LABEL_LENGTH = 40

_SHORT_ANSWER = 60
"""Characters. A longer answer is free text, and so is one of several lines: it may be worded in many ways."""

_SHOWN_FIELDS = 8

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Row = Mapping[str, Any]


class AnswerGuess(NamedTuple):
    """How answers are read and scored, and how the starting instruction asks for them."""

    spec: AnswerSpec
    metric: str
    instruction: str
    description: str


class Guess(NamedTuple):
    """The parts of a spec that the data decides. A published benchmark is asked as the paper does it."""

    inputs: tuple[str, ...]
    reference: str
    id: str | None
    answer: AnswerGuess
    split: SplitSpec
    solution: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    is_published: bool = False


def guess(data: Path, rows: Sequence[Row]) -> Guess:
    """What the rows of `data` show; a field may hold one right answer, or a list of them.

    Raises:
        DatasetError: too few rows, or no field fits as input or as answer.
    """
    _check_enough(data, len(rows))
    columns = {field: [_hashable(row[field]) for row in rows] for field in rows[0] if all(field in row for row in rows)}
    columns = {field: values for field, values in columns.items() if all(map(_is_answer, values))}
    identifier = "id" if _is_id(columns.get("id", ())) else None
    columns.pop("id", None)
    reference = _reference(data, columns)
    others = {field: values for field, values in columns.items() if field != reference}
    solution = next((field for field in others if field.casefold() in _SOLUTIONS), None)
    inputs = _inputs(data, {field: values for field, values in others.items() if field != solution})
    references = [_as_text(value) for values in columns[reference] for value in _each(values)]
    # Equal rows count once, unless ids tell them apart.
    different = len(set(zip(*(columns[field] for field in (*inputs, reference)), strict=True)))
    count = len(rows) if identifier else different
    _check_enough(data, count)
    return Guess(inputs, reference, identifier, _answer(references), _split(count), solution)


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) and all(isinstance(item, str | bool) for item in value) else value


def _is_answer(value: object) -> bool:
    return isinstance(value, str | bool) or (isinstance(value, tuple) and bool(value))


def _each(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _check_enough(data: Path, rows: int) -> None:
    if rows < FEWEST_ROWS:
        raise DatasetError(
            f"{data}: {rows} different rows; a spec needs at least {FEWEST_ROWS}, which are split into train, dev and"
            f" test: add {FEWEST_ROWS - rows} labelled rows"
        )


def _as_text(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _is_id(values: Sequence[object]) -> bool:
    texts = {str(value).strip() for value in values}
    return bool(values) and len(texts) == len(values) and "" not in texts


def _reference(data: Path, columns: Mapping[str, Sequence[Any]]) -> str:
    """The field by its name, else the one with the fewest different values, all short."""
    varied = {field: len(set(values)) for field, values in columns.items() if len(set(values)) > 1}
    by_name = {field.casefold(): field for field in varied}
    for name in _REFERENCES:
        if name in by_name:
            return by_name[name]
    repeated = [
        field
        for field, distinct in varied.items()
        if distinct < len(columns[field])
        and all(isinstance(value, str | bool) and len(_as_text(value)) <= _LABEL_LENGTH for value in columns[field])
    ]
    if not repeated:
        raise DatasetError(
            f"{data}: cannot tell which field holds the right answer; {_found(columns)}; name it `label` or `answer`,"
            " with text, a number, true or false in every row"
        )
    return min(repeated, key=lambda field: varied[field])


def _inputs(data: Path, columns: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """Fields with a usual name; where there are none, all other texts."""
    texts = [
        field
        for field, values in columns.items()
        # `instruction` is the part of the prompt that is optimised: no field can fill it.
        if field != INSTRUCTION
        and _FIELD.fullmatch(field)
        and all(isinstance(value, str) and not _is_number(value) for value in values)
    ]
    usual = [field for field in texts if field.casefold() in _INPUTS]
    if not texts:
        raise DatasetError(
            f"{data}: no field fits as input; {_found(columns)}; an input is text in every row, and its name has"
            " letters, digits and _ only and is not `instruction`"
        )
    return tuple(usual or texts)


def _is_number(text: str) -> bool:
    return canonical_reference(text, AnswerSpec(kind="number")) is not None


def _found(columns: Mapping[str, object]) -> str:
    names = [f"`{field[:_LABEL_LENGTH]}`" for field in list(columns)[:_SHOWN_FIELDS]]
    return f"fields that every row has: {', '.join(names)}" if names else "no usable field is in every row"


def _answer(references: Sequence[str]) -> AnswerGuess:
    labels = _labels(references)
    if all(canonical_reference(text, AnswerSpec(kind="boolean")) for text in references):
        return AnswerGuess(
            AnswerSpec(kind="boolean"), "exact_match", f"Answer with {' or '.join(labels[:2])}.", "the right answer"
        )
    if _are_labels(labels, len(references)):
        listed = ", ".join(labels)
        choice = AnswerSpec(kind="choice", labels=labels)
        return AnswerGuess(choice, "exact_match", f"Answer with one of: {listed}.", f"one of {listed}")
    if all(map(_is_number, references)):
        return AnswerGuess(AnswerSpec(kind="number"), "numeric_match", "Answer with a number.", "the right number")
    if all(map(is_short, references)):
        instruction = "Answer in a few words, with nothing else."
        return AnswerGuess(AnswerSpec(kind="exact"), "exact_match", instruction, "a short answer")
    return AnswerGuess(AnswerSpec(kind="free"), "token_f1", "Answer in one or two sentences.", "a good answer")


def is_short(reference: str) -> bool:
    r"""Whether a right answer may be a label, a name or a number, of which one question has one.

    >>> is_short("Paris"), is_short("Paris,\nwhich is in France"), is_short("Paris, " * 20)
    (True, False, False)
    """
    return len(reference) <= _SHORT_ANSWER and len(reference.splitlines()) <= 1


def _labels(references: Sequence[str]) -> tuple[str, ...]:
    """Different references, the most frequent first; of spellings that differ by case, the most frequent one."""
    spellings = Counter(" ".join(text.split()) for text in references)
    frequency: Counter[str] = Counter()
    spelt: dict[str, str] = {}
    for spelling, count in sorted(spellings.items(), key=lambda item: (-item[1], item[0])):
        if spelling:
            frequency[spelling.casefold()] += count
            spelt.setdefault(spelling.casefold(), spelling)
    return tuple(spelt[key] for key in sorted(spelt, key=lambda key: (-frequency[key], spelt[key])))


def _are_labels(labels: Sequence[str], rows: int) -> bool:
    # The right answers of twenty sums may be few as well: labels come back again and again.
    return 2 <= len(labels) <= min(MOST_LABELS, rows // _ROWS_PER_LABEL) and all(
        len(label) <= _LABEL_LENGTH and not variables_in(label) for label in labels
    )


def _split(rows: int) -> SplitSpec:
    """About 10% train, 30% dev, and the rest up to 200 test."""
    train = min(max(rows // 10, 4), 48)
    dev = min(max(3 * rows // 10, 8), 64)
    return SplitSpec(train=train, dev=dev, test=min(rows - train - dev, 200))


_ENOUGH_ROWS = 50_000
"""More are not looked at for a guess; all are read with the finished spec."""


def sample(rows: Iterable[Row]) -> list[Row]:
    """All rows, or as many of them as are enough for a guess, each with the same chance."""
    rng = random.Random(0)  # noqa: S311 - sampling, not secrets
    kept: list[Row] = []
    for number, row in enumerate(rows):
        if number < _ENOUGH_ROWS:
            kept.append(row)
        elif (place := rng.randrange(number + 1)) < _ENOUGH_ROWS:
            kept[place] = row
    return kept
