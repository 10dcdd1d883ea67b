"""A version's rows as a file for other programs."""

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gpo.data.sources.files import typed_json
from gpo.data.sources.paths import is_there, top_field, value_at
from gpo.datasets.formats.registry import EXPORTS, ExportedRow
from gpo.datasets.lines import read_lines
from gpo.datasets.version import DatasetVersion
from gpo.errors import DatasetError, InputError, suggestion
from gpo.files import replace_whole
from gpo.formatting import safe_cell

Writer = Callable[[Path, Path, DatasetVersion, bool], None]


def export(
    rows: Path,
    version: DatasetVersion,
    path: Path,
    form: str | None = None,
    *,
    force: bool = False,
    for_spreadsheets: bool = False,
) -> None:
    """Write the stored `rows` of a version to `path`, in the format of its ending, whole or not at all.

    With `form`, one of `EXPORTS`, they are the lines of JSON that another tool reads. In a table `for_spreadsheets`, a
    text that would be taken for a formula begins with an apostrophe.

    Raises:
        InputError: the format is unknown, the file is there already and `force` is not set, or it cannot be written.
    """
    ending = path.suffix.lower()
    if form is not None:
        write = _for_tool(form, path, ending)
    elif ending in WRITERS:
        write = WRITERS[ending]
    else:
        raise InputError(f"{path}: cannot write the format of the ending '{ending}'{suggestion(ending, WRITERS)}")
    if path.exists() and not force:
        raise InputError(f"{path}: is there already; choose another name, or overwrite it with --force")
    try:
        with replace_whole(path) as draft:
            write(rows, draft, version, for_spreadsheets)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def _jsonl(rows: Path, path: Path, version: DatasetVersion, for_spreadsheets: bool) -> None:
    del version, for_spreadsheets
    shutil.copyfile(rows, path)


def _json(rows: Path, path: Path, version: DatasetVersion, for_spreadsheets: bool) -> None:
    del version, for_spreadsheets
    with rows.open("rb") as lines, path.open("wb") as file:
        for number, line in enumerate(lines):
            file.write((b",\n" if number else b"[\n") + line.rstrip(b"\n"))
        file.write(b"\n]\n")


def _for_tool(form: str, path: Path, ending: str) -> Writer:
    if form not in EXPORTS:
        raise InputError(f"--format {form}: is no format that is written{suggestion(form, EXPORTS)}")
    if ending not in (".jsonl", ".ndjson"):
        raise InputError(f"{path}: the format {form} is lines of JSON; name the file {path.stem}.jsonl")

    def write(rows: Path, draft: Path, version: DatasetVersion, for_spreadsheets: bool) -> None:
        del for_spreadsheets  # no table
        with draft.open("w", encoding="utf-8") as file:
            for _, row in read_lines(rows):
                assert not isinstance(row, DatasetError)  # noqa: S101 - stored rows are rows
                found = typed_json(EXPORTS[form](_exported(row, version)))
                file.write(json.dumps(found, ensure_ascii=False) + "\n")

    return write


def _exported(row: Mapping[str, Any], version: DatasetVersion) -> ExportedRow:
    fields = version.fields
    roles = {top_field(field) for field in (*fields.input, fields.reference, *filter(None, [fields.id]))}
    return ExportedRow(
        inputs={field: value_at(row, field) for field in fields.input},
        answer=value_at(row, fields.reference),
        id=str(value_at(row, fields.id)) if fields.id else None,
        others={name: value for name, value in row.items() if name not in roles and is_there(value)},
    )


def _table(delimiter: str) -> Writer:
    def write(rows: Path, path: Path, version: DatasetVersion, for_spreadsheets: bool) -> None:
        shown = safe_cell if for_spreadsheets else str
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, delimiter=delimiter)
            table.writerow(map(shown, version.columns))
            for _, row in read_lines(rows):
                assert not isinstance(row, DatasetError)  # noqa: S101 - stored rows are rows
                table.writerow([shown(_cell(row, field)) for field in version.columns])

    return write


def _cell(row: Mapping[str, Any], field: str) -> str:
    """A value as a table has it: text as it is, what has parts as JSON, nothing as nothing."""
    value = row.get(field)
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        return json.dumps(typed_json(value), ensure_ascii=False)
    return str(value)


WRITERS: Mapping[str, Writer] = {".jsonl": _jsonl, ".json": _json, ".csv": _table(","), ".tsv": _table("\t")}
"""Every format by its ending."""
