"""Tables with types of their own, Parquet files and pandas frames, as rows of text."""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpo.data.sources.files import FileReading, Number, NumberedRow, check_columns, loader
from gpo.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

_ROWS_AT_ONCE = 1024


@loader(".parquet")
def load_parquet(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """Apache Parquet; only the wanted columns are read, a thousand rows at a time."""
    try:
        import pyarrow as arrow  # noqa: PLC0415 - an extra
        import pyarrow.parquet as tables  # noqa: PLC0415
    except ImportError:
        raise DatasetError(
            f"{path}: Parquet needs a package that is not installed; `pip install 'gpo-pipeline[parquet]'`"
        ) from None
    try:
        with tables.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            check_columns(columns, str(path), reading)
            batches = file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=reading.columns_of(columns))
            yield from number_rows(row for batch in batches for row in batch.to_pylist())
    except arrow.ArrowException as error:
        raise DatasetError(f"{path}: not a Parquet file that can be read: {error}") from None


def rows_of_frame(frame: "pd.DataFrame", reading: FileReading) -> Iterator[NumberedRow]:
    """The rows of a pandas frame, numbered from 1 by position whatever its index is.

    Raises:
        DatasetError: a column is missing, or two have one name.
    """
    columns = [str(name) for name in frame.columns]
    check_columns(columns, "the frame", reading)
    names = reading.columns_of(columns)
    places = [columns.index(name) for name in names]
    for start in range(0, len(frame), _ROWS_AT_ONCE):
        part = frame.iloc[start : start + _ROWS_AT_ONCE]
        values = zip(*(part.iloc[:, place].tolist() for place in places), strict=True)
        yield from number_rows((dict(zip(names, row, strict=True)) for row in values), first=start + 1)


def number_rows(rows: Iterable[Mapping[str, Any]], first: int = 1) -> Iterator[NumberedRow]:
    """Rows of typed values with their numbers; the values are as `as_written` gives them."""
    for number, row in enumerate(rows, start=first):
        yield number, {field: as_written(value) for field, value in row.items()}


def as_written(value: Any) -> Any:
    """A typed value as a text file would have it; what has no such form, as bytes and NaN, stays as it is.

    >>> as_written(3), as_written(0.1), as_written([1, "two"]), as_written(True), as_written(None)
    ('3', '0.1', ['1', 'two'], True, None)
    """
    if hasattr(value, "tolist"):  # of NumPy
        return as_written(value.tolist())
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int) or (isinstance(value, float | Decimal) and math.isfinite(value)):
        return Number(value)
    if isinstance(value, list | tuple):
        return [as_written(item) for item in value]
    if isinstance(value, Mapping):
        return {name: as_written(item) for name, item in value.items()}
    return value.isoformat() if isinstance(value, date | time) else value
