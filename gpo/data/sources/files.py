r"""Files of labelled rows. Each format is one loader, found by the ending of the file's name.

A loader is a generator: rows leave it one by one, and all but those of documents are read that way too. A new format is
one function here, and its test:

    @loader(".txt")
    def load_lines(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
        with open_text(path, reading, newline="\n") as file:
            for number, line in enumerate(file, start=1):
                yield number, {"text": line}
"""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedIOBase, TextIOWrapper
from pathlib import Path, PurePath
from typing import Any, NamedTuple, TextIO, cast

from gpo.data.sources.paths import top_field
from gpo.errors import DatasetError, suggestion
from gpo.files import open_regular

NumberedRow = tuple[int, Mapping[str, Any] | DatasetError]
"""A row with its number in the source, or what makes it unusable."""

_UNDECODED = re.compile("[\udc80-\udcff]")
"""How bytes that the encoding does not know arrive, so that the row and not the file is named for them."""

_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

_LOOKED_AT = 1 << 16
"""Bytes from which it is told how a file is written."""

_OTHER_DELIMITERS = (";", "\t", "|", ",")


class FileReading(NamedTuple):
    """How rows are read, with nothing left open: the encoding of text files, the delimiter if it is unusual, the sheet.

    Of formats with columns, only `fields` (all must be there) and `optional` are taken; without `fields`, every column.
    """

    encoding: str = "utf-8"
    delimiter: str | None = None
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    sheet: str | None = None

    def columns_of(self, names: Sequence[str]) -> list[str]:
        """Which of a table's columns are taken; a path takes the column that it begins at."""
        wanted = {name for field in (*self.fields, *self.optional) for name in (field, top_field(field))}
        return [name for name in names if not self.fields or name in wanted]


class Number(str):
    """A number as the file has it: 0.10 must not become 0.1."""

    __slots__ = ()


def typed_json(value: Any) -> Any:
    """A value with its numbers as JSON has them, no more as they were written."""
    if isinstance(value, Number):
        return json.loads(value)
    if isinstance(value, list):
        return [typed_json(item) for item in value]
    return {name: typed_json(item) for name, item in value.items()} if isinstance(value, dict) else value


Loader = Callable[[Path, FileReading], Iterator[NumberedRow]]

LOADERS: dict[str, Loader] = {}
"""Every loader by the ending of its files."""

DETECTORS: dict[str, Callable[[str], str | None]] = {}
"""For files with columns, by their ending: what tells from the beginning of a file by what they are separated."""

COMPRESSED = ".gz"


def ending_of(path: PurePath) -> str:
    """The ending that tells a file's format, in lower case: `.csv` of `rows.csv.gz` too."""
    name = path.name.lower()
    return PurePath(name.removesuffix(COMPRESSED)).suffix


def open_bytes(path: Path) -> BufferedIOBase:
    """A file to be read, unpacked where it is compressed.

    Raises:
        OSError: it is not there, or is a pipe or a device, which might never end.
    """
    file = open_regular(path)
    if not path.name.lower().endswith(COMPRESSED):
        return file
    file.close()  # which the one of gzip would not do
    return gzip.open(path, "rb")


@contextmanager
def _errors_of_opening(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError) as error:
        raise DatasetError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


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
    with cast("Any", open_bytes(path)) as file:
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
    """Raise DatasetError for wanted columns of one name, and for wanted fields that have no column."""
    wanted = set(reading.columns_of(columns))
    if repeated := sorted({name for name in columns if columns.count(name) > 1 and name in wanted}):
        raise DatasetError(f"{where}: two columns are named `{repeated[0]}`; rename one of them")
    for field in reading.fields:
        if field not in columns and top_field(field) not in columns:
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
        return row_of_value(parse_json(line))
    except json.JSONDecodeError as error:
        return DatasetError(
            f"not valid JSON: {error.msg} at column {error.colno}; a row is one JSON object on one line"
        )
    except DatasetError as error:
        return error


def parse_json(text: str) -> object:
    """JSON with its numbers as they are written, as `Number`; NaN is null.

    Raises:
        DatasetError: an infinity, or nested too deeply.
        json.JSONDecodeError: not JSON.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise DatasetError("not valid JSON: nested too deeply") from None


def _no_constant(name: str) -> None:
    """NaN says nothing, as an empty cell does: Python writes it for what is missing in a table."""
    if name == "NaN":
        return
    raise DatasetError(f"not valid JSON: {name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_no_constant)


def row_of_value(value: object) -> Mapping[str, Any] | DatasetError:
    """A value as a row, or why it is none."""
    if isinstance(value, dict):
        return value
    shown = json.dumps(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return DatasetError(f'must be a JSON object such as {{"input": ...}}, received {shown}')


def detect_reading(path: Path, encoding: str | None = None) -> FileReading:
    """How a file seems to be written: the byte order mark tells its encoding, the first rows of a CSV its delimiter.

    An `encoding` that is given is not looked for.

    Raises:
        DatasetError: it cannot be read.
    """
    with _errors_of_opening(path), open_bytes(path) as file:
        start = file.read(_LOOKED_AT)
    if encoding is None:
        encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8")
    detect = DETECTORS.get(ending_of(path))
    return FileReading(encoding, detect(start.decode(encoding, errors="replace")) if detect else None)
