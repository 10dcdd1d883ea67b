"""The registry of formats: for each name, how an export is read, and where that makes sense, how a row is written.

A new format is one function here, and its test; it gets the path, and yields a flat object for each row, or the reason
why a row cannot be used:

    @importer("pairs", "a question and an answer in each list")
    def import_pairs(path: Path) -> Iterator[Imported]:
        for number, pair in enumerate(whole_content(path), start=1):
            yield {"question": pair[0], "answer": pair[1]}
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gpo.data.sources.encodings import detect_encoding
from gpo.data.sources.files import FileReading, ending_of, open_text, parse_json
from gpo.data.sources.folders import read_file
from gpo.data.sources.frames import as_written
from gpo.errors import DatasetError

Row = Mapping[str, Any]
Imported = Row | str
Importer = Callable[[Path], Iterator[Imported]]


class ExportedRow(NamedTuple):
    """One row for another tool: the values of its inputs by their fields, the right answer, and all else."""

    inputs: Mapping[str, Any]
    answer: Any
    id: str | None
    others: Mapping[str, Any]


Exporter = Callable[[ExportedRow], Mapping[str, Any]]


class Format(NamedTuple):
    """An export that is known by name: how it is read, and what it is."""

    read: Importer
    description: str


FORMATS: dict[str, Format] = {}
"""Every format that is read, by its name."""

EXPORTS: dict[str, Exporter] = {}
"""Every format that is written, by its name: what a row is on a line of a JSONL file."""


def importer(name: str, description: str) -> Callable[[Importer], Importer]:
    """Register a function that reads a format; a name that is taken raises ValueError."""

    def register(function: Importer) -> Importer:
        if name in FORMATS:
            raise ValueError(f"the format '{name}' is registered twice")
        FORMATS[name] = Format(function, description)
        return function

    return register


def exporter(name: str) -> Callable[[Exporter], Exporter]:
    """Register a function that writes a row of a format; a name that is taken raises ValueError."""

    def register(function: Exporter) -> Exporter:
        if name in EXPORTS:
            raise ValueError(f"the format '{name}' is registered twice")
        EXPORTS[name] = function
        return function

    return register


def whole_content(path: Path) -> Any:
    """A JSON or YAML file as one value, its numbers as they are written.

    Raises:
        DatasetError: it is neither.
    """
    with open_text(path, text_reading(path), newline="") as file:
        text = file.read()
    try:
        return as_written(yaml.safe_load(text)) if ending_of(path) in (".yaml", ".yml") else parse_json(text)
    except RecursionError:
        raise DatasetError(f"{path}: cannot be read as JSON or YAML: nested too deeply") from None
    except (ValueError, yaml.YAMLError) as error:
        raise DatasetError(f"{path}: cannot be read as JSON or YAML: {' '.join(str(error).split())[:200]}") from None


def text_reading(path: Path) -> FileReading:
    """How a text file is written, as it is seen."""
    return FileReading(detect_encoding(path).encoding)


def rows_in(path: Path) -> Iterator[Imported]:
    """The rows of a file of any format that a spec may name."""
    for _, row in read_file(path, text_reading(path)):
        yield str(row) if isinstance(row, DatasetError) else row
