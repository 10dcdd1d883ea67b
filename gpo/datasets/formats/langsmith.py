"""Examples and runs of LangSmith, with the feedback and the corrections of people."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gpo.datasets.formats.plain import feedback_text, note_of, one_of, plain_row, split_of, unpacked
from gpo.datasets.formats.registry import ExportedRow, Imported, Row, exporter, importer, rows_in

_SIDES = {"inputs": ("inputs.", "inputs_", "input_"), "outputs": ("outputs.", "outputs_", "output_", "reference_")}
_MODELS = "model"


@importer("langsmith", "examples of a LangSmith dataset (JSONL, JSON, CSV), or runs with feedback")
def import_langsmith(path: Path) -> Iterator[Imported]:
    """Each example with its inputs, its reference output, its split and what people said.

    Of a run, the answer is a person's correction; its own output is one only where a person approved of it.
    """
    yield from map(_of_example, rows_in(path))


def _of_example(row: Imported) -> Imported:
    if isinstance(row, str):
        return row
    sides = {side: _side(row, side) for side in _SIDES}
    people = [each for each in _feedback(row) if _source(each) != _MODELS]
    corrections = [each["correction"] for each in people if each.get("correction")]
    is_run = "run_type" in row
    answer = corrections[-1] if corrections else sides["outputs"]
    if is_run and not corrections and not any(each.get("score") in (True, "1", 1) for each in people):
        return "is a run whose output nobody corrected or approved of"
    metadata = unpacked(row.get("metadata"))
    known = dict(metadata) if isinstance(metadata, Mapping) else {}
    split = split_of(known.pop("dataset_split", None)) or split_of(row.get("split"))
    notes = (note_of(each.get("key"), one_of(each, "value", "score"), each.get("comment")) for each in people)
    return plain_row(
        sides["inputs"],
        answer,
        identifier=row.get("id"),
        metadata=known,
        feedback=feedback_text(notes, sides["outputs"] if is_run else None),
        split=split,
    )


def _side(row: Row, side: str) -> Any:
    """The inputs or the outputs: an object, its JSON text, or the columns of a table that begin so."""
    if side in row:
        return unpacked(row[side])
    return {
        name.removeprefix(prefix): value
        for prefix in _SIDES[side]
        for name, value in row.items()
        if name.startswith(prefix)
    }


def _feedback(row: Row) -> list[dict[str, Any]]:
    found = unpacked(one_of(row, "feedback", "feedbacks", "annotations"))
    return [dict(each) for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _source(feedback: Row) -> str:
    source = feedback.get("feedback_source")
    return str(source.get("type", "")) if isinstance(source, Mapping) else ""


@exporter("langsmith")
def export_langsmith(row: ExportedRow) -> Row:
    """An example, as the SDK's `create_examples` takes it."""
    found = {"inputs": dict(row.inputs), "outputs": {"answer": row.answer}, "metadata": dict(row.others)}
    return found if row.id is None else {**found, "metadata": {**row.others, "id": row.id}}
