"""Tables with types of their own, Parquet files and pandas frames, as rows of text."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


class RowList:
    """A list of dicts in the place of a pandas frame, which takes longer to import than all else before a search."""

    def __init__(self, rows: Sequence[Mapping[Any, Any]]) -> None:
        """Take rows; a field that a row does not have is None there, and so is a number that is none."""
        self._rows = rows
        self._keys = list(dict.fromkeys(key for row in rows for key in row))

    @property
    def columns(self) -> list[str]:
        """The fields of all rows, in order of first use."""
        return [str(key) for key in self._keys]

    def __len__(self) -> int:
        return len(self._rows)

    def values_of(self, places: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """The values of each row in some of the columns, given by their places."""
        keys = [self._keys[place] for place in places]
        for row in self._rows:
            yield tuple(_or_none(row.get(key)) for key in keys)


def _or_none(value: Any) -> Any:
    """The value, None for what pandas and NumPy have in its place."""
    plain = value.tolist() if hasattr(value, "dtype") and not getattr(value, "shape", True) else value
    is_missing = (isinstance(plain, float) and math.isnan(plain)) or type(plain).__name__ in ("NAType", "NaTType")
    return None if is_missing else value


def rows_of_frame(frame: "pd.DataFrame | RowList", reading: FileReading) -> Iterator[NumberedRow]:
    """The rows of a pandas frame, numbered from 1 by position whatever its index is; or those of a list.

    Raises:
        DatasetError: a column is missing, or two have one name.
    """
    columns = [str(name) for name in frame.columns]
    check_columns(columns, "the frame", reading)
    names = reading.columns_of(columns)
    places = [columns.index(name) for name in names]
    if isinstance(frame, RowList):
        yield from number_rows(dict(zip(names, row, strict=True)) for row in frame.values_of(places))
        return
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
