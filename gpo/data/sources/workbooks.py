"""Workbooks of spreadsheets: one sheet of them is a table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from gpo.data.sources.files import FileReading, NumberedRow, check_columns, loader
from gpo.data.sources.frames import as_written
from gpo.errors import DatasetError, suggestion

Cells = Sequence[Any]
_Range = tuple[tuple[int, int], tuple[int, int]]


@loader(".xlsx")
def load_workbook(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """The rows of one sheet, numbered as the spreadsheet numbers them.

    A formula counts as what it came to, an error of one as nothing. The header is the first row with two names or
    more, so that a title above the table is none. Where names stand below a merged name, both together are the field's
    name. Empty rows and columns are left out.
    """
    with _opened(path) as book:
        sheet = book.get_sheet_by_name(_sheet_of(book, path, reading))
        rows: list[Cells] = sheet.to_python(skip_empty_area=False)
        merged: list[_Range] = sheet.merged_cell_ranges or []
    where = f"{path}: sheet `{sheet.name}`"
    place = next((number for number, row in enumerate(rows) if _count(row) > 1), None)
    if place is None:
        place = next((number for number, row in enumerate(rows) if _count(row)), 0)
    height = _header_height(place, merged)
    fields = _fields(rows, place, height, merged)
    if fields:
        check_columns(list(fields.values()), f"{where}: row {place + 1}, the header", reading)
    wanted = set(reading.columns_of(list(fields.values())))
    for number, row in enumerate(rows[place + height :], start=place + height + 1):
        if _count(row):
            yield number, {name: as_written(_typed(row[column])) for column, name in fields.items() if name in wanted}


def sheet_names(path: Path) -> tuple[str, ...]:
    """The sheets of a workbook that a person can see and that hold something.

    Raises:
        DatasetError: it cannot be read.
    """
    with _opened(path) as book:
        return _visible(book)


def _visible(book: Any) -> tuple[str, ...]:
    shown = [each.name for each in book.sheets_metadata if str(each.visible).endswith(".Visible")]
    return tuple(name for name in shown if book.get_sheet_by_name(name).end is not None)


def _sheet_of(book: Any, path: Path, reading: FileReading) -> str:
    """The sheet that is named, or the only one.

    Raises:
        DatasetError: there is none of that name, or several and none is named.
    """
    if reading.sheet is not None:
        if reading.sheet in book.sheet_names:
            return reading.sheet
        raise DatasetError(f"{path}: no sheet '{reading.sheet}'{suggestion(reading.sheet, book.sheet_names)}")
    names = _visible(book)
    if len(names) == 1:
        return names[0]
    if not names:
        raise DatasetError(f"{path}: holds no rows; add labelled rows")
    listed = ", ".join(f"`{name}`" for name in names)
    raise DatasetError(f"{path}: holds the sheets {listed}; say which by dataset.sheet (--sheet)")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import python_calamine as calamine  # noqa: PLC0415 - an extra
    except ImportError:
        raise DatasetError(
            f"{path}: workbooks need a package that is not installed; `pip install 'gpo-pipeline[excel]'`, or save the"
            " sheet as CSV"
        ) from None
    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            yield book
    except calamine.PasswordError:
        raise DatasetError(f"{path}: is protected by a password; save it without one") from None
    except calamine.CalamineError as error:
        raise DatasetError(f"{path}: not a workbook that can be read: {error}") from None


def _count(row: Cells) -> int:
    return sum(_is_filled(value) for value in row)


def _is_filled(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _header_height(place: int, merged: Sequence[_Range]) -> int:
    """Two rows where a name of the header is merged over several columns, so that each has its own name below."""
    is_wide = any(top == bottom == place and left < right for (top, left), (bottom, right) in merged)
    return 2 if is_wide else 1


def _fields(rows: Sequence[Cells], place: int, height: int, merged: Sequence[_Range]) -> dict[int, str]:
    """The names of the columns that hold something, by their places; one without a name is called by its letter."""
    header, body = rows[place : place + height], rows[place + height :]
    found: dict[int, str] = {}
    for column in range(max((len(row) for row in rows), default=0)):
        parts = dict.fromkeys(_text(_merged_value(rows, place + at, column, merged)) for at in range(len(header)))
        name = " ".join(filter(None, parts))
        if name or any(_is_filled(row[column]) for row in body):
            found[column] = name or f"column {_letters(column)}"
    return found


def _merged_value(rows: Sequence[Cells], row: int, column: int, merged: Sequence[_Range]) -> object:
    """The value of a cell, or of the merged cells that it is one of."""
    for (top, left), (bottom, right) in merged:
        if top <= row <= bottom and left <= column <= right:
            return rows[top][left]
    return rows[row][column]


def _text(value: object) -> str:
    return " ".join(str(_typed(value)).split()) if _is_filled(value) else ""


def _letters(column: int) -> str:
    """A column as spreadsheets call it.

    >>> _letters(0), _letters(25), _letters(26)
    ('A', 'Z', 'AA')
    """
    first, last = divmod(column, 26)
    return (_letters(first - 1) if first else "") + chr(ord("A") + last)


def _typed(value: object) -> object:
    """A value as the spreadsheet shows it: a whole number without a point, a duration as text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return str(value) if isinstance(value, timedelta) else value
