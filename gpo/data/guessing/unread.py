"""Folders and files that are no table: what they hold instead, and what to name in their place."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from gpo.data.guessing.choices import UNDECIDED, UndecidedError
from gpo.data.sources.files import LOADERS, ending_of, open_bytes
from gpo.data.sources.folders import table_files
from gpo.data.sources.separated import detect_delimiter
from gpo.errors import DatasetError
from gpo.records import Split

_LOOKED_AT = 1 << 16
_FEWEST_LINES = 3
_SHOWN = 4
_WORDS_OF_A_NAME = 4
_TEXTS = frozenset({"", ".txt", ".text", ".dat", ".data", ".log", ".psv"})
_A_TABLE = "write a table with a row for each example, such as a .csv with the columns text and label"


def no_splits(folder: Path) -> DatasetError:
    """What to say of a folder in which no file is a split."""
    said = f"{folder}: is a folder without splits, which are files named train, dev and test"
    if tables := table_files(folder):
        several = f"; it holds {_few([path.name for path in tables])}: name one, or put all rows into one file"
        return UndecidedError(f"{said}{several}", UNDECIDED, tables[0])
    folders = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if folders:
        return DatasetError(f"{said}; it holds the folders {_few(folders)}: {_A_TABLE}")
    return DatasetError(f"{said}; it holds no file that can be read: {_A_TABLE}")


def no_test(folder: Path, files: Mapping[Split, Sequence[Path]]) -> DatasetError:
    """What to say of a folder that has splits, but not the one that proves a gain."""
    rows = max((path for paths in files.values() for path in paths), key=lambda path: path.stat().st_size)
    said = f"{folder}: no test file; a dataset folder holds train, dev, and test: one file alone is cut into the three"
    return UndecidedError(said, UNDECIDED, rows)


def check_ending(data: Path) -> None:
    """Raise an error for a text file whose ending says no format, with the one that its lines seem to have."""
    if ending_of(data) in LOADERS or ending_of(data) not in _TEXTS:
        return
    with open_bytes(data) as file:
        lines = file.read(_LOOKED_AT).decode("utf-8", errors="replace").splitlines()
    said = f"{data}: cannot tell the format from the ending '{ending_of(data)}'"
    if ending := _ending_for(lines):
        said += f"; its lines look like those of a {ending} file"
        raise UndecidedError(said, UNDECIDED, data.with_suffix(ending))
    raise DatasetError(f"{said}, and its lines have no header and no columns: {_A_TABLE}")


def _ending_for(lines: Sequence[str]) -> str | None:
    """The format of lines that could be read as they are; None for others."""
    lines = [line for line in lines if line.strip()]
    if len(lines) < _FEWEST_LINES:
        return None
    if all(map(_is_object, lines[:_FEWEST_LINES])):
        return ".jsonl"
    delimiter = detect_delimiter("\n".join(lines)) or ","
    try:
        header, *rows = csv.reader(lines, delimiter=delimiter)
    except csv.Error:
        return None
    is_even = all(len(row) == len(header) for row in rows[: 2 * _FEWEST_LINES])
    is_named = all(0 < len(name.split()) <= _WORDS_OF_A_NAME and name[-1:] != "." for name in header)
    is_header = is_named and {cell for row in rows for cell in row}.isdisjoint(header)
    return ".csv" if len(header) > 1 and is_even and is_header else None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
