"""The source `path`: a file of labelled rows, or a folder with a file for each split."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gpo.data.sources.files import COMPRESSED, LOADERS, FileReading, NumberedRow, ending_of
from gpo.data.sources.paths import is_there
from gpo.data.sources.registry import Table, Tables, source
from gpo.errors import DatasetError, suggestion
from gpo.formatting import shorten
from gpo.records import Split
from gpo.spec.dataset import DatasetSpec

FEW_SHOT = "few_shot_examples"
SPLIT_FILES: Mapping[Split, tuple[str, ...]] = {
    "test": ("test",),
    "dev": ("dev", "eval", "validation", "val", "valid"),
    "train": ("train",),
}
"""Names of a folder's files, without their endings; a file may be in parts, as `train-00000-of-00002.parquet`."""

SPLIT_NAMES: Mapping[str, Split] = {
    **{name: split for split, names in SPLIT_FILES.items() for name in names},
    "testing": "test", "holdout": "test", "hold-out": "test", "held-out": "test", "heldout": "test",
    "privatetest": "test", "private_test": "test", "publictest": "dev", "public_test": "dev",
    "development": "dev", "training": "train",
}  # fmt: skip
"""What a field, or the name of a list, may call a split."""

_NAMED = 3
"""Names of a split that a message tells."""

_PART = re.compile(r"[-_.]\d{3,6}-of-\d{3,6}$")


@source("path")
def path_tables(dataset: DatasetSpec, reading: FileReading) -> Tables:
    """The one table of a file, or the splits of a folder and its demonstrations.

    Raises:
        DatasetError: the folder lacks the file of a split, or has two.
    """
    path = Path(str(dataset.path))
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a name that is too long for the disk
        raise DatasetError(f"{shorten(str(path))}: cannot be read: {error.strerror}") from None
    if not is_folder:
        return Tables(whole=(_of_file(path, reading),))
    files = split_files(path)
    # Of train alone, dev can be cut off; nothing stands in for test.
    needed: tuple[Split, ...] = ("test",) if "train" in files else ("test", "dev")
    missing = [split for split in needed if split not in files]
    if missing:
        names = " or ".join(SPLIT_FILES[missing[0]][:_NAMED])
        raise DatasetError(
            f"{path}: no {names} file; a dataset folder holds train, dev, and test, each as one of {', '.join(LOADERS)}"
        )
    few_shot = _files_of(path, (FEW_SHOT,))
    return Tables(
        splits={split: _of_files(parts, reading) for split, parts in files.items()},
        few_shot=_of_files(few_shot, reading) if few_shot else None,
    )


def split_files(folder: Path) -> dict[Split, tuple[Path, ...]]:
    """The files of a folder that are splits, test first, each with its parts in their order; there may be none.

    They are in the folder or, as on the hub, in its folder `data`.

    Raises:
        DatasetError: two files are the same split.
    """
    for place in (folder, folder / "data"):
        found = {split: _files_of(place, names) for split, names in SPLIT_FILES.items()}
        if any(found.values()):
            return {split: paths for split, paths in found.items() if paths}
    return _by_a_word(folder)


def table_files(folder: Path) -> tuple[Path, ...]:
    """The files of a folder that may hold rows, in their order."""
    return tuple(path for path in sorted(folder.iterdir()) if ending_of(path) in LOADERS and path.is_file())


def _by_a_word(folder: Path) -> dict[Split, tuple[Path, ...]]:
    """The files of a folder with the name of a split as one of their words, as `my_train.csv` and `my_test.csv` have.

    None, unless each of at least two files is another split, test among them.
    """
    found: dict[Split, tuple[Path, ...]] = {}
    for path in table_files(folder):
        words = re.split(r"[-_. ]", path.name.casefold())
        named = {split for split, names in SPLIT_FILES.items() if not set(names).isdisjoint(words)}
        if len(named) != 1 or not named.isdisjoint(found):
            return {}
        found[named.pop()] = (path,)
    is_enough = len(found) > 1 and "test" in found
    return {split: found[split] for split in SPLIT_FILES if split in found} if is_enough else {}


def split_named(value: object) -> Split | None:
    """The split that a value of a field names, as `Validation` names dev; None where it names none."""
    return SPLIT_NAMES.get(str(value).strip().casefold()) if is_there(value) else None


def read_file(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """The rows of a file, numbered from 1 as an editor or a spreadsheet shows them, one by one.

    A row that cannot be read comes as the error that says why; the rows after it still come.

    Raises:
        DatasetError: the file is missing, has an unknown ending, or cannot be read as what it should be.
    """
    ending = ending_of(path)
    try:
        # What is not there has no format.
        path.stat()
        if ending not in LOADERS:
            raise DatasetError(
                f"{path}: cannot tell the format from the ending '{ending}'{suggestion(ending, LOADERS)}"
            )
        yield from LOADERS[ending](path, reading)
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}: not {reading.encoding.upper()}: {error.reason}; correct dataset.encoding"
        ) from None
    except FileNotFoundError:
        raise DatasetError(
            f"{path}: no such file or folder; correct dataset.path, which is relative to the spec"
        ) from None
    except (OSError, EOFError) as error:
        raise DatasetError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _of_file(path: Path, reading: FileReading) -> Table:
    return Table(path.name, str(path), read_file(path, reading))


def _of_files(parts: Sequence[Path], reading: FileReading) -> Table:
    """The table of a file that may be in parts, whose rows are numbered in each."""
    if len(parts) == 1:
        return _of_file(parts[0], reading)
    rows = (row for part in parts for row in read_file(part, reading))
    return Table(_without_part(parts[0]), str(parts[0].parent / _without_part(parts[0])), rows)


def _files_of(folder: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    """The file of one of these names, or its parts."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        whole = _without_part(path)
        stem = whole.removesuffix(COMPRESSED).removesuffix(ending_of(path))
        # Whatever it is: a link to nowhere that is passed over would be a split that is missing without a word.
        if ending_of(path) in LOADERS and stem in names:
            found.setdefault(whole, []).append(path)
    if len(found) > 1:
        one, other = sorted(found, key=lambda whole: names.index(whole.partition(".")[0]))[:2]
        raise DatasetError(f"{folder}: holds both {one} and {other}; keep one of them, for one is one split")
    return tuple(next(iter(found.values()), ()))


def _without_part(path: Path) -> str:
    """The name of a file without the number of its part."""
    ending = path.name[len(path.name.removesuffix(COMPRESSED).removesuffix(ending_of(path))) :]
    return _PART.sub("", path.name[: len(path.name) - len(ending)]) + ending
