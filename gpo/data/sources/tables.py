"""The tables of a dataset: those that a spec names, or a pandas frame. Their rows come one by one when asked for."""

from typing import TYPE_CHECKING

from gpo.data.sources.files import FileReading
from gpo.data.sources.frames import rows_of_frame
from gpo.data.sources.registry import SOURCES, Table, Tables
from gpo.spec.dataset import DatasetSpec

if TYPE_CHECKING:
    import pandas as pd


def tables_of(dataset: DatasetSpec, also: tuple[str, ...] = ()) -> Tables:
    """The tables that a spec's `dataset` names; `also` are fields that rows may have besides those of `dataset`.

    Raises:
        DatasetError: the source is missing or incomplete; more may come up when the rows are read.
    """
    return SOURCES[dataset.source_option](dataset, reading_of(dataset, also))


def table_of_frame(frame: "pd.DataFrame", dataset: DatasetSpec, also: tuple[str, ...] = ()) -> Tables:
    """A pandas frame as the one table of a dataset."""
    return Tables(whole=(Table("frame", "the frame", rows_of_frame(frame, reading_of(dataset, also))),))


def reading_of(dataset: DatasetSpec, also: tuple[str, ...] = ()) -> FileReading:
    """How the dataset's tables are read."""
    optional = (*([dataset.solution] if dataset.solution else []), *also)
    return FileReading(dataset.encoding, dataset.delimiter, dataset.fields, optional)
