"""Sources of labelled rows: the same table in any format gives the same splits, and what is wrong is named."""

import csv
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import xlsxwriter
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gpo.data.guessing.exports import import_command
from gpo.data.identity import normal_form
from gpo.data.sources.files import LOADERS, FileReading, NumberedRow, loader
from gpo.data.sources.frames import RowList, as_written, rows_of_frame
from gpo.data.sources.hub import hub_tables, own_splits, rows_of_table, with_class_names
from gpo.data.sources.registry import SOURCES, source
from gpo.data.splits import load_splits, splits_of
from gpo.errors import DatasetError
from gpo.records import Splits
from gpo.spec import dataset as spec_options
from gpo.spec.dataset import DatasetSpec
from gpo.spec.task import TaskSpec
from tests.support.paths import ROOT

Row = Mapping[str, Any]
SECRET = "hunter2"


def spec_for(sizes: Sequence[int] = (2, 2, 2), answer: Any = None, **dataset: Any) -> TaskSpec:
    split = dict(zip(("train", "dev", "test"), sizes, strict=True))
    return TaskSpec.model_validate(
        {
            "name": "task",
            "prompt": {"instruction": "Answer.", "question": "{{text}}"},
            "dataset": {"input": "text", "reference": "label", "split": split, **dataset},
            "answer": answer or {"kind": "free"},
        }
    )


def rows_of(count: int) -> list[dict[str, str]]:
    return [{"text": f"text {number}", "label": f"label {number}"} for number in range(count)]


def questions(splits: Splits) -> set[str]:
    return {example.inputs["text"] for part in (splits.train, splits.dev, splits.test) for example in part}


# The same table in every format


def as_jsonl(path: Path, rows: Sequence[Row]) -> dict[str, Any]:
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"path": path.with_suffix(".jsonl")}


def as_json(path: Path, rows: Sequence[Row]) -> dict[str, Any]:
    path.with_suffix(".json").write_text(
        json.dumps({"version": 1, "rows": rows}, indent=1, ensure_ascii=False), "utf-8"
    )
    return {"path": path.with_suffix(".json")}


def as_csv(path: Path, rows: Sequence[Row], ending: str = ".csv", **options: Any) -> dict[str, Any]:
    with path.with_suffix(ending).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL, **options)
        writer.writeheader()
        writer.writerows(rows)
    return {"path": path.with_suffix(ending)}


def as_tsv(path: Path, rows: Sequence[Row]) -> dict[str, Any]:
    return as_csv(path, rows, ".tsv", delimiter="\t")


def as_parquet(path: Path, rows: Sequence[Row]) -> dict[str, Any]:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path.with_suffix(".parquet"), row_group_size=3)
    return {"path": path.with_suffix(".parquet")}


def as_table(path: Path, rows: Sequence[Row]) -> dict[str, Any]:
    columns = ", ".join(rows[0])
    connection = sqlite3.connect(path.with_suffix(".db"))
    with connection:
        connection.execute("DROP TABLE IF EXISTS reviews")
        connection.execute(f"CREATE TABLE reviews ({columns})")
        marks = ", ".join("?" for _ in rows[0])
        values = [tuple(row[name] for name in rows[0]) for row in rows]
        connection.executemany(f"INSERT INTO reviews VALUES ({marks})", values)
    connection.close()
    return {"sql": f"SELECT {columns} FROM reviews -- 100%, at 12:30"}


def as_yaml(path: Path, rows: Sequence[Row], ending: str = ".yaml") -> dict[str, Any]:
    path.with_suffix(ending).write_text(yaml.safe_dump({"rows": list(rows)}, allow_unicode=True), "utf-8")
    return {"path": path.with_suffix(ending)}


def as_yml(path: Path, rows: Sequence[Row]) -> dict[str, Any]:
    return as_yaml(path, rows, ".yml")


