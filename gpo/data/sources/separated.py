"""Text files with columns: comma-separated values and their relatives."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
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
_SEPARATOR_LINE = re.compile(r"""\ufeff?"?sep=(.)"?\1*\s*""", re.IGNORECASE)
_UNSEEN = re.compile(r"^[\s\u200b\u2060\ufeff]+|[\s\u200b\u2060\ufeff]+$")
_DELIMITERS = (",", ";", "\t", "|")
_ROWS_TRIED = 20
_ID_OF_COLUMN = '{"ImportId"'
_MOST_TITLES = 10
"""Rows above the header, at most."""

_Record = list[str] | DatasetError


@loader(".csv")
def load_csv(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """Comma-separated values with a header; every value is text as it is written.

    A quoted field may hold line breaks; then the rows are numbered as a spreadsheet does it, not by lines. A first line
    `sep=;`, which spreadsheets write and do not show, says the separator; it may be quoted, and filled up to a row. The
    header is row 1, or what stands below titles: rows with one cell, as wide as the header, with an empty row below, or
    with a `#`. Empty rows are none.
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
        begin = list(islice(records, _MOST_TITLES + 1))
        place = header_place([record if isinstance(record, list) else [] for _, record in begin])
        at, header = begin[place] if begin else (1, [])
        if isinstance(header, DatasetError):
            raise DatasetError(f"{path}: row {at}: {header}")
        if problem := decoding_problem(delimiter.join(header), reading.encoding):
            raise DatasetError(f"{path}: row {at}: {problem}")
        names = _names(header)
        if names:
            # Only of what is wanted it must be clear which column is meant.
            check_columns(names if reading.fields else _distinct(names), f"{path}: row {at}, the header", reading)
        names = _distinct(names)
        begin = begin[place + 1 + _more_headers([record for _, record in begin[place + 1 :]]) :]
        for number, record in chain(begin, records):
            if isinstance(record, DatasetError) or _filled(record):
                yield number, _cells(names, record, reading)


def _more_headers(records: Sequence[_Record]) -> int:
    """How many rows below the header are none of data: a survey tool writes its questions, and then ids as JSON."""
    ids = records[1] if len(records) > 1 else ()
    return 2 if isinstance(ids, list) and ids and all(cell.startswith(_ID_OF_COLUMN) for cell in ids if cell) else 0


def header_place(records: Sequence[Sequence[str]]) -> int:
    """Which of the first records is the header: the first, unless it is a title above one.

    >>> header_place([["Report", ""], ["", ""], ["text", "label"], ["Good", "pos"]])
    2
    >>> header_place([["text"], ["Good, I think"]])
    0
    >>> header_place([["Report"], [], ["text", "label"], ["Good", "pos"]])
    2
    """
    place = next((number for number, record in enumerate(records) if _filled(record) > 1), 0)
    if place == 0 or not any(map(_filled, records[:place])):
        return place
    is_padded = all(len(record) == len(records[place]) for record in records[:place])
    after = records[place + 1] if place + 1 < len(records) else ()
    is_comment = all(not _filled(record) or record[0].startswith("#") for record in records[:place])
    is_apart = is_comment or (not _filled(records[place - 1]) and len(after) == len(records[place]))
    return place if is_padded or is_apart else 0


def _filled(record: Iterable[str]) -> int:
    return sum(bool(cell.strip()) for cell in record)


def _names(header: Sequence[str]) -> list[str]:
    """The names of columns without the blanks around them, which nobody sees.

    Of several columns without a name, each is called by its place, as spreadsheets leave empty ones behind.
    """
    names = [_UNSEEN.sub("", name) for name in header]
    if names.count("") < 2:
        return names
    return [name or f"column {place}" for place, name in enumerate(names, start=1)]


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind each that was there before.

    >>> _distinct(["Labels", "Text", "Labels"])
    ['Labels', 'Text', 'Labels (2)']
    """
    return [
        f"{name} ({names[: place + 1].count(name)})" if name in names[:place] else name
        for place, name in enumerate(names)
    ]


def _records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, _Record]]:
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


def _cells(header: list[str], record: _Record, reading: FileReading) -> Mapping[str, Any] | DatasetError:
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
        records = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return 0
    records = [record for record in records[header_place(records[: _MOST_TITLES + 1]) :] if record][: _ROWS_TRIED + 1]
    width = len(records[0]) if records else 0
    return sum(len(record) == width for record in records) if width > 1 else 0


DETECTORS[".csv"] = detect_delimiter
