"""The registry of sources: for each option of a spec that says where rows are, the function that finds their tables.

A new source is one file of this folder, and its option in `gpo.spec.dataset`:

    @source("ftp")
    def ftp_tables(dataset: DatasetSpec, reading: FileReading) -> Tables:
        rows = number_rows(rows_of_server(dataset.ftp))
        return Tables(whole=(Table(dataset.source, dataset.source, rows),))
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from gpo.data.sources.files import FileReading, NumberedRow
from gpo.records import Split
from gpo.spec.dataset import DatasetSpec


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


Source = Callable[[DatasetSpec, FileReading], Tables]

SOURCES: dict[str, Source] = {}
"""Every source by the option of `dataset` that names it."""


def source(option: str) -> Callable[[Source], Source]:
    """Register a function for datasets with this option; one that is taken raises ValueError."""

    def register(function: Source) -> Source:
        if option in SOURCES:
            raise ValueError(f"a source for `{option}` is registered twice")
        SOURCES[option] = function
        return function

    return register