def as_xlsx(path: Path, rows: Sequence[Row]) -> dict[str, Any]:
    with xlsxwriter.Workbook(path.with_suffix(".xlsx"), {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([dict(zip(rows[0], rows[0], strict=True)), *rows]):
            sheet.write_row(place, 0, list(row.values()))
    return {"path": path.with_suffix(".xlsx")}


FORMATS: Mapping[str, Callable[[Path, Sequence[Row]], dict[str, Any]]] = {
    "jsonl": as_jsonl,
    "json": as_json,
    "csv": as_csv,
    "tsv": as_tsv,
    "parquet": as_parquet,
    "sql": as_table,
}

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["a\r\nb", '"', "a,b", "\ufeff", "\u2028", "\x00", "'", "0.10", "null", "NaN", "\\N", " x "]
)
TABLES = st.lists(
    st.fixed_dictionaries(
        {
            "text": TEXTS.filter(normal_form),
            "label": TEXTS.filter(lambda text: bool(text.strip())),
            "id": st.integers(-9, 10**12),
        }
    ),
    min_size=6,
    max_size=12,
    unique_by=(lambda row: normal_form(row["text"]), lambda row: row["id"]),
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=TABLES, has_ids=st.booleans())
def test_a_table_gives_the_same_splits_whatever_its_format(
    rows: list[dict[str, Any]], has_ids: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPO_DATASET_URL", f"sqlite:///{tmp_path / 'data.db'}")
    identifier = {"id": "id"} if has_ids else {}
    found = {
        name: load_splits(spec_for(**write(tmp_path / "data", rows), **identifier)) for name, write in FORMATS.items()
    }
    found["frame"] = splits_of(pd.DataFrame(rows), spec_for(path="unread.csv", **identifier))
    assert all(splits == found["jsonl"] for splits in found.values()), found
    shown = {example.inputs["text"]: example.reference for example in found["jsonl"].test}
    assert shown.items() <= {row["text"]: row["label"].strip() for row in rows}.items()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(count=st.integers(6, 20), place=st.integers(0, 19))
def test_a_bad_row_is_named_by_its_number_in_every_format(
    count: int, place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPO_DATASET_URL", f"sqlite:///{tmp_path / 'data.db'}")
    rows = rows_of(count)
    rows[place % count]["label"] = " "
    for name, write in FORMATS.items():
        # The header of a text file is its first row, as in an editor or a spreadsheet.
        number = place % count + (2 if name in ("csv", "tsv") else 1)
        with pytest.raises(DatasetError) as caught:
            load_splits(spec_for(**write(tmp_path / "data", rows)))
        assert f"\n  row {number}: field `label`: must not be blank" in str(caught.value), name


@pytest.mark.parametrize("ending", sorted(LOADERS))
def test_a_folder_may_hold_any_format(ending: str, tmp_path: Path) -> None:
    write = {
        ".ndjson": as_jsonl,
        ".yaml": as_yaml,
        ".yml": as_yml,
        ".xlsx": as_xlsx,
        **{f".{name}": function for name, function in FORMATS.items()},
    }[ending]
    for name, start in {"train": 0, "dev": 4, "test": 8, "few_shot_examples": 12}.items():
        source = write(tmp_path / name, rows_of(14)[start : start + 4])["path"]
        source.rename(source.with_suffix(ending))
    splits = load_splits(spec_for((9, 9, 9), path=tmp_path))
    assert [len(part) for part in (splits.train, splits.dev, splits.test, splits.few_shot)] == [4, 4, 4, 2]


def test_the_formats_of_a_folder_may_differ_but_a_split_is_one_file(tmp_path: Path) -> None:
    as_csv(tmp_path / "dev", rows_of(2))
    as_parquet(tmp_path / "test", rows_of(4)[2:])
    assert len(questions(load_splits(spec_for(path=tmp_path)))) == 4
    as_jsonl(tmp_path / "test", rows_of(4)[2:])
    with pytest.raises(DatasetError, match=r"holds both test\.jsonl and test\.parquet; keep one of them"):
        load_splits(spec_for(path=tmp_path))


def test_a_new_format_is_one_function(tmp_path: Path) -> None:
    @loader(".pairs")
    def pairs(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
        for number, line in enumerate(path.read_text(reading.encoding).splitlines(), start=1):
            yield number, dict(zip(("text", "label"), line.split("|"), strict=True))

    try:
        (tmp_path / "data.pairs").write_text("".join(f"text {number}|yes\n" for number in range(6)))
        assert len(questions(load_splits(spec_for(path=tmp_path / "data.pairs")))) == 6
        with pytest.raises(ValueError, match=r"'\.pairs' is registered twice"):
            loader(".pairs")(pairs)
    finally:
        del LOADERS[".pairs"]


def test_every_source_of_a_spec_has_its_function() -> None:
    assert set(SOURCES) == set(spec_options.SOURCES)
    with pytest.raises(ValueError, match="`hub` is registered twice"):
        source("hub")(SOURCES["sql"])
    assert set(SOURCES) == set(spec_options.SOURCES)


@pytest.mark.slow
def test_any_module_of_the_folder_knows_all_formats_and_sources() -> None:
    """In a fresh process: whoever imports one of them, as the push of a file does, must not miss the others."""
    program = "from gpo.data.sources.files import LOADERS; from gpo.data.sources.registry import SOURCES"
    program += "; print(sorted(LOADERS), sorted(SOURCES))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == f"{sorted(LOADERS)} {sorted(SOURCES)}"


def bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


NO_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, "no regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "no regular file"),
    "a socket": (bind_socket, "no regular file"),
    "a folder": (Path.mkdir, "[Ii]s a (directory|folder)|no test file"),
    "a link to nowhere": (lambda path: path.symlink_to("nowhere.jsonl"), "no such file"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
}


@pytest.mark.parametrize("made", NO_FILES)
def test_what_is_no_file_is_no_file_of_rows_nor_a_split(
    made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A split that cannot be read is not passed over as if it were not there."""
    monkeypatch.chdir(tmp_path)  # the address of a socket must be short
    make, words = NO_FILES[made]
    make(Path("rows.jsonl"))
    with pytest.raises(DatasetError, match=words):
        load_splits(spec_for(path=tmp_path / "rows.jsonl"))
    (tmp_path / "splits").mkdir()
    for split in ("train", "test"):
        (tmp_path / "splits" / f"{split}.jsonl").write_text(f'{{"text": "{split}", "label": "a"}}\n')
    make(Path("splits") / "dev.jsonl")
    with pytest.raises(DatasetError, match=words):
        load_splits(spec_for(path=tmp_path / "splits"))


def test_a_name_that_is_too_long_for_the_disk(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="File name too long") as caught:
        load_splits(spec_for(path=tmp_path / f"{'a' * 5000}.jsonl"))
    assert len(str(caught.value)) < 300


def test_an_unknown_ending(tmp_path: Path) -> None:
    (tmp_path / "data.jsnl").write_text("{}")
    with pytest.raises(DatasetError, match=r"data\.jsnl: cannot tell the format .* '\.jsnl'; did you mean '\.jsonl'\?"):
        load_splits(spec_for(path=tmp_path / "data.jsnl"))


# Text files


def test_other_encodings_and_delimiters(tmp_path: Path) -> None:
    rows = [{"text": f"Größe {number}", "label": "süß"} for number in range(6)]
    expected = load_splits(spec_for(**as_jsonl(tmp_path / "data", rows)))
    text = "text;label\r\n" + "".join(f"{row['text']};{row['label']}\r\n" for row in rows)
    for encoding in ("cp1252", "utf-16", "utf-8-sig", "UTF_8", "latin-1", "utf-16-le"):
        (tmp_path / "data.csv").write_bytes(text.encode(encoding))
        found = load_splits(spec_for(path=tmp_path / "data.csv", encoding=encoding, delimiter=";"))
        assert found == expected
        (tmp_path / "other.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding)
        assert load_splits(spec_for(path=tmp_path / "other.jsonl", encoding=encoding)) == expected


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "data.csv: holds no rows"),
        (b"text,label\n", {}, "data.csv: holds no rows; add labelled rows"),
        (b"txt,label\na,b\n", {}, "row 1, the header: no column `text`; did you mean 'txt'?"),
        (b"text;label\na;b\n", {}, 'no column `text`; allowed: text;label; if ";" separates the columns, set it as'),
        (b"text,label,text\na,b,c\n", {}, "row 1, the header: two columns are named `text`; rename one of them"),
        (b"te\xe9t,label\na,b\n", {}, "data.csv: row 1: not UTF-8: byte 0xe9 at column 3"),
        (b"text,label\na,b\n\nc\n", {}, "row 4: has 1 fields, but the header has 2; quote a field that holds"),
        (b"text,label\na,b,c\n", {}, "row 2: has 3 fields, but the header has 2"),
        (b'text,label\n"a\nb",c\nd,\n', {}, "row 3: field `label`: must not be blank"),
        (b'text,label\n"a"b,c\nd,e\n', {}, "row 2: not valid CSV: ',' expected after '\"'; line 2 of the file"),
        (b'text,label\na,b\nc,"d\n\n', {}, "row 3: not valid CSV: unexpected end of data; line 4 of the file"),
        (b"text,label\na,b\n\xe9,c\n", {}, "row 3: field `text`: not UTF-8: byte 0xe9 at column 1; save the file as"),
        (b"text,label\n\x81,c\n", {"encoding": "cp1252"}, "row 2: field `text`: not CP1252: byte 0x81 at column 1"),
        (
            b"text,label\na,b\nc\n",
            {"encoding": "utf-16-le"},
            "data.csv: not UTF-16-LE: truncated data; correct dataset.",
        ),
        ("text,label\na,b\n".encode("utf-16"), {}, "data.csv: not UTF-8 but UTF-16; set `encoding: utf-16`"),
    ],
)
def test_a_csv_file_that_cannot_be_used(content: bytes, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        load_splits(spec_for(path=tmp_path / "data.csv", **options))
    assert message in str(caught.value)


def test_rows_after_a_bad_one_are_still_read(tmp_path: Path) -> None:
    good = as_csv(tmp_path / "data", rows_of(6))["path"]
    expected = load_splits(spec_for(path=good))
    lines = good.read_text().splitlines()
    good.write_bytes("\n".join([lines[0], '"a"b,c', *lines[1:4], "one", *lines[4:], "\xff,x"]).encode("latin-1"))
    splits = load_splits(spec_for(path=good, on_bad_row="skip"))
    assert questions(splits) == questions(expected)
    assert splits.left_out[0].startswith("data.csv: left out 3 rows that cannot be used; the first: row 2: not valid")


def test_a_field_may_be_as_long_as_a_document(tmp_path: Path) -> None:
    rows = [{**row, "text": f"{row['text']} {'x' * 200_000}"} for row in rows_of(6)]
    assert len(questions(load_splits(spec_for(**as_csv(tmp_path / "data", rows))))) == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "data.json: holds no rows"),
        ('[{"text": "a", "label": "b"}, 3]', "row 2: must be a JSON object"),
        ('"text"\n"text"', "Extra data at line 2, column 1"),
        ('{"a": [], "b": []}', "must be an array of objects, or an object that holds one array; found 2 arrays (a, b)"),
        ('{"a": {}}', "found no array"),
        ('"text"', "found no array"),
        (
            "[\n{'a'}]",
            "data.json: not valid JSON: Expecting property name enclosed in double quotes at line 2, column 2",
        ),
        ('[{"text": Infinity}]', "data.json: not valid JSON: Infinity is not a JSON number"),
        ("[" * 100_000, "data.json: not valid JSON: nested too deeply"),
        ('[\n"\xff"]', "data.json: line 2: not UTF-8: byte 0xff at column 2"),
    ],
)
def test_a_json_file_that_cannot_be_used(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(DatasetError) as caught:
        load_splits(spec_for(path=tmp_path / "data.json"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- {text: 2024-99-99, label: a}", "not valid YAML: month must be in 1..12"),
        ("[\n" * 5_000, "not valid YAML: nested too deeply"),
    ],
)
def test_a_yaml_file_that_cannot_be_used(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=re.escape(message)):
        load_splits(spec_for(path=tmp_path / "data.yaml"))
    assert import_command(tmp_path / "data.yaml", "data", has_rows=False) is None


# Typed tables


def test_typed_values_become_what_a_text_file_would_have() -> None:
    moment = pd.Timestamp("2024-02-03 04:05")
    frame = pd.DataFrame({"n": [1, 2], "x": [0.5, 1e22], "ok": [True, False], "when": [moment, moment]})
    frame["price"] = [Decimal("0.10"), None]
    rows = [row for _, row in rows_of_frame(frame, FileReading())]
    assert rows == [
        {"n": "1", "x": "0.5", "ok": True, "when": "2024-02-03T04:05:00", "price": "0.10"},
        {"n": "2", "x": "1e+22", "ok": False, "when": "2024-02-03T04:05:00", "price": None},
    ]
    assert as_written(10**400) == "1" + "0" * 400
    assert as_written({"a": [1, pd.Series([2.5]).to_numpy()]}) == {"a": ["1", ["2.5"]]}


@pytest.mark.parametrize(
    ("value", "received"), [(None, "null"), (float("nan"), "nan"), (float("inf"), "inf"), (b"\x00", "b'\\x00'")]
)
def test_a_missing_or_shapeless_value_is_named(value: object, received: str, tmp_path: Path) -> None:
    rows = [*rows_of(6), {"text": "x", "label": value}]
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in ("text", "label")})
    with pytest.raises(DatasetError) as caught:
        splits_of(frame, spec_for(path="unread.csv"))
    assert f"row 7: field `label`: must be text, a number, true or false, received {received}" in str(caught.value)
    assert len(questions(splits_of(frame, spec_for(path="unread.csv", on_bad_row="skip")))) == 6


def test_a_list_of_rows_is_read_as_a_frame_of_them_is() -> None:
    rows = [{"n": 1, "x": np.float32("nan"), "ok": True}, {"n": 2, "text": ["a", None], "when": pd.NaT}]
    listed = [row for _, row in rows_of_frame(RowList(rows), FileReading())]
    assert listed == [
        {"n": "1", "x": None, "ok": True, "text": None, "when": None},
        {"n": "2", "x": None, "ok": None, "text": ["a", None], "when": None},
    ]
    with pytest.raises(DatasetError, match="the frame: two columns are named `1`"):
        list(rows_of_frame(RowList([{1: "a", "1": "b"}]), FileReading()))


def test_a_frame_is_known_by_position_and_its_columns_are_checked() -> None:
    frame = pd.DataFrame(rows_of(6), index=[0, 0, 1, 1, 2, 2])
    assert len(questions(splits_of(frame, spec_for(path="unread.csv")))) == 6
    with pytest.raises(DatasetError, match="the frame: no column `label`; allowed: text"):
        splits_of(frame[["text"]], spec_for(path="unread.csv"))
    with pytest.raises(DatasetError, match="the frame: two columns are named `label`"):
        splits_of(pd.concat([frame, frame[["label"]]], axis=1), spec_for(path="unread.csv"))


def test_lists_of_right_answers_are_read_from_parquet_and_frames(tmp_path: Path) -> None:
    rows = [{"text": str(number), "label": ["one", "two"], "unused": b"x"} for number in range(6)]
    stored = load_splits(spec_for(**as_parquet(tmp_path / "data", rows)))
    assert stored.dev[0].references == ("one", "two")
    frame = pd.read_parquet(tmp_path / "data.parquet")
    assert splits_of(frame, spec_for(path="unread.csv")) == stored


def test_a_parquet_file_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_parquet(tmp_path / "data", rows_of(6))["path"]
    with pytest.raises(DatasetError, match=r"data\.parquet: no column `txt`; did you mean 'text'\?"):
        load_splits(spec_for(path=path, input=["text", "txt"]))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetError, match=r"data\.parquet: Parquet needs a package .*gpo-pipeline\[parquet\]"):
        load_splits(spec_for(path=path))
    monkeypatch.undo()
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DatasetError, match=r"data\.parquet: not a Parquet file that can be read: "):
        load_splits(spec_for(path=path))


# A database


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    as_table(tmp_path / "reviews", rows_of(6))
    monkeypatch.setenv("MY_REVIEWS", f"sqlite:///{tmp_path / 'reviews.db'}")
    return tmp_path / "reviews.db"


@pytest.mark.parametrize(
    "query",
    ["SELECT text, label FROM reviews", " with r as (select * from reviews) select text, label, 12 as n from r"],
)
def test_a_query_is_asked_of_the_database_that_a_variable_names(query: str, database: Path) -> None:
    assert len(questions(load_splits(spec_for(sql=query, url_env="MY_REVIEWS")))) == 6


def test_typed_columns_and_nulls_of_a_database(database: Path) -> None:
    query = "SELECT text, CASE WHEN text LIKE '%5' THEN NULL ELSE 0.5 END AS label FROM reviews"
    with pytest.raises(DatasetError, match=r"row 6: field `label`: .* received null"):
        load_splits(spec_for(sql=query, url_env="MY_REVIEWS"))
    splits = load_splits(spec_for((1, 2, 2), sql=query, url_env="MY_REVIEWS", on_bad_row="skip"))
    assert splits.dev[0].reference == "0.5"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT text, lable FROM reviews", "dataset.sql: the database refuses the query: no such column: lable"),
        ("SELECT text FROM reviews", "dataset.sql: no column `label`; allowed: text"),
        ("SELECT text, label, 1 AS text FROM reviews", "dataset.sql: two columns are named `text`; rename one of them"),
        ("SELECT text, label FROM reviews WHERE 0", "dataset.sql: holds no rows"),
        ("SELECT text, label FROM reviews; DROP TABLE reviews", "dataset.sql: the database refuses the query: You can"),
    ],
)
def test_a_query_that_cannot_be_used(query: str, message: str, database: Path) -> None:
    before = database.read_bytes()
    with pytest.raises(DatasetError) as caught:
        load_splits(spec_for(sql=query, url_env="MY_REVIEWS"))
    assert message in str(caught.value)
    assert database.read_bytes() == before


@pytest.mark.parametrize("url", ["sqlite:///{}", "sqlite:///file:{}?uri=true"], ids=["a path", "a URI"])
@pytest.mark.parametrize(
    "query",
    [
        "WITH x AS (SELECT 1) DELETE FROM reviews RETURNING text, label",
        "WITH x AS (SELECT 1) DELETE FROM reviews WHERE label = 'label 1' RETURNING text, label",
        "WITH x AS (SELECT 1) UPDATE reviews SET label = '9' RETURNING text, label",
        "WITH x AS (SELECT 1) INSERT INTO reviews SELECT text, label FROM reviews RETURNING text, label",
    ],
)
def test_a_query_that_writes_is_refused(query: str, url: str, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_REVIEWS", url.format(database))
    before = database.read_bytes()
    with pytest.raises(DatasetError, match="the database refuses the query: attempt to write a readonly database"):
        load_splits(spec_for(sql=query, url_env="MY_REVIEWS"))
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM reviews",
        "PRAGMA query_only = OFF",
        "ATTACH DATABASE 'other.db' AS other",
        "VACUUM INTO 'other.db'",
        "SELECT load_extension('other') AS text, label FROM reviews",
        "SELECT text, label FROM reviews; DELETE FROM reviews",
    ],
)
def test_a_statement_that_reads_no_rows_is_refused(
    query: str, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = database.read_bytes(), sorted(tmp_path.iterdir())
    with pytest.raises((DatasetError, ValidationError), match=r"must be one SELECT|the database refuses the query: "):
        load_splits(spec_for(sql=query, url_env="MY_REVIEWS"))
    assert (database.read_bytes(), sorted(tmp_path.iterdir())) == before


def test_a_database_of_any_name_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "my reviews #1 \u00e9"
    as_table(tmp_path / name, rows_of(6))
    monkeypatch.setenv("MY_REVIEWS", f"sqlite:///{tmp_path / name}.db")
    query = "SELECT text, label FROM reviews"
    assert len(questions(load_splits(spec_for(sql=query, url_env="MY_REVIEWS")))) == 6


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "MY_REVIEWS is not set; set this environment variable to the database's URL"),
        (f"no url {SECRET}", "MY_REVIEWS is not a database URL; write it as sqlite:///FILE or postgresql+psycopg://"),
        (f"sqlite:////no/where/{SECRET}.db", "the SQLite file that MY_REVIEWS names is not there"),
        (f"sqlite+aiosqlite://u:{SECRET}@h/x", "MY_REVIEWS names an asynchronous driver"),
        (f"postgresql+nodriver://u:{SECRET}@h/x", "MY_REVIEWS needs a driver that is not installed"),
        (f"postgresql+psycopg2://u:{SECRET}@h/x", "MY_REVIEWS needs a driver that is not installed"),
    ],
)
def test_a_database_that_cannot_be_reached_and_no_word_of_its_password(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_REVIEWS", url)
    with pytest.raises(DatasetError) as caught:
        load_splits(spec_for(sql="SELECT 1", url_env="MY_REVIEWS"))
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_no_database_is_told_without_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{SECRET}.db").write_text("This is text, and long enough for SQLite to read a header from." * 9)
    monkeypatch.setenv("GPO_DATASET_URL", f"sqlite:///{tmp_path / SECRET}.db")
    with pytest.raises(DatasetError, match="file is not a database") as caught:
        load_splits(spec_for(sql="SELECT text, label FROM reviews"))
    assert SECRET not in str(caught.value)


# The hub


def test_the_hub_s_own_splits_are_used_where_there_is_a_test_split() -> None:
    assert own_splits(["test", "train", "validation", "extra"]) == {
        "train": "train",
        "dev": "validation",
        "test": "test",
    }
    assert own_splits(["validation", "test"]) == {"dev": "validation", "test": "test"}
    assert own_splits(["train", "validation"]) is own_splits(["test"]) is own_splits([]) is None


@pytest.mark.slow
def test_classes_of_the_hub_come_by_name() -> None:
    assert with_class_names({"label": -1, "text": "x"}, {"label": ["neg", "pos"]}) == {"label": None, "text": "x"}
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_list(
        [{"text": "a", "label": 1, "n": 0.5}, {"text": "b", "label": 0, "n": None}],
        features=datasets.Features(
            text=datasets.Value("string"), label=datasets.ClassLabel(names=["neg", "pos"]), n=datasets.Value("float64")
        ),
    )
    assert list(rows_of_table(table, "org/name train", FileReading(fields=("text", "label")))) == [
        (1, {"text": "a", "label": "pos"}),
        (2, {"text": "b", "label": "neg"}),
    ]
    assert list(rows_of_table(table, "org/name train", FileReading()))[1] == (
        2,
        {"text": "b", "label": "neg", "n": None},
    )
    with pytest.raises(DatasetError, match="org/name train: no column `lable`; did you mean 'label'"):
        list(rows_of_table(table, "org/name train", FileReading(fields=("lable",))))


@pytest.mark.slow
def test_a_dataset_is_loaded_as_the_hub_lays_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That library takes a folder of this name for the dataset, which needs no network."""
    monkeypatch.chdir(tmp_path)
    for name in ("HF_HOME", "HF_DATASETS_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "org" / "reviews").mkdir(parents=True)
    as_csv(tmp_path / "org" / "reviews" / "train", rows_of(12)[:8])
    as_csv(tmp_path / "org" / "reviews" / "test", rows_of(12)[8:])
    program = (
        "import sys; from tests.gpo.data.test_sources import *\n"
        "splits = load_splits(spec_for((5, 3, 4), hub='org/reviews'))\n"
        "print(splits.model_dump_json())\n"
        "from gpo.datasets.fetch import fetch_source\n"
        "print(json.dumps(sorted(fetch_source('hub:org/reviews', Path.cwd()).path.read_text().splitlines())))\n"
        "try: load_splits(spec_for(hub='org/none'))\n"
        "except DatasetError as error: print(json.dumps(str(error)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stderr
    splits, whole, error = (json.loads(line) for line in ran.stdout.splitlines()[-3:])
    assert [len(splits[part]) for part in ("train", "dev", "test")] == [5, 3, 4]
    assert {example["inputs"]["text"] for example in splits["test"]} == {f"text {number}" for number in range(8, 12)}
    assert [json.loads(line)["text"] for line in whole] == sorted(row["text"] for row in rows_of(12))
    assert error.startswith("org/none: cannot be loaded from the hub: ")
    assert "check dataset.hub, config and revision" in error


def test_the_hub_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DatasetError, match=r"org/name: the hub needs a package .*gpo-pipeline\[hub\]"):
        hub_tables(DatasetSpec(hub="org/name", input=("text",), reference="label"))


# The spec


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "needs exactly one of `path`, `hub`, `sql` and `name`, found none"),
        ({"path": "a.csv", "hub": "org/name"}, "found path and hub"),
        ({"path": "a.csv", "config": "en"}, "`config` belongs to `hub`; leave it out with `path`"),
        ({"hub": "org/name", "delimiter": ";"}, "`delimiter` belongs to `path`; leave it out with `hub`"),
        ({"hub": "https://hub/x"}, "String should match pattern"),
        ({"path": "a.csv", "url_env": "DB"}, "`url_env` belongs to `sql`"),
        ({"sql": "DELETE FROM reviews"}, "must be one SELECT, or WITH ... SELECT: the data is only read"),
        ({"path": "a.csv", "encoding": "utf-9"}, "no encoding that is known here; allowed: utf-8"),
        ({"path": "a.csv", "encoding": "base64"}, "no encoding that is known here"),
        ({"path": "a.csv", "delimiter": '"'}, "a quote or a line break cannot separate fields"),
        ({"path": "a.csv", "delimiter": "ab"}, "at most 1 character"),
        ({"path": "a.csv", "on_bad_row": "ignore"}, "'stop' or 'skip'"),
    ],
)
def test_a_spec_names_one_source_and_what_belongs_to_it(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec_for(**fields)
    assert message in str(caught.value)
