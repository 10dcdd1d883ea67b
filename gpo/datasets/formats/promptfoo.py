"""Tests of promptfoo, and the results of its evaluations with the comments of people."""

from collections.abc import Iterator
from pathlib import Path

from gpo.data.sources.files import ending_of
from gpo.datasets.formats.plain import ANSWER, FEEDBACK, feedback_text, note_of
from gpo.datasets.formats.registry import ExportedRow, Imported, Row, exporter, importer, rows_in, whole_content

_SAYS_ANSWER = ("equals", "is-json", "contains", "icontains", "contains-json", "similar", "llm-rubric", "factuality")
"""Assertions of promptfoo whose value is a right answer, the surest first."""

_EXPECTED = "__expected"


@importer("promptfoo", "tests of a promptfoo configuration (YAML, JSON), its CSV with __expected, or its results")
def import_promptfoo(path: Path) -> Iterator[Imported]:
    """Each test's variables, and the value of its surest assertion; of results also what people said."""
    if ending_of(path) in (".yaml", ".yml", ".json"):
        content = whole_content(path)
        results = content.get("results") if isinstance(content, dict) else None
        if isinstance(results, dict) and isinstance(results.get("results"), list):
            yield from map(_of_result, results["results"])
            return
        tests = content.get("tests", []) if isinstance(content, dict) else content
        yield from map(_of_test, tests)
        return
    for row in rows_in(path):
        if isinstance(row, str):
            yield row
        elif "vars" in row or "assert" in row:
            yield _of_test(row)
        elif expected := str(row.get(_EXPECTED) or ""):
            kind, colon, value = expected.partition(":")
            answer = value.strip() if colon and kind.strip() in _SAYS_ANSWER else expected
            yield {**{name: value for name, value in row.items() if not name.startswith("__")}, ANSWER: answer}
        else:
            yield f"has no `{_EXPECTED}`"


def _of_test(test: Row) -> Imported:
    asserted = test.get("assert", [])
    # A set of which one is enough holds several right answers.
    several = [each["value"] for part in asserted for each in part.get("assert", []) if each.get("type") == "equals"]
    found = {each["type"]: each["value"] for each in reversed(asserted) if "value" in each}
    answer = next((found[kind] for kind in _SAYS_ANSWER if kind in found), several or None)
    if answer is None:
        return "has no assertion whose value is an answer, such as `equals`"
    return {**test.get("vars", {}), ANSWER: answer}


def _of_result(result: Row) -> Imported:
    test = result.get("testCase") or {}
    row = _of_test({"vars": result.get("vars") or test.get("vars", {}), "assert": test.get("assert", [])})
    graded = result.get("gradingResult") or {}
    judged = [
        each for each in graded.get("componentResults") or [] if (each.get("assertion") or {}).get("type") == "human"
    ]
    notes = [
        note_of("", None, graded.get("comment")),
        *(note_of("human", each.get("pass"), each.get("comment")) for each in judged),
    ]
    said = feedback_text(notes, (result.get("response") or {}).get("output"))
    return row if isinstance(row, str) or not said else {**row, FEEDBACK: said}


@exporter("promptfoo")
def export_promptfoo(row: ExportedRow) -> Row:
    """A test with its variables and the right answer; of several answers, one is enough."""
    answers = row.answer if isinstance(row.answer, list) else [row.answer]
    asserted = [{"type": "equals", "value": answer} for answer in answers]
    either = [{"type": "assert-set", "threshold": 1 / len(asserted), "assert": asserted}]
    return {"vars": dict(row.inputs), "assert": asserted if len(asserted) == 1 else either}
