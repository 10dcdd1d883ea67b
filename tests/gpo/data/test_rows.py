"""A row becomes an example, or the reason why it cannot."""

import json
from typing import Any, get_args

import pytest

from gpo.errors import DatasetError
from gpo.scoring.kinds import KINDS
from gpo.scoring.spec import AnswerSpec
from tests.support.labelled import YES_NO, Load, parts, rows_of


def test_values_become_text_as_they_are_written(load: Load) -> None:
    text = (
        '\ufeff{"question": 0.10, "label": "1,000", "n": 7, "more": 1}\r\n\n   \n'
        '{"question": 123456789012345678901234567890, "label": 2.50, "n": 8}\r\n'
        '{"question": true, "label": -3, "n": "nine"}'
    )
    splits = load(text, (1, 1, 1), answer={"kind": "number"}, id="n")
    found = {example.id: (example.inputs["question"], example.reference) for part in parts(splits) for example in part}
    assert found == {
        "7": ("0.10", "1000"),
        "8": ("123456789012345678901234567890", "2.5"),
        "nine": ("true", "-3"),
    }


def test_several_inputs_and_canonical_labels(load: Load) -> None:
    rows = [{"a": str(number), "b": "same", "label": "YES"} for number in range(6)]
    example = load(rows, answer=YES_NO, input=["a", "b"]).dev[0]
    assert set(example.inputs) == {"a", "b"}
    assert example.reference == "yes"
    assert example.id


GOOD = '{"question": "q", "label": "yes"}\n'


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        ("{'question': 1}", {}, "row 2: not valid JSON: Expecting property name enclosed in double quotes at column 2"),
        ('{"question": Infinity, "label": "yes"}', {}, "row 2: not valid JSON: Infinity is not a JSON number"),
        ('{"question": NaN, "label": "yes"}', {}, "row 2: field `question`: must not be blank, received null"),
        ("[" * 100_000, {}, "row 2: not valid JSON: nested too deeply"),
        ("[1, 2]", {}, "row 2: must be a JSON object"),
        ('{"questions": "q", "label": "yes"}', {}, "row 2: no field `question` in this row; did you mean 'questions'?"),
        ('{"question": "q"}', {}, "row 2: no field `label` in this row; allowed: question"),
        (
            '{"question": null, "label": "yes"}',
            {},
            "row 2: field `question`: must not be blank, received null",
        ),
        (
            '{"question": "q", "label": {"is": "yes"}}',
            {},
            "row 2: field `label`: must be text, a number, true or false, received {'is': 'yes'}",
        ),
        ('{"question": "q", "label": []}', {}, "row 2: field `label`: holds no right answer, but an empty list"),
        (
            '{"question": "q", "label": ["yes", "maybe"]}',
            {"answer": YES_NO},
            "row 2: field `label`: must be one of the labels yes, no, received 'maybe'",
        ),
        (
            '{"question": [["q"]], "label": "yes"}',
            {},
            "row 2: field `question`: must be text, a number, true or false, options or messages, received",
        ),
        ('{"question": "\\ud800", "label": "yes"}', {}, "row 2: field `question`: '\\ud800' is half a character"),
        ('{"question": "q", "label": "  "}', {}, "row 2: field `label`: must not be blank"),
        (
            '{"question": "q", "label": "maybe"}',
            {"answer": YES_NO},
            "row 2: field `label`: must be one of the labels yes, no, received 'maybe'",
        ),
        (
            '{"question": "q", "label": "maybe"}',
            {"answer": {"kind": "boolean"}},
            "row 2: field `label`: must be one of true/false",
        ),
        (
            '{"question": "q", "label": "yes"}',
            {"answer": {"kind": "number"}},
            "row 2: field `label`: must be a number, received 'yes'",
        ),
        (
            '{"question": "q", "label": "a\\nb"}',
            {},
            "row 2: field `label`: must be a single line for answer kind `exact`",
        ),
        ('{"question": "q", "label": "yes", "n": " "}', {"id": "n"}, "row 2: field `n`: an id must not be blank"),
    ],
)
def test_a_row_that_cannot_be_used(load: Load, row: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load(f"\n{row}\n{GOOD}", **options)
    assert message in str(caught.value)
    assert "data.jsonl: correct these rows, or the spec's `dataset` and `answer`, or set" in str(caught.value)


def test_worked_solutions_are_kept_where_rows_have_them(load: Load) -> None:
    rows: list[dict[str, object]] = [{**row, "why": f"Because of {row['label']}."} for row in rows_of(5)]
    rows += [{"question": "without", "label": "x", "why": None}, {"question": "neither", "label": "y"}]
    splits = load(rows, (2, 2, 3), solution="why")
    found = {example.inputs["question"]: example.solution for part in parts(splits) for example in part}
    assert found["question 3"] == "Because of 3."
    assert found["without"] is found["neither"] is None
    assert splits.fingerprint != load(rows, (2, 2, 3)).fingerprint
    with pytest.raises(DatasetError, match=r"no row has a text in the field `whi`; did you mean 'why'\?"):
        load(rows_of(4) + [{**row, "why": "x"} for row in rows_of(9)[4:]], solution="whi")


# Several right answers


def test_a_list_holds_several_right_answers_once_each(load: Load) -> None:
    rows = [{"question": str(number), "label": ["Yes", "NO", "yes"]} for number in range(6)]
    example = load(rows, answer=YES_NO).dev[0]
    assert (example.reference, example.also) == ("yes", ("no",))
    assert load([{**row, "label": "Yes"} for row in rows], answer=YES_NO).dev[0].also == ()


def test_a_list_is_one_answer_where_answers_are_lists(load: Load) -> None:
    kind = {"kind": "list"}
    one = load([{"question": str(number), "label": ["pear", "fig"]} for number in range(6)], answer=kind).dev[0]
    two = load([{"question": str(number), "label": [["pear", "fig"], "fig, pear"]} for number in range(6)], answer=kind)
    assert (one.reference, one.also) == ("pear fig", ())
    assert two.dev[0].references == ("pear fig", "fig pear")


def test_structured_answers_are_taken_as_json(load: Load) -> None:
    rows = [{"question": str(number), "label": {"total": 1.50, "items": ["a", None, True]}} for number in range(3)]
    rows += [{**row, "question": f"{row['question']} again", "label": json.dumps(row["label"])} for row in rows]
    found = {example.reference for part in parts(load(rows, answer={"kind": "json"})) for example in part}
    assert [json.loads(reference) for reference in found] == [{"total": 1.5, "items": ["a", None, True]}]


def test_every_kind_of_answer_says_what_its_references_are() -> None:
    assert set(KINDS) == set(get_args(AnswerSpec.model_fields["kind"].annotation))
