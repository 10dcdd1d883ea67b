"""JSON and YAML files of rows, which are read whole: the many shapes in which one document holds a table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gpo.data.sources.files import (
    FileReading,
    NumberedRow,
    decoding_problem,
    load_jsonl,
    loader,
    open_text,
    parse_json,
    row_of_value,
)
from gpo.data.sources.folders import split_named
from gpo.data.sources.frames import as_written
from gpo.errors import DatasetError

SPLIT_FIELD = "split"
"""The field that says of which split a row is, where a document has a list for each."""

_FEWEST_COLUMNS, _ROWS = 2, "rows"
_MOST_FIELDS = 19
"""Names that an object may have and be one thing; with more, they are rows."""

_HEADER, _BODY = "columns", "data"


@loader(".json")
def load_json(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """One document with a table, or lines of JSON: large data is better as those, which need not be read whole."""
    with open_text(path, reading, newline="") as file:
        text = file.read()
    for number, line in enumerate(text.split("\n"), start=1):
        if problem := decoding_problem(line, reading.encoding):
            raise DatasetError(f"{path}: line {number}: {problem}")
    try:
        content = parse_json(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text[: error.pos].strip().startswith("{"):
            yield from load_jsonl(path, reading)
            return
        raise DatasetError(
            f"{path}: not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except DatasetError as problem:
        raise DatasetError(f"{path}: {problem}") from None
    for number, value in enumerate(_values(content, path), start=1):
        yield number, row_of_value(value)


@loader(".yaml", ".yml")
def load_yaml(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """The same in YAML."""
    with open_text(path, reading, newline="") as file:
        text = file.read()
    if problem := decoding_problem(text, reading.encoding):
        raise DatasetError(f"{path}: {problem}")
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # the latter: a date that is none
        raise DatasetError(f"{path}: not valid YAML: {' '.join(str(error).split())[:200]}") from None
    except RecursionError:
        raise DatasetError(f"{path}: not valid YAML: nested too deeply") from None
    for number, value in enumerate(_values(content, path), start=1):
        yield number, row_of_value(as_written(value))


def _values(content: object, path: Path) -> Sequence[Any]:
    """The rows of a document, in any of its shapes.

    Raises:
        DatasetError: there is no list of rows, or there are several that are no splits.
    """
    found = _of_splits(content) or _of_header(content) or _of_columns(content) or _of_pairs(content)
    return found or _named_cells(_the_array(content, path))


def _of_splits(content: object) -> list[Any]:
    """The rows of an object with a list for each split, each with the name of its split.

    >>> _of_splits({"train": [{"text": "a"}], "test": [["b", "x"]]})
    [{'text': 'a', 'split': 'train'}, {'column 1': 'b', 'column 2': 'x', 'split': 'test'}]
    """
    lists = content if isinstance(content, dict) else {}
    lists = {name: value for name, value in lists.items() if isinstance(value, list)}
    if len(lists) < _FEWEST_COLUMNS or not all(split_named(name) for name in lists):
        return []
    return [
        {**value, SPLIT_FIELD: name} if isinstance(value, Mapping) and SPLIT_FIELD not in value else value
        for name, values in lists.items()
        for value in _named_cells(values)
    ]


def _of_header(content: object) -> list[Any]:
    """The rows of an object with the names of columns and lists of their values, as `orient="split"` of pandas.

    >>> _of_header({"columns": ["text", "label"], "index": [0], "data": [["a", "x"]]})
    [{'text': 'a', 'label': 'x'}]
    """
    found = content if isinstance(content, dict) else {}
    names, body = found.get(_HEADER), found.get(_BODY)
    if not isinstance(names, list) or not isinstance(body, list) or len({*map(str, names)}) < len(names):
        return []
    if not all(isinstance(cells, list) and len(cells) == len(names) for cells in body):
        return []
    return [dict(zip(map(str, names), cells, strict=True)) for cells in body]


def _of_columns(content: object) -> list[Any]:
    """The rows of an object of columns, or of rows by their keys, as pandas writes both; none for anything else.

    >>> _of_columns({"text": {"0": "a", "1": "b", "2": "c"}, "label": {"0": "x", "1": "y", "2": "z"}})[1]
    {'text': 'b', 'label': 'y'}
    >>> _of_columns({"text": ["a", "b", "c"], "label": ["x", "y", "z"]})[2]
    {'text': 'c', 'label': 'z'}
    """
    if not isinstance(content, dict) or len(content) < _FEWEST_COLUMNS:
        return []
    values = list(content.values())
    if all(isinstance(value, list) and not any(isinstance(item, dict) for item in value) for value in values):
        is_even = len({len(value) for value in values}) == 1 < len(content) < len(values[0])
        return [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)] if is_even else []
    if not all(isinstance(value, dict) for value in values):
        return []
    if all(value.keys() == values[0].keys() for value in values) and len(content) < len(values[0]):
        return [{name: column[key] for name, column in content.items()} for key in values[0]]
    return values if len(content) > max(len(value) for value in values) else []


def _of_pairs(content: object) -> list[Any]:
    """The rows of an object that says one thing of each of many texts, which are its keys."""
    pairs = content if isinstance(content, dict) else {}
    is_table = len(pairs) > _MOST_FIELDS and all(isinstance(value, str) for value in pairs.values())
    return [{"column 1": key, "column 2": value} for key, value in pairs.items()] if is_table else []


def _the_array(content: object, path: Path) -> list[Any]:
    """A list, or the one list that an object holds."""
    if isinstance(content, list):
        return content
    fields = content if isinstance(content, dict) else {}
    arrays = {name: value for name, value in fields.items() if isinstance(value, list)}
    arrays = {_ROWS: arrays[_ROWS]} if _ROWS in arrays else arrays
    if len(arrays) != 1:
        found = f"{len(arrays)} arrays ({', '.join(arrays)})" if arrays else "no array"
        raise DatasetError(
            f"{path}: must be an array of objects, or an object that holds one array; found {found};"
            " write several as files of a folder, such as train.json and test.json"
        )
    return next(iter(arrays.values()))


def _named_cells(values: list[Any]) -> list[Any]:
    """Rows that are lists of one length, as objects: their columns have no names but their places."""
    widths = {len(value) if isinstance(value, list) else 0 for value in values}
    if len(widths) != 1 or min(widths) < _FEWEST_COLUMNS:
        return values
    return [{f"column {place}": cell for place, cell in enumerate(value, start=1)} for value in values]
