r"""Files of labelled rows. Each format is one loader, found by the ending of the file's name.

A loader is a generator: rows leave it one by one, and all but JSON's are read that way too. A new format is one
function here, and its test:

    @loader(".txt")
    def load_lines(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
        with open_text(path, reading, newline="\n") as file:
            for number, line in enumerate(file, start=1):
                yield number, {"text": line}
"""

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TextIO

from gpo.errors import DatasetError, suggestion

NumberedRow = tuple[int, Mapping[str, Any] | DatasetError]
"""A row with its number in the source, or what makes it unusable."""

_UNDECODED = re.compile("[\udc80-\udcff]")
"""How bytes that the encoding does not know arrive, so that the row and not the file is named for them."""

_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

_LONGEST_FIELD = 1 << 24

_OTHER_DELIMITERS = (";", "\t", "|", ",")


class FileReading(NamedTuple):
    """How rows are read, with nothing left open: the encoding of text files, and the delimiter if it is unusual.

    Of formats with columns, only `fields` (all must be there) and `optional` are taken; without `fields`, every column.
    """

    encoding: str = "utf-8"
    delimiter: str | None = None
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


class Number(str):
    """A number as the file has it: 0.10 must not become 0.1."""

    __slots__ = ()


Loader = Callable[[Path, FileReading], Iterator[NumberedRow]]

LOADERS: dict[str, Loader] = {}
"""Every loader by the ending of its files."""


def loader(*endings: str) -> Callable[[Loader], Loader]:
    """Register a function for files with these endings; an ending that is taken raises ValueError."""

    def register(function: Loader) -> Loader:
        for ending in endings:
            if ending in LOADERS:
                raise ValueError(f"a loader for '{ending}' is registered twice")
            LOADERS[ending] = function
        return function

    return register


@contextmanager
def open_text(path: Path, reading: FileReading, *, newline: str) -> Iterator[TextIO]:
    """The file as text, without its byte order mark; bytes that are not of its encoding come as lone surrogates."""
    encoding = reading.encoding.lower().replace("_", "-")
    with path.open("rb") as file:
        other = _MARKS.get(file.peek(2)[:2])
        if other and encoding in ("utf-8", "utf8", "utf-8-sig"):
            raise DatasetError(f"{path}: not UTF-8 but UTF-16; set `encoding: utf-16` in the spec's `dataset`")
        name = "utf-8-sig" if encoding in ("utf-8", "utf8") else encoding
        with TextIOWrapper(file, encoding=name, errors="surrogateescape", newline=newline) as text:
            yield text


def decoding_problem(text: str, encoding: str) -> str | None:
    """What is wrong with a text that holds bytes which are not of its encoding; None when it holds none."""
    if text.isascii() or (found := _UNDECODED.search(text)) is None:
        return None
    other = "such as cp1252" if encoding.lower().startswith("utf") else "or correct dataset.encoding"
    return (
        f"not {encoding.upper()}: byte {ord(found[0]) - 0xDC00:#04x} at column {found.start() + 1}; save the file as"
        f" UTF-8, or set dataset.encoding (--encoding of a push), {other}"
    )


def check_columns(columns: Sequence[str], where: str, reading: FileReading) -> None:
    """Raise DatasetError for columns of one name, and for wanted fields that have no column."""
    if repeated := sorted({name for name in columns if columns.count(name) > 1}):
        raise DatasetError(f"{where}: two columns are named `{repeated[0]}`; rename one of them")
    for field in reading.fields:
        if field not in columns:
            raise DatasetError(f"{where}: no column `{field}`{suggestion(field, columns)}{_other_delimiter(columns)}")


def _other_delimiter(columns: Sequence[str]) -> str:
    for delimiter in _OTHER_DELIMITERS:
        if len(columns) == 1 and delimiter in columns[0]:
            return f"; if {json.dumps(delimiter)} separates the columns, set it as dataset.delimiter"
    return ""


