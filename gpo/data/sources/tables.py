"""The tables of a dataset: those that a spec names, or a pandas frame. Their rows come one by one when asked for."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from gpo.data.sources.files import FileReading, NumberedRow
from gpo.data.sources.folders import SPLIT_FILES
from gpo.data.sources.frames import RowList, rows_of_frame
from gpo.data.sources.paths import is_there, value_at
from gpo.data.sources.registry import SOURCES, Table, Tables
from gpo.errors import DatasetError
from gpo.formatting import shorten_value
from gpo.records import Split
from gpo.spec.dataset import DatasetSpec

if TYPE_CHECKING:
    import pandas as pd


def tables_of(dataset: DatasetSpec, also: tuple[str, ...] = ()) -> Tables:
    """The tables that a spec's `dataset` names; `also` are fields that rows may have besides those of `dataset`.

    Raises:
        DatasetError: the source is missing or incomplete; more may come up when the rows are read.
    """
    return _by_field(dataset, lambda: SOURCES[dataset.source_option](dataset, reading_of(dataset, also)))


def table_of_frame(frame: "pd.DataFrame | RowList", dataset: DatasetSpec, also: tuple[str, ...] = ()) -> Tables:
    """A pandas frame as the one table of a dataset."""
    reading = reading_of(dataset, also)
    return _by_field(dataset, lambda: Tables(whole=(Table("frame", "the frame", rows_of_frame(frame, reading)),)))


def reading_of(dataset: DatasetSpec, also: tuple[str, ...] = ()) -> FileReading:
    """How the dataset's tables are read."""
    optional = (*filter(None, [dataset.solution, dataset.feedback]), *also)
    return FileReading(dataset.encoding, dataset.delimiter, dataset.fields, optional, dataset.sheet)


_SPLIT_NAMES: dict[str, Split] = {
    **{name: split for split, names in SPLIT_FILES.items() for name in names},
    "testing": "test",
    "training": "train",
}


def split_named(value: object) -> Split | None:
    """The split that a value of a field names, as `Validation` names dev; None where it names none."""
    return _SPLIT_NAMES.get(str(value).strip().casefold()) if is_there(value) else None


def _by_field(dataset: DatasetSpec, read: Callable[[], Tables]) -> Tables:
    """The tables, or where the spec names a field for it, the splits that their rows name; then they are read again.

    Raises:
        DatasetError: there are splits without that field, a row names none, or none is of test.
    """
    tables, field = read(), dataset.split_field
    if field is None:
        return tables
    if tables.splits:
        raise DatasetError(f"{dataset.source}: has splits of its own; leave out dataset.split_field")
    named = {_named(number, row, field, table.where) for table in tables.whole for number, row in table.rows}
    if "test" not in named:
        raise DatasetError(
            f"{dataset.source}: no row's `{field}` is test; leave out dataset.split_field to split it here"
        )
    splits = {split: _only(split, read().whole, field) for split in SPLIT_FILES if split in named}
    return Tables(splits=splits)


def _only(split: Split, tables: tuple[Table, ...], field: str) -> Table:
    """The rows of all tables that are of one split."""

    def rows() -> Iterator[NumberedRow]:
        for table in tables:
            for number, row in table.rows:
                if _named(number, row, field, table.where) == split:
                    yield number, row

    return Table(f"{tables[0].name} {split}", f"{tables[0].where} {split}", rows())


def _named(number: int, row: object, field: str, where: str) -> Split:
    # Of a row that cannot be read nobody knows its split; it is told with those of test.
    if not isinstance(row, Mapping):
        return "test"
    found = split_named(value := value_at(row, field))
    if found is None:
        allowed = f"must be one of {', '.join(_SPLIT_NAMES)}, received {shorten_value(value)}"
        raise DatasetError(f"{where}: row {number}: field `{field}`: {allowed}")
    return found
