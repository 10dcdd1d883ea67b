"""A first spec from data: guesses what the rows show and writes it down with comments that teach the rest.

What is written works as it stands: the spec is checked and the whole dataset is read with it before the file appears.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from gpo.data.benchmarks import recognise_benchmark
from gpo.data.guess import Guess, Row, guess, sample
from gpo.data.sources.files import FileReading, detect_reading
from gpo.data.sources.folders import read_file, split_files
from gpo.data.splits import load_splits
from gpo.data.starter_text import spec_text
from gpo.errors import DatasetError, InputError, SpecError
from gpo.files import write_whole
from gpo.names import Name
from gpo.progress import Note, emit
from gpo.records import Split
from gpo.spec.dataset import SplitSpec
from gpo.spec.file import anchor_paths
from gpo.spec.task import TaskSpec


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
    for left_out in load_splits(anchor_paths(spec, folder.resolve())).left_out:
        emit(Note(left_out))
    try:
        write_whole(path, text)
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
        reading = detect_reading(data)
        found = guess(data, sample(_rows(data, reading)))
        return found._replace(encoding=reading.encoding, delimiter=reading.delimiter)
    files = split_files(data)
    if not files:
        raise DatasetError(
            f"{data}: is a folder without splits; name one file, or a folder with train, dev and test files"
        )
    return _found_in_splits(data.resolve(), files)


def _found_in_splits(folder: Path, files: Mapping[Split, Path]) -> Guess:
    reading = detect_reading(next(iter(files.values())))
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
    found = recognise_benchmark(folder, rows, split) or guess(folder, rows)._replace(split=split)
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


def _rows(path: Path, reading: FileReading) -> Iterator[Row]:
    for number, row in read_file(path, reading):
        if isinstance(row, DatasetError):
            raise DatasetError(f"{path}: row {number}: {row}")
        yield row


def task_of(folder: Path, *, train: int | None = None, dev: int | None = None, test: int | None = None) -> TaskSpec:
    """The task that a folder of labelled splits is, with the embedded models; sizes are the folder's, or as given.

    The benchmarks of the paper are known by the folder's name and asked as the paper does it; of any other folder, the
    rows tell. `gpo.data.starter.write_starter` writes the same as a commented file.

    Raises:
        DatasetError: the folder cannot be read, or does not show what is input and what is answer.
    """
    found = found_in(folder)
    sizes = {"train": train, "dev": dev, "test": test}
    given = {split: size for split, size in sizes.items() if size is not None}
    found = found._replace(split=SplitSpec.model_validate({**found.split.model_dump(), **given}))
    spec = TaskSpec.model_validate(yaml.safe_load(spec_text(_name(folder.resolve()), ".", found, local=True)))
    return anchor_paths(spec, folder.resolve())


def _name(folder: Path) -> str:
    """`bbh-navigate` for `bbh/navigate`, and the folder's own name where nothing is gained by more."""
    group = f"{folder.parent.name}-" if folder.parent.name in ("bbh", "mmlu") else ""
    name = re.sub(r"[^a-z0-9_-]+", "_", f"{group}{folder.name}".lower())
    return name.strip("_-")[:63] or "task"
