"""Results as files: every text comes back, and no cell is a formula."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.errors import InputError
from gpo.formatting import safe_cell
from gpo.records import TracedCall
from gpo.runs.results.files import write_csv, write_json_lines, write_results
from gpo.runs.results.result import COMPARED, ExampleResult
from gpo.runs.results.steps import steps_of

RESULT = ExampleResult(
    run="reviews-1",
    split="test",
    prompt="abc",
    place=0,
    example="r0",
    slices={"language": "de", "style": "terse"},
    input={"review": "Gut.\nSehr gut.", "title": "+1"},
    expected=("positive",),
    text='=HYPERLINK("http://x","y")',
    answer="-5",
    score=0.0,
)


def rows(*results: ExampleResult, compared: bool = True) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    assert write_csv(file, results, compared=compared) == len(results)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def test_a_row_of_csv_has_a_column_for_each_variable_and_no_formula() -> None:
    (row,) = rows(RESULT)
    assert row["input.review"] == "Gut.\nSehr gut."
    assert row["input.title"] == "+1"
    assert row["slices"] == "language=de; style=terse"
    assert row["text"] == "'" + RESULT.text
    assert row["answer"] == "-5"
    assert (row["score"], row["seconds"], row["change"]) == ("0.0", "", "")


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\n"])
def test_long_steps_are_cut_so_that_a_sheet_holds_them_and_say_so(letter: str) -> None:
    steps = steps_of([TracedCall(text=letter * 5000, input=letter * 5000, part="plan")] * 40)
    (row,) = rows(RESULT._replace(steps=steps))
    assert len(row["steps"]) <= 32_000
    note, *cut = json.loads(row["steps"])
    assert "texts are cut to" in note["note"]
    assert [each["number"] for each in cut] == [each["number"] for each in steps]
    (row,) = rows(RESULT._replace(steps=steps[:2]))
    assert json.loads(row["steps"]) == list(steps[:2])


def test_several_right_answers_are_a_list() -> None:
    (row,) = rows(RESULT._replace(expected=("a, b", "c")))
    assert json.loads(row["expected"]) == ["a, b", "c"]


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(text: str) -> None:
    cell = safe_cell(text)
    assert isinstance(cell, str)
    assert cell in (text, f"'{text}")
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        float(cell)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")))
def test_json_has_every_text_as_it_is(text: str) -> None:
    file = io.StringIO()
    write_json_lines(file, [RESULT._replace(text=text, input={"review": text})], compared=True)
    (line,) = file.getvalue().split("\n")[:-1]
    read = json.loads(line)
    assert (read["text"], read["input"]) == (text, {"review": text})
    assert list(read) == list(ExampleResult._fields)


def test_what_only_a_comparison_fills_can_be_left_out() -> None:
    (row,) = rows(RESULT, compared=False)
    assert not COMPARED & row.keys()
    assert rows(compared=False) == []


def test_a_file_is_written_whole_in_the_form_of_its_ending(tmp_path: Path) -> None:
    for name in ("results.jsonl", "results.CSV"):
        assert write_results(tmp_path / "deep" / name, [RESULT, RESULT], compared=True) == 2
    assert len((tmp_path / "deep" / "results.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert (tmp_path / "deep" / "results.CSV").read_text(encoding="utf-8").startswith("run,split,prompt,")


def test_a_file_that_cannot_be_written_is_an_error_of_whoever_named_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.jsonl or \.csv, got 'results\.xlsx'"):
        write_results(tmp_path / "results.xlsx", [RESULT], compared=True)
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_results(tmp_path / "taken" / "results.csv", [RESULT], compared=True)
