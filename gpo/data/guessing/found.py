"""What a file or a folder of labelled rows shows: how it is written, and what its rows are."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from gpo.data.guessing.benchmarks import recognise_benchmark
from gpo.data.guessing.choices import UNDECIDED, Ask, Choices, ChoiceToMake, UndecidedError, take_default
from gpo.data.guessing.columns import Column, Row
from gpo.data.guessing.guess import ENOUGH_ROWS, FEWEST_ROWS, Guess, guess, sample
from gpo.data.guessing.roles.splits import sizes_for, sizes_of_splits
from gpo.data.guessing.unread import check_ending, no_splits, no_test
from gpo.data.guessing.values import key_of
from gpo.data.sources.encodings import EncodingGuess, check_encoding, detect_encoding
from gpo.data.sources.files import LOADERS, FileReading, detect_reading, ending_of
from gpo.data.sources.folders import read_file, split_files
from gpo.data.sources.workbooks import sheet_names
from gpo.errors import DatasetError
from gpo.progress import Note, emit
from gpo.records import Split

_TEXT_FILES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".yaml", ".yml"})
_WITH_HEADERS = frozenset({".csv", ".tsv", ".xlsx"})
_TABS = {"\\t": "\t", "tab": "\t"}
"""How a tab is written on a command line."""
_MOST_UNREADABLE = 0.2
"""Share of the rows that may be unreadable; they are left out, and that is told."""


class Found(NamedTuple):
    """What rows show: the guess, the rows that it was made from, and why they are read in the way they are.

    `total` is how many rows there are, `unreadable` how many of them are none.
    """

    guess: Guess
    rows: list[Row]
    total: int
    unreadable: int = 0
    encoding_why: str = ""

    @property
    def is_from_sample(self) -> bool:
        """Whether the guess is from a part of the rows, drawn evenly."""
        return self.total - self.unreadable > len(self.rows)

    def with_guess(self, **changes: Any) -> Self:
        """The same with parts of the guess replaced."""
        return self._replace(guess=self.guess._replace(**changes))


def find_in(data: Path, choices: Choices = UNDECIDED, ask: Ask = take_default) -> Found:
    """What a file or folder shows: a published benchmark is known by its name, all else is guessed from the rows.

    Raises:
        DatasetError: the data cannot be read, has too few rows, or does not show what is input and what is answer.
    """
    if not os.path.exists(data):  # noqa: PTH110 - Path.exists raises where a name is too long
        raise DatasetError(f"{data}: no such file or folder; name a file of labelled rows, or a folder of splits")
    if data.is_dir():
        files = split_files(data)
        if not files:
            raise no_splits(data)
        if "test" not in files:
            raise no_test(data, files)
        return _find_in_splits(data.resolve(), files, choices, ask)
    check_ending(data)
    reading, encoded = _reading(data, choices, ask)
    reader = _Reader(choices)
    rows = sample(reader.rows(data, reading))
    reader.check()
    if ending_of(data) in _WITH_HEADERS:
        _check_header(data, rows)
    found = guess(data, rows, choices, ask)
    return _found(found, rows, reader, reading, encoded)


def _check_header(data: Path, rows: Sequence[Row]) -> None:
    """Raise UndecidedError for a first row that is a row of data: one of its names is a label of its column."""
    columns = [Column(name, rows) for name in (rows[0] if rows else ())]
    labels = [each.name for each in columns if each.is_label_like and each.counts[key_of(each.name)] > 1]
    if labels and len(labels) < len(columns):
        raise UndecidedError(
            f"{data}: the first row is no header: `{labels[0]}` is a value of its own column; write a row of names "
            "above it, such as text,label"
        )


def _find_in_splits(folder: Path, files: Mapping[Split, tuple[Path, ...]], choices: Choices, ask: Ask) -> Found:
    reading, encoded = _reading(next(iter(files.values()))[0], choices, ask)
    reader = _Reader(choices)
    counts = dict.fromkeys(files, 0)

    def all_rows() -> Iterator[Row]:
        for split, paths in files.items():
            for path in paths:
                for row in reader.rows(path, reading):
                    counts[split] += 1
                    yield row

    rows = sample(all_rows())
    reader.check()
    split = sizes_of_splits(counts)
    known = recognise_benchmark(folder, rows, split) if choices == UNDECIDED else None
    guessed = known or guess(folder, rows, choices._replace(split=None), ask)._replace(split=split, split_field=None)
    if choices.split:
        guessed = guessed._replace(split=sizes_for(len(rows), choices.split))
    return _found(guessed, rows, reader, reading, encoded)


def _found(found: Guess, rows: list[Row], reader: "_Reader", reading: FileReading, encoded: EncodingGuess) -> Found:
    found = found._replace(encoding=reading.encoding, delimiter=reading.delimiter, sheet=reading.sheet)
    return Found(found, rows, reader.count, len(reader.unreadable), encoded.why)


def _reading(path: Path, choices: Choices, ask: Ask) -> tuple[FileReading, EncodingGuess]:
    """How a file is written, as it is said or seen."""
    is_text = ending_of(path) in _TEXT_FILES
    if choices.encoding:
        check_encoding(choices.encoding)
        encoded = EncodingGuess(choices.encoding)
    else:
        encoded = detect_encoding(path) if is_text else EncodingGuess("utf-8")
    seen = detect_reading(path, encoded.encoding) if ending_of(path) in LOADERS else FileReading()
    delimiter = _TABS.get(choices.delimiter or "", choices.delimiter)
    sheet = _sheet(path, choices, ask)
    return FileReading(encoded.encoding, delimiter or seen.delimiter, sheet=sheet), encoded


def _sheet(path: Path, choices: Choices, ask: Ask) -> str | None:
    """Which sheet of a workbook is read; None where there is one alone, and for all other files."""
    if choices.sheet or ending_of(path) != ".xlsx":
        return choices.sheet
    names = sheet_names(path)
    if len(names) < 2:
        return None
    return ask(ChoiceToMake("Which sheet holds the labelled rows?", names, names[0]))


class _Reader:
    """Reads rows, and keeps what is wrong with those that are none."""

    def __init__(self, choices: Choices) -> None:
        self.count = 0
        self.unreadable: list[str] = []
        self._stops = choices.on_bad_row == "stop"

    def rows(self, path: Path, reading: FileReading) -> Iterator[Row]:
        """The rows of a file that are rows."""
        for number, row in read_file(path, reading):
            self.count += 1
            if self.count == ENOUGH_ROWS + 1:
                emit(Note(f"{path}: more than {ENOUGH_ROWS:,} rows; reading all of them takes a while"))
            if not isinstance(row, DatasetError):
                yield row
                continue
            self.unreadable.append(f"{path}: row {number}: {row}")
            if self._stops:
                self.fail()

    def check(self) -> None:
        """Raise DatasetError where too many are none, or too few are left: then the file is not what it seems."""
        is_short = self.count - len(self.unreadable) < FEWEST_ROWS
        if self.unreadable and (is_short or len(self.unreadable) > _MOST_UNREADABLE * self.count):
            self.fail()

    def fail(self) -> None:
        """Raise DatasetError for the first that is none."""
        raise DatasetError(self.unreadable[0])
