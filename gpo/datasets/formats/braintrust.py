"""Records of Braintrust's datasets, experiments and logs, with the comments and reviews of people."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gpo.datasets.formats.plain import feedback_text, note_of, one_of, plain_row, unpacked
from gpo.datasets.formats.registry import ExportedRow, Imported, Row, exporter, importer, rows_in


@importer("braintrust", "records of a Braintrust dataset, experiment or log (JSON, JSONL, CSV)")
def import_braintrust(path: Path) -> Iterator[Imported]:
    """Each record with its input, what was expected, its tags, and what people said of an output.

    Scores are told where a person commented as well: without that, they are a scorer's, most often.
    """
    yield from map(_of_record, rows_in(path))


def _of_record(row: Imported) -> Imported:
    if isinstance(row, str):
        return row
    metadata = unpacked(row.get("metadata"))
    known = dict(metadata) if isinstance(metadata, Mapping) else {}
    if tags := unpacked(row.get("tags")):
        known["tags"] = tags
    comments = unpacked(row.get("comments"))
    said = [note_of("", None, _comment(each)) for each in comments] if isinstance(comments, list) else []
    scores = unpacked(row.get("scores"))
    given = scores.items() if isinstance(scores, Mapping) and any(said) else ()
    return plain_row(
        row.get("input"),
        row.get("expected"),
        identifier=row.get("id"),
        metadata=known,
        feedback=feedback_text([*(note_of(name, value, "") for name, value in given), *said], row.get("output")),
    )


def _comment(comment: object) -> object:
    if not isinstance(comment, Mapping):
        return comment
    inner = comment.get("comment")
    return one_of(inner, "text") if isinstance(inner, Mapping) else one_of(comment, "text", "comment")


@exporter("braintrust")
def export_braintrust(row: ExportedRow) -> Row:
    """A record, as an upload takes it."""
    found = {"input": dict(row.inputs), "expected": row.answer, "metadata": dict(row.others)}
    return found if row.id is None else {"id": row.id, **found}
