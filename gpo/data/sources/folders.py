"""The source `path`: a file of labelled rows, or a folder with a file for each split."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gpo.data.sources.files import LOADERS, FileReading, NumberedRow
from gpo.data.sources.registry import Table, Tables, source
from gpo.errors import DatasetError, suggestion
from gpo.records import Split
from gpo.spec.dataset import DatasetSpec

FEW_SHOT = "few_shot_examples"
SPLIT_FILES: Mapping[Split, tuple[str, ...]] = {
    "test": ("test",),
    "dev": ("dev", "eval", "validation"),
    "train": ("train",),
}
"""Names of a folder's files, without their endings."""


@source("path")
def path_tables(dataset: DatasetSpec, reading: FileReading) -> Tables:
    """The one table of a file, or the splits of a folder and its demonstrations.

    Raises:
        DatasetError: the folder lacks the file of a split, or has two.
    """
    path = Path(str(dataset.path))
    if not path.is_dir():
        return Tables(whole=(_of_file(path, reading),))
    files = split_files(path)
    missing = [split for split in SPLIT_FILES if split not in files and split != "train"]
    if missing:
        names = " or ".join(SPLIT_FILES[missing[0]])
        raise DatasetError(
            f"{path}: no {names} file; a dataset folder holds train, dev, and test, each as one of {', '.join(LOADERS)}"
        )
    few_shot = _file_of(path, (FEW_SHOT,))
    return Tables(
        splits={split: _of_file(file, reading) for split, file in files.items()},
        few_shot=_of_file(few_shot, reading) if few_shot else None,
    )


def split_files(folder: Path) -> dict[Split, Path]:
    """The files of a folder that are splits, test first; there may be none.

    Raises:
        DatasetError: two files are the same split.
    """
    found = {split: _file_of(folder, names) for split, names in SPLIT_FILES.items()}
    return {split: path for split, path in found.items() if path}


def read_file(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """The rows of a file, numbered from 1 as an editor or a spreadsheet shows them, one by one.

    A row that cannot be read comes as the error that says why; the rows after it still come.

    Raises:
        DatasetError: the file is missing, has an unknown ending, or cannot be read as what it should be.
    """
    ending = path.suffix.lower()
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
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from None


def _of_file(path: Path, reading: FileReading) -> Table:
    return Table(path.name, str(path), read_file(path, reading))


def _file_of(folder: Path, names: tuple[str, ...]) -> Path | None:
    found = [path for name in names for ending in LOADERS if (path := folder / f"{name}{ending}").is_file()]
    if len(found) > 1:
        raise DatasetError(
            f"{folder}: holds both {found[0].name} and {found[1].name}; keep one of them, for one is one split"
        )
    return found[0] if found else None