@loader(".jsonl", ".ndjson")
def load_jsonl(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """One JSON object a line; blank lines are counted and left out.

    Only a line feed ends a line. Texts may hold other line separators, such as U+2028, which `splitlines` would cut at.
    """
    with open_text(path, reading, newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if text := line.strip():
                yield number, _parsed_line(text, reading.encoding)


def _parsed_line(line: str, encoding: str) -> Mapping[str, Any] | DatasetError:
    if problem := decoding_problem(line, encoding):
        return DatasetError(problem)
    try:
        return _object(parse_json(line))
    except json.JSONDecodeError as error:
        return DatasetError(
            f"not valid JSON: {error.msg} at column {error.colno}; a row is one JSON object on one line"
        )
    except DatasetError as error:
        return error


@loader(".json")
def load_json(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """A JSON array of objects, or an object that holds one such array; read whole, so large data is better as JSONL."""
    with open_text(path, reading, newline="") as file:
        text = file.read()
    for number, line in enumerate(text.split("\n"), start=1):
        if problem := decoding_problem(line, reading.encoding):
            raise DatasetError(f"{path}: line {number}: {problem}")
    try:
        content = parse_json(text)
    except json.JSONDecodeError as error:
        several = "; one object a line is JSONL: name the file .jsonl" if error.msg == "Extra data" else ""
        raise DatasetError(
            f"{path}: not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}{several}"
        ) from None
    except DatasetError as problem:
        raise DatasetError(f"{path}: {problem}") from None
    for number, value in enumerate(_the_array(content, path), start=1):
        yield number, _object(value)


def _the_array(content: object, path: Path) -> list[Any]:
    if isinstance(content, list):
        return content
    fields = content if isinstance(content, dict) else {}
    arrays = {name: value for name, value in fields.items() if isinstance(value, list)}
    if len(arrays) != 1:
        found = f"{len(arrays)} arrays ({', '.join(arrays)})" if arrays else "no array"
        raise DatasetError(f"{path}: must be an array of objects, or an object that holds one array; found {found}")
    return next(iter(arrays.values()))


def parse_json(text: str) -> object:
    """JSON with its numbers as they are written, as `Number`.

    Raises:
        DatasetError: NaN or an infinity, or nested too deeply.
        json.JSONDecodeError: not JSON.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise DatasetError("not valid JSON: nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise DatasetError(f"not valid JSON: {name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_no_constant)


def _object(value: object) -> Mapping[str, Any] | DatasetError:
    if isinstance(value, dict):
        return value
    shown = json.dumps(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return DatasetError(f'must be a JSON object such as {{"input": ...}}, received {shown}')


@loader(".csv")
def load_csv(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """Comma-separated values with a header, which is row 1; every value is text as it is written.

    A quoted field may hold line breaks; then the rows are numbered as a spreadsheet does it, not by lines.
    """
    yield from _separated(path, reading, reading.delimiter or ",")


@loader(".tsv")
def load_tsv(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """The same with tabs."""
    yield from _separated(path, reading, reading.delimiter or "\t")


def _separated(path: Path, reading: FileReading, delimiter: str) -> Iterator[NumberedRow]:
    # The default of 128 KiB is less than a long document, and it can only be set for the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    with open_text(path, reading, newline="") as file:
        records = _records(file, delimiter)
        _, header = next(records, (1, []))
        if isinstance(header, DatasetError):
            raise DatasetError(f"{path}: row 1: {header}")
        if problem := decoding_problem(delimiter.join(header), reading.encoding):
            raise DatasetError(f"{path}: row 1: {problem}")
        if header:
            check_columns(header, f"{path}: row 1, the header", reading)
        for number, record in records:
            if record:
                yield number, _cells(header, record, reading)


def _records(file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str] | DatasetError]]:
    rows = csv.reader(file, delimiter=delimiter, strict=True)
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


_DELIMITERS = (";", "\t", "|")


def detect_reading(path: Path) -> FileReading:
    """How a file seems to be written: the byte order mark tells its encoding, the header of a CSV its delimiter."""
    with path.open("rb") as file:
        start = file.readline()
    is_utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if path.suffix.lower() != ".csv" or is_utf16:
        return FileReading("utf-16" if is_utf16 else "utf-8")
    header = start.decode("utf-8-sig", errors="replace")
    others = [delimiter for delimiter in _DELIMITERS if delimiter in header]
    return FileReading(delimiter=others[0] if others and "," not in header else None)
