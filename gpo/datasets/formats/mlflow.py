"""Records of MLflow's evaluation datasets, and traces with what people assessed and expected."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gpo.datasets.formats.plain import feedback_text, note_of, one_of, plain_row, unpacked
from gpo.datasets.formats.registry import ExportedRow, Imported, Row, exporter, importer, rows_in

_ANSWERS = ("expected_response", "expected_output", "expected_answer", "ground_truth", "answer")
"""Names of the expectation that is the answer, the surest first."""

_HUMAN = "HUMAN"
_INPUTS, _OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"


@importer("mlflow", "records of an MLflow evaluation dataset, or traces with assessments (JSON, JSONL, CSV)")
def import_mlflow(path: Path) -> Iterator[Imported]:
    """Each record or trace with its inputs, the expectation, and the feedback of people with its rationale."""
    for row in rows_in(path):
        if isinstance(row, str):
            yield row
        elif "info" in row or "assessments" in row:
            yield _of_trace(row)
        else:
            tags = unpacked(row.get("tags"))
            identifier = row.get("dataset_record_id")
            yield plain_row(row.get("inputs"), _answer(row.get("expectations")), identifier=identifier, metadata=tags)


def _of_trace(row: Row) -> Imported:
    info = unpacked(row.get("info"))
    told = {**row, **info} if isinstance(info, Mapping) else row
    found = unpacked(told.get("assessments"))
    assessments = [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
    people = [each for each in assessments if _source(each) == _HUMAN]
    expected = {_name(each): _value(each, "expectation") for each in assessments if each.get("expectation")}
    notes = (
        note_of(_name(each), _value(each, "feedback"), each.get("rationale")) for each in people if each.get("feedback")
    )
    root = _root_span(row)
    inputs = one_of(told, "inputs", "request") or root.get(_INPUTS) or told.get("request_preview")
    outputs = one_of(told, "outputs", "response") or root.get(_OUTPUTS) or told.get("response_preview")
    return plain_row(
        inputs,
        _answer(expected),
        identifier=told.get("trace_id") or told.get("request_id"),
        feedback=feedback_text(notes, outputs),
    )


def _root_span(row: Row) -> Mapping[str, Any]:
    """The attributes of the span that a trace begins with."""
    data = unpacked(row.get("data"))
    spans = unpacked(data.get("spans") if isinstance(data, Mapping) else row.get("spans"))
    found = [each for each in spans if isinstance(each, Mapping)] if isinstance(spans, list) else []
    root = next((each for each in found if not one_of(each, "parent_span_id", "parent_id")), {})
    attributes = root.get("attributes")
    return attributes if isinstance(attributes, Mapping) else {}


def _answer(expectations: Any) -> Any:
    """The expectation that is the answer; where none is named like one, all of them."""
    found = unpacked(expectations)
    if not isinstance(found, Mapping):
        return found
    return next((found[name] for name in _ANSWERS if name in found), dict(found))


def _name(assessment: Row) -> str:
    return str(one_of(assessment, "assessment_name", "name") or "")


def _value(assessment: Row, kind: str) -> Any:
    value = assessment[kind]
    if not isinstance(value, Mapping):
        return value
    serialized = value.get("serialized_value")
    return unpacked(serialized.get("value")) if isinstance(serialized, Mapping) else value.get("value")


def _source(assessment: Row) -> str:
    source = assessment.get("source")
    return str(source.get("source_type", "")) if isinstance(source, Mapping) else ""


@exporter("mlflow")
def export_mlflow(row: ExportedRow) -> Row:
    """A record, as `merge_records` takes it."""
    return {"inputs": dict(row.inputs), "expectations": {_ANSWERS[0]: row.answer}, "tags": dict(row.others)}
