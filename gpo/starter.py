"""A first spec from data: guesses what the rows show and writes it down with comments that teach the rest.

What is written works as it stands: the spec is checked and the whole dataset is read with it before the file appears.
"""

import codecs
import os
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from gpo.datasets import load_splits
from gpo.errors import DatasetError, InputError, SpecError
from gpo.guesses import Guess, Row, guess
from gpo.progress import Note, emit
from gpo.published import published
from gpo.records import Split
from gpo.source_files import Reading
from gpo.sources import read_file, split_files
from gpo.spec import Name, SplitSpec, TaskSpec
from gpo.spec_file import anchored
from gpo.spec_text import spec_text

_ENOUGH_ROWS = 50_000
"""More are not looked at for a guess; all are read with the finished spec."""
_DELIMITERS = (";", "\t", "|")


def write_starter(name: str, data: Path, folder: Path, *, force: bool) -> Path:
    """Write `NAME.yaml` into `folder`, a spec for a file or a folder of labelled rows, and return its path.

    Notes tell which rows the spec leaves out.

    Raises:
        SpecError: `name` cannot be a task's name.
        InputError: the file is there already and `force` is not set, or it cannot be written.
        DatasetError: the data cannot be read, has too few rows, or does not show what is input and what is answer.
    """
    _check_name(name)
    path = folder / f"{name}.yaml"
    if path.exists() and not force:
        raise InputError(f"{path}: is there already; choose another name, or overwrite it with --force")
    text = spec_text(name, _relative(data, folder), found_in(data))
    spec = TaskSpec.model_validate(yaml.safe_load(text))
    for left_out in load_splits(anchored(spec, folder.resolve())).left_out:
        emit(Note(left_out))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def found_in(data: Path) -> Guess:
    """What a file or folder shows: a published benchmark is known by its name, all else is guessed from the rows.

    Raises:
        DatasetError: the data cannot be read, has too few rows, or does not show what is input and what is answer.
    """
    if not data.exists():
        raise DatasetError(f"{data}: no such file or folder; name a file of labelled rows, or a folder of splits")
    if not data.is_dir():
        reading = reading_for(data)
        found = guess(data, sample(_rows(data, reading)))
        return found._replace(encoding=reading.encoding, delimiter=reading.delimiter)
    files = split_files(data)
    if not files:
        raise DatasetError(
            f"{data}: is a folder without splits; name one file, or a folder with train, dev and test files"
        )
    return _found_in_splits(data.resolve(), files)


def _found_in_splits(folder: Path, files: Mapping[Split, Path]) -> Guess:
    reading = reading_for(next(iter(files.values())))
    counts = dict.fromkeys(files, 0)

    def all_rows() -> Iterator[Row]:
        for split, path in files.items():
            for row in _rows(path, reading):
                counts[split] += 1
                yield row

    rows = sample(all_rows())
    split = SplitSpec.model_construct(
        train=counts.get("train", 0), dev=max(counts.get("dev", 0), 1), test=max(counts.get("test", 0), 1)
    )
    found = published(folder, rows, split) or guess(folder, rows)._replace(split=split)
    return found._replace(encoding=reading.encoding, delimiter=reading.delimiter)


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise SpecError(
            f"'{name}' cannot be a task's name: allowed are lower case letters, digits, - and _, a letter or digit"
            " first, 63 characters at most"
        ) from None


def _relative(data: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(data.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive, where there are drives
        return data.resolve().as_posix()


def _rows(path: Path, reading: Reading) -> Iterator[Row]:
    for number, row in read_file(path, reading):
        if isinstance(row, DatasetError):
            raise DatasetError(f"{path}: row {number}: {row}")
        yield row


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


def reading_for(path: Path) -> Reading:
    """The encoding by the file's byte order mark, and the delimiter by the header of a CSV file."""
    with path.open("rb") as file:
        start = file.readline()
    is_utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if path.suffix.lower() != ".csv" or is_utf16:
        return Reading("utf-16" if is_utf16 else "utf-8")
    header = start.decode("utf-8-sig", errors="replace")
    others = [delimiter for delimiter in _DELIMITERS if delimiter in header]
    return Reading(delimiter=others[0] if others and "," not in header else None)
