"""Workbooks as spreadsheets write them: several sheets, titles, merged headers, formulas, dates, gaps."""

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import yaml

from gpo.data.guessing.choices import Choices
from gpo.data.sources.files import FileReading
from gpo.data.sources.folders import read_file
from gpo.data.sources.workbooks import sheet_names
from gpo.data.splits import load_splits
from gpo.data.starter import write_starter
from gpo.errors import DatasetError
from gpo.spec.file import load_spec


@contextmanager
def book_of(path: Path) -> Iterator[tuple[Any, Any]]:
    with xlsxwriter.Workbook(path) as book:
        yield book, book.add_format({"num_format": "yyyy-mm-dd"})


def read(path: Path, **reading: Any) -> list[tuple[int, Any]]:
    return list(read_file(path, FileReading(**reading)))


def tickets(sheet: Any, count: int = 24, first: int = 0) -> None:
    sheet.write_row(first, 0, ["Ticket ID", "Customer message", "Category"])
    for number in range(count):
        words = ("broken", "fine")[number % 2]
        sheet.write_row(
            first + number + 1, 0, [1000 + number, f"Part {number} is {words}", ("bug", "praise")[number % 2]]
        )


def test_values_are_what_the_spreadsheet_shows(tmp_path: Path) -> None:
    path = tmp_path / "values.xlsx"
    with book_of(path) as (book, date):
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["text", "whole", "part", "day", "flag", "sum"])
        sheet.write_row(1, 0, [" a\nb ", 3, 0.25])
        sheet.write_datetime(1, 3, dt.datetime(2026, 1, 5), date)
        sheet.write_boolean(1, 4, True)
        sheet.write_formula(1, 5, "=B2+C2", None, 3.25)
    assert read(path) == [
        (
            2,
            {"text": " a\nb ", "whole": "3", "part": "0.25", "day": "2026-01-05", "flag": True, "sum": "3.25"},
        )
    ]


def test_titles_gaps_and_columns_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "gaps.xlsx"
    with book_of(path) as (book, _):
        sheet = book.add_worksheet()
        sheet.merge_range(1, 1, 1, 4, "Tickets of January")
        sheet.write_row(3, 1, ["text", "label"])
        sheet.write_row(4, 1, ["one", "a", "", "seen"])
        sheet.write_row(7, 1, ["two", "b"])
    assert read(path) == [
        (5, {"text": "one", "label": "a", "column E": "seen"}),
        (8, {"text": "two", "label": "b", "column E": ""}),
    ]
    assert read(path, fields=("label",)) == [(5, {"label": "a"}), (8, {"label": "b"})]


def test_names_below_a_merged_name_come_with_it(tmp_path: Path) -> None:
    path = tmp_path / "merged.xlsx"
    with book_of(path) as (book, _):
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 1, 0, "No")
        sheet.merge_range(0, 1, 0, 2, "Message")
        sheet.write(0, 3, "Label")
        sheet.write_row(1, 1, ["subject", "body", "by Ann"])
        sheet.write_row(2, 0, [1, "Hello", "It broke", "bug"])
    assert read(path) == [
        (3, {"No": "1", "Message subject": "Hello", "Message body": "It broke", "Label by Ann": "bug"})
    ]


def test_the_sheet_is_asked_for_and_written_to_the_spec(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with book_of(path) as (book, _):
        book.add_worksheet("Read me").write(0, 0, "See the other sheet")
        tickets(book.add_worksheet("Data"))
        book.add_worksheet("Empty")
        book.add_worksheet("Secret").hide()
    assert sheet_names(path) == ("Read me", "Data")
    with pytest.raises(DatasetError, match=r"holds the sheets `Read me`, `Data`; say which by dataset.sheet"):
        read(path)
    with pytest.raises(DatasetError, match=r"no sheet 'Dat'; did you mean 'Data'"):
        read(path, sheet="Dat")
    asked = []

    def choose(question: Any) -> str:
        asked.append(question.answers)
        return "Data"

    starter = write_starter("task", path, tmp_path, force=False, ask=choose)
    assert asked == [("Read me", "Data")]
    assert yaml.safe_load(starter.path.read_text())["dataset"]["sheet"] == "Data"
    assert load_splits(load_spec(starter.path)) == starter.splits
    named = write_starter("task", path, tmp_path, force=True, choices=Choices(sheet="Data"))
    assert named.splits == starter.splits


def test_a_formula_without_a_value_is_told(tmp_path: Path) -> None:
    path = tmp_path / "errors.xlsx"
    with book_of(path) as (book, _):
        sheet = book.add_worksheet()
        tickets(sheet)
        sheet.write_formula(3, 2, "=VLOOKUP(1,A1:B2,9)", None, "#N/A")
    starter = write_starter("task", path, tmp_path, force=False)
    assert any("row 4: field `Category`: must not be blank" in each for each in starter.splits.left_out)


def test_what_is_no_workbook_is_said(tmp_path: Path) -> None:
    (tmp_path / "data.xlsx").write_text("text,label\n")
    with pytest.raises(DatasetError, match="not a workbook that can be read"):
        read(tmp_path / "data.xlsx")


@pytest.mark.slow
def test_without_the_extra_the_message_says_what_to_install(tmp_path: Path) -> None:
    with book_of(tmp_path / "data.xlsx") as (book, _):
        tickets(book.add_worksheet())
    program = (
        "import sys; sys.modules['python_calamine'] = None; from pathlib import Path;"
        " from gpo.data.sources.files import FileReading; from gpo.data.sources.folders import read_file\n"
        f"list(read_file(Path({str(tmp_path / 'data.xlsx')!r}), FileReading()))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "pip install 'gpo-pipeline[excel]'" in found.stderr
