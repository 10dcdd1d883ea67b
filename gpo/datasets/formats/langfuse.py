"""Items of Langfuse's datasets, and traces, with the scores and comments of people."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gpo.datasets.formats.plain import feedback_text, note_of, one_of, plain_row, unpacked
from gpo.datasets.formats.registry import ExportedRow, Imported, Row, exporter, importer, rows_in

_BY_MODELS = "EVAL"
_CORRECTION = "CORRECTION"


@importer("langfuse", "items of a Langfuse dataset (API, JSON, CSV), or traces with scores and comments")
def import_langfuse(path: Path) -> Iterator[Imported]:
    """Each item with its input, expected output and what people said; a corrected output is the right answer."""
    yield from map(_of_item, rows_in(path))


def _of_item(row: Imported) -> Imported:
    if isinstance(row, str):
        return row
    if str(row.get("status", "")).upper() == "ARCHIVED":
        return "is archived"
    scores = [each for each in _objects(row, "scores") if each.get("source") != _BY_MODELS]
    corrected = [_value(each) for each in scores if each.get("dataType") == _CORRECTION]
    notes = [
        note_of(each.get("name"), _value(each), each.get("comment")) for each in scores if _value(each) not in corrected
    ]
    notes += [note_of("", None, one_of(each, "content", "comment", "text")) for each in _objects(row, "comments")]
    expected = one_of(row, "expectedOutput", "expected_output")
    return plain_row(
        row.get("input"),
        corrected[-1] if corrected else expected,
        identifier=row.get("id"),
        metadata=row.get("metadata"),
        feedback=feedback_text(notes, row.get("output")),
    )


def _objects(row: Row, field: str) -> list[dict[str, Any]]:
    found = unpacked(row.get(field))
    return [dict(each) for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _value(score: Row) -> Any:
    return one_of(score, "stringValue", "value")


@exporter("langfuse")
def export_langfuse(row: ExportedRow) -> Row:
    """An item, as the API takes it."""
    found = {"input": dict(row.inputs), "expectedOutput": row.answer, "metadata": dict(row.others)}
    return found if row.id is None else {"id": row.id, **found}
