"""Text files with columns: comma-separated values and their relatives."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from gpo.data.sources.files import (
    DETECTORS,
    FileReading,
    NumberedRow,
    check_columns,
    decoding_problem,
    loader,
    open_text,
)
from gpo.errors import DatasetError

_LONGEST_FIELD = 1 << 24
_SEPARATOR_LINE = re.compile(r"\ufeff?sep=(.)\s*", re.IGNORECASE)
_DELIMITERS = (",", ";", "\t", "|")
_ROWS_TRIED = 20


@loader(".csv")
def load_csv(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """Comma-separated values with a header, which is row 1; every value is text as it is written.

    A quoted field may hold line breaks; then the rows are numbered as a spreadsheet does it, not by lines. A first line
    `sep=;`, which spreadsheets write and do not show, says the separator.
    """
    yield from _separated(path, reading, ",")


@loader(".tsv")
def load_tsv(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """The same with tabs."""
    yield from _separated(path, reading, "\t")


def _separated(path: Path, reading: FileReading, delimiter: str) -> Iterator[NumberedRow]:
    # The default of 128 KiB is less than a long document, and it can only be set for the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    with open_text(path, reading, newline="") as file:
        first = file.readline()
        said = _SEPARATOR_LINE.fullmatch(first)
        lines = file if said else chain([first], file)
        records = _records(lines, reading.delimiter or (said[1] if said else delimiter))
        _, header = next(records, (1, []))
        if isinstance(header, DatasetError):
            raise DatasetError(f"{path}: row 1: {header}")
        if problem := decoding_problem(delimiter.join(header), reading.encoding):
            raise DatasetError(f"{path}: row 1: {problem}")
        # Blanks around a name are seen by nobody, and belong to no field.
        header = [name.strip() for name in header]
        if header:
            check_columns(header, f"{path}: row 1, the header", reading)
        for number, record in records:
            if record:
                yield number, _cells(header, record, reading)


def _records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str] | DatasetError]]:
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            yield number, next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, DatasetError(f"not valid CSV: {error}; line {rows.line_num} of the file; see to its quotes")


def _cells(
    header: list[str], record: list[str] | DatasetError, reading: FileReading
) -> Mapping[str, Any] | DatasetError:
    if isinstance(record, DatasetError):
        return record
    if len(record) != len(header):
        return DatasetError(
            f"has {len(record)} fields, but the header has {len(header)}; quote a field that holds the delimiter"
        )
    for field, text in zip(header, record, strict=True):
        if problem := decoding_problem(text, reading.encoding):
            return DatasetError(f"field `{field}`: {problem}")
    return dict(zip(header, record, strict=True))


def detect_delimiter(start: str) -> str | None:
    r"""By what the columns of a CSV are separated, from its beginning; None for a comma, or where a line says it.

    It is the first of `,`, `;`, a tab and `|` that cuts the most rows into as many fields as the header.

    >>> detect_delimiter("text;label\nGood, I think;pos\n"), detect_delimiter("text,label\nGood;pos\n")
    (';', None)
    """
    lines = start.removeprefix("\ufeff").splitlines(keepends=True)
    if not lines or _SEPARATOR_LINE.fullmatch(lines[0]):
        return None
    found = max(_DELIMITERS, key=lambda delimiter: _even_rows(lines[: 4 * _ROWS_TRIED], delimiter))
    return None if found == "," else found


def _even_rows(lines: list[str], delimiter: str) -> int:
    """How many of the first rows have as many fields as the header, which has several."""
    try:
        records = [record for record in csv.reader(lines, delimiter=delimiter) if record][: _ROWS_TRIED + 1]
    except csv.Error:
        return 0
    width = len(records[0]) if records else 0
    return sum(len(record) == width for record in records) if width > 1 else 0


DETECTORS[".csv"] = detect_delimiter
