"""Results as lines of JSON and as CSV.

CSV is for spreadsheets, which take a cell that begins with `=`, `+`, `-` or `@` for a formula, and what a model wrote
may begin with anything. Such a cell gets an apostrophe in front, unless it is a plain number. Nor do they hold a long
cell: the steps of a program are cut for one. JSON has every text as it is.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TextIO

from pydantic_core import to_json

from gpo.errors import InputError
from gpo.files import replace_whole
from gpo.formatting import cut_middle, safe_cell
from gpo.records import canonical_json
from gpo.runs.results.result import COMPARED, ExampleResult
from gpo.runs.results.steps import StepResult

_STEPS = ExampleResult._fields.index("steps")
_SLICES = ExampleResult._fields.index("slices")
"""The place of the fields `slices`, `input` and `expected`; those of a comparison come last."""

ENDINGS = (".jsonl", ".csv")

MOST_OF_STEPS = 32_000
"""Characters of the steps of one example in a cell; Excel holds 32,767."""

_CUTS = (1000, 500, 250, 125, 60)


def check_ending(path: Path) -> None:
    """Raise InputError unless results can be written to a file of this name."""
    if path.suffix.casefold() not in ENDINGS:
        raise InputError(f"results are written to a file that ends in {' or '.join(ENDINGS)}, got '{path.name}'")


def write_results(path: Path, results: Iterable[ExampleResult], *, compared: bool) -> int:
    """Write results to a file, whole or not at all, in the form that its ending names; how many they were.

    Without `compared` the fields that a comparison fills are left out.

    Raises:
        InputError: the ending is another, or the file cannot be written.
    """
    check_ending(path)
    try:
        with replace_whole(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
            if path.suffix.casefold() == ".csv":
                return write_csv(file, results, compared=compared)
            return write_json_lines(file, results, compared=compared)
    except OSError as error:
        raise InputError(f"{path}: the results cannot be written: {error.strerror or error}") from None


def write_json_lines(file: TextIO, results: Iterable[ExampleResult], *, compared: bool) -> int:
    """Write one JSON object a result, each on one line; how many they were."""
    return _count(file.write(f"{to_json(as_json(result, compared=compared)).decode()}\n") for result in results)


def as_json(result: ExampleResult, *, compared: bool) -> Mapping[str, object]:
    """The fields of a result by name, for JSON."""
    fields = result._asdict()
    return fields if compared else {name: value for name, value in fields.items() if name not in COMPARED}


def write_csv(file: TextIO, results: Iterable[ExampleResult], *, compared: bool) -> int:
    """Write a head and a row for each result; how many they were.

    Each of the prompt's variables has a column `input.NAME`. Several right answers are a JSON list.
    """
    stream = iter(results)
    first = next(stream, None)
    names = [name for name in ExampleResult._fields if compared or name not in COMPARED]
    variables = list(first.input) if first else []
    columns = [f"input.{each}" for each in variables]
    writer = csv.writer(file)
    writer.writerow(column for name in names for column in (columns if name == "input" else [name]))
    whole = chain([first] if first else [], stream)
    return _count(writer.writerow(_cells(result, len(names), variables)) for result in whole)


def _count(written: Iterable[object]) -> int:
    return sum(1 for _ in written)


def _cells(result: ExampleResult, width: int, variables: Sequence[str]) -> list[object]:
    """The first `width` fields of a result, an input of several variables as several cells."""
    expected = result.expected[0] if len(result.expected) == 1 else canonical_json(list(result.expected))
    # One cell: a row may have no value in a field of the slices.
    slices = "; ".join([f"{field}={text}" for field, text in result.slices.items()])
    inputs = [result.input[each] for each in variables]
    rest = (*result[_SLICES + 3 : _STEPS], _steps_cell(result.steps), *result[_STEPS + 1 : width])
    cells = (*result[:_SLICES], slices, *inputs, expected, *rest)
    return [safe_cell(cell) if type(cell) is str else cell for cell in cells]


def _steps_cell(steps: Sequence[StepResult]) -> str:
    """The steps as JSON; where that is too long for a cell, without the middle of long texts, and with a note."""
    cell = canonical_json(list(steps)) if steps else ""
    for limit in _CUTS:
        if len(cell) <= MOST_OF_STEPS:
            return cell
        note = {"note": f"texts are cut to {limit} characters to fit into a cell; results as JSON have more of them"}
        cut = [{name: _cut(value, limit) for name, value in step.items()} for step in steps]
        cell = canonical_json([note, *cut])
    return cut_middle(cell, MOST_OF_STEPS)


def _cut(value: object, limit: int) -> object:
    return cut_middle(value, limit) if isinstance(value, str) else value
