"""Where labelled rows come from: a file, a folder with splits of its own, the Hugging Face hub, or a database.

Each is one or more tables, whose rows come one by one as they are asked for.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gpo.data.sources.files import LOADERS, FileReading, NumberedRow
from gpo.data.sources.frames import rows_of_frame
from gpo.data.sources.hub import hub_tables, own_splits, rows_of_table
from gpo.data.sources.sql import rows_of_query
from gpo.errors import DatasetError, suggestion
from gpo.records import Split
from gpo.spec.dataset import DatasetSpec

if TYPE_CHECKING:
    import pandas as pd

FEW_SHOT = "few_shot_examples"
SPLIT_FILES: Mapping[Split, tuple[str, ...]] = {
    "test": ("test",),
    "dev": ("dev", "eval", "validation"),
    "train": ("train",),
}
"""Names of a folder's files, without their endings."""


class Table(NamedTuple):
    """Rows of one place: `name` is short, as in `rows 1 and 2 of NAME`, `where` says it all."""

    name: str
    where: str
    rows: Iterator[NumberedRow]


class Tables(NamedTuple):
    """The tables of a dataset: either `whole`, to be split, or `splits` of its own. Nothing is read yet."""

    whole: tuple[Table, ...] = ()
    splits: Mapping[Split, Table] = {}
    few_shot: Table | None = None


def tables_of(dataset: DatasetSpec, also: tuple[str, ...] = ()) -> Tables:
    """The tables that a spec's `dataset` names; `also` are fields that rows may have besides those of `dataset`.

    Raises:
        DatasetError: the source is missing or incomplete; more may come up when the rows are read.
    """
    if dataset.name is not None:
        return Tables(whole=(_of_store(dataset),))
    reading = reading_of(dataset, also)
    if dataset.hub is not None:
        return _of_hub(dataset, reading)
    if dataset.sql is not None:
        return Tables(whole=(Table("dataset.sql", "dataset.sql", rows_of_query(dataset, reading)),))
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


def table_of_frame(frame: "pd.DataFrame", dataset: DatasetSpec, also: tuple[str, ...] = ()) -> Tables:
    """A pandas frame as the one table of a dataset."""
    return Tables(whole=(Table("frame", "the frame", rows_of_frame(frame, reading_of(dataset, also))),))


def reading_of(dataset: DatasetSpec, also: tuple[str, ...] = ()) -> FileReading:
    """How the dataset's tables are read."""
    optional = (*([dataset.solution] if dataset.solution else []), *also)
    return FileReading(dataset.encoding, dataset.delimiter, dataset.fields, optional)


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


def _of_store(dataset: DatasetSpec) -> Table:
    if dataset.rows is None:
        raise DatasetError(
            f"{dataset.source}: nothing is known of its rows; `gpo.runs.job.load_job` reads a spec with them"
        )
    # Stored as UTF-8, whatever they came from.
    return Table(dataset.source, dataset.source, read_file(dataset.rows, FileReading()))


def _file_of(folder: Path, names: tuple[str, ...]) -> Path | None:
    found = [path for name in names for ending in LOADERS if (path := folder / f"{name}{ending}").is_file()]
    if len(found) > 1:
        raise DatasetError(
            f"{folder}: holds both {found[0].name} and {found[1].name}; keep one of them, for one is one split"
        )
    return found[0] if found else None


def _of_hub(dataset: DatasetSpec, reading: FileReading) -> Tables:
    found = hub_tables(dataset)

    def table(name: str) -> Table:
        where = f"{dataset.hub} {name}"
        return Table(where, where, rows_of_table(found[name], where, reading))

    if splits := own_splits(found):
        return Tables(splits={split: table(name) for split, name in splits.items()})
    return Tables(whole=tuple(table(name) for name in _labelled(found, dataset)))


def _labelled(found: Mapping[str, Any], dataset: DatasetSpec) -> list[str]:
    usual = [name for name in found if name in ("train", "validation", "dev", "test")]
    if not usual and len(found) != 1:
        raise DatasetError(
            f"{dataset.hub}: holds the tables {', '.join(sorted(found))}, and none is named train, validation or test;"
            " choose a dataset.config that has them, or save the rows as a file"
        )
    return usual or list(found)
