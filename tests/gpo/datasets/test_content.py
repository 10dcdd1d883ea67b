"""A push refuses the rows that no run could use together, and no others."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.data.assignment import SeededOrder
from gpo.data.guessing.answers import is_short
from gpo.data.sources.files import FileReading, NumberedRow
from gpo.data.sources.folders import read_file
from gpo.data.sources.registry import Table
from gpo.data.validation import RowValidation
from gpo.datasets.content import read_content
from gpo.datasets.registry import no_progress
from gpo.datasets.version import DatasetFields
from gpo.errors import DatasetError
from gpo.spec.task import TaskSpec
from tests.support.labelled import spec_for

Row = Mapping[str, Any]
LONG = "A long answer, as translations are. " * 3
KINDS = ("exact", "boolean", "number", "list", "json", "free")


def refusal_of_push(rows: Sequence[NumberedRow], *, has_ids: bool) -> str | None:
    fields = DatasetFields(input=("question",), reference="label", id="n" if has_ids else None)
    try:
        with read_content(iter(rows), "here", fields, no_progress) as content:
            assert content.rows == len(rows)
            return None
    except DatasetError as error:
        return str(error)


def refusal_of_run(rows: Sequence[NumberedRow], answer: Mapping[str, Any], *, has_ids: bool) -> str | None:
    spec: TaskSpec = spec_for(Path("here"), answer=answer, **({"id": "n"} if has_ids else {}))
    validation = RowValidation(spec)
    try:
        validation.read(Table("here", "here", iter(rows)), "all", SeededOrder(1, spec))
        validation.check()
    except DatasetError as error:
        return str(error)
    return None


def numbered(rows: Sequence[Row]) -> list[NumberedRow]:
    return list(enumerate(rows, start=1))


def some_run_can_use(rows: Sequence[NumberedRow], *, has_ids: bool) -> bool:
    """Whether a run can, of any kind; but of two short texts for one input one is wrong, and they are no free text."""
    texts = [text for _, row in rows if isinstance(row, dict) for text in each(row.get("label"))]
    labels = list({text.casefold(): text for text in texts if text}.values())
    answers: list[dict[str, Any]] = [{"kind": kind} for kind in KINDS]
    if len(labels) > 1:
        answers.append({"kind": "choice", "labels": labels})
    fitting = [answer["kind"] for answer in answers if refusal_of_run(rows, answer, has_ids=has_ids) is None]
    said: dict[str, set[str]] = {}
    for _, row in rows:
        if isinstance(row, dict) and "question" in row:
            said.setdefault(str(row["question"]), set()).add(json.dumps(each(row.get("label"))))
    if all(map(is_short, texts)) and any(len(each_said) > 1 for each_said in said.values()):
        fitting = [kind for kind in fitting if kind != "free"]
    return bool(fitting)


def each(label: object) -> list[str]:
    several = label if isinstance(label, list) else [label]
    return list(dict.fromkeys(as_text(one) for one in several))


def as_text(one: object) -> str:
    return str(one).lower() if isinstance(one, bool) else str(one).strip()


WORDS = st.sampled_from(["Paris", "paris", "Paris, France", "yes", "true", "Yes", "no", "1,000", "1000", "2", " ", ""])
TEXTS = WORDS | st.sampled_from([LONG, LONG + "!", "two\nlines", '{"a": 1}', '["a", "b"]'])
REFERENCES = (
    TEXTS
    | st.lists(WORDS, max_size=2)
    | st.booleans()
    | st.sampled_from(
        [None, {"a": "1"}, {"a": "2"}, {"a": LONG}, {"a": LONG, "b": None}, [["a", "b"]], [["b"], "a, b"]]
    )
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"question": st.sampled_from(["q", "r", "s", ""]), "label": REFERENCES, "n": st.sampled_from("abcdefgh")}
    ),
    max_size=5,
)
# Rows of one form are seldom drawn from all, and they are those that can be used.
ALIKE = st.sampled_from(
    [
        ["Yes", "yes", "no", "true", True],
        ["1,000", "1000", "2"],
        ["a", ["a"], ["b"], ["a", "b"]],
        [{"a": "1"}, '{"a":1}'],
    ]
).flatmap(
    lambda labels: st.lists(
        st.fixed_dictionaries(
            {"question": st.sampled_from("qrs"), "label": st.sampled_from(labels), "n": st.sampled_from("abcdefgh")}
        ),
        min_size=1,
        max_size=5,
    )
)


@given(rows=ROWS | ALIKE, has_ids=st.booleans())
def test_a_push_refuses_what_no_run_could_use_and_nothing_else(rows: list[Row], has_ids: bool) -> None:
    found = numbered(rows)
    refusal = refusal_of_push(found, has_ids=has_ids)
    assert (refusal is None) == some_run_can_use(found, has_ids=has_ids), refusal


def row(label: object = "x", question: object = "q", **more: object) -> dict[str, object]:
    return {"question": question, "label": label, **more}


@pytest.mark.parametrize(
    ("rows", "answer", "has_ids", "message"),
    [
        ([], {}, False, "holds no rows; add labelled rows"),
        ([{"label": "x"}], {}, False, "row 1: no field `question` in this row"),
        ([{"question": "q"}], {}, False, "row 1: no field `label` in this row"),
        ([row(question=None)], {}, False, "row 1: field `question`: must not be blank, received null"),
        ([row(question="\u200b ")], {}, False, "row 1: field `question`: must not be blank"),
        ([row(question=[["q"]])], {}, False, "row 1: field `question`: must be text, a number, true or false"),
        ([row(question="q"), row("y", question=" Q\u00ad")], {}, False, "rows 1 and 2 have the same input"),
        ([row(None)], {}, False, "row 1: field `label`: must be text, a number, true or false, received null"),
        ([row(None), row(["a"], "r")], {"kind": "list"}, False, "row 1: field `label`: must be"),
        ([row(" ")], {}, False, "row 1: field `label`: must not be blank"),
        ([row()], {}, True, "row 1: no field `n` in this row"),
        ([row(n=" ")], {}, True, "row 1: field `n`: an id must not be blank"),
        ([row(question="a", n="1"), row(question="b", n="1")], {}, True, "rows 1 and 2 have the same id '1'"),
        ([row(n="1"), row(n="2")], {}, True, "rows 1 and 2 have the same input"),
        ([row("x"), row("y")], {}, False, "rows 1 and 2 have the same input"),
        ([row(["x"]), row("y")], {}, False, "rows 1 and 2 have the same input"),
        ([row(LONG, n="1"), row("y", n="2")], {"kind": "free"}, True, "rows 1 and 2 have the same input"),
        ([row({"a": LONG}), row({"b": LONG})], {"kind": "json"}, False, "rows 1 and 2 have the same input"),
        ([row({"a": None}), row(" ", "r")], {"kind": "json"}, False, "row 2: field `label`: must not be blank"),
        ([row([]), row("Paris", "r")], {"kind": "json"}, False, "row 2: field `label`: must be JSON"),
        ([row("1"), row("2"), row("1.0", "r")], {"kind": "number"}, False, "rows 1 and 2 have the same input"),
    ],
)
def test_what_a_run_refuses_a_push_refuses_for_the_same_reason(
    rows: list[Row], answer: dict[str, Any], has_ids: bool, message: str
) -> None:
    found = numbered(rows)
    assert message in str(refusal_of_run(found, answer, has_ids=has_ids))
    assert message in str(refusal_of_push(found, has_ids=has_ids))


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ([row(), row(question=" Q ")], {}),
        ([row(question=["Rome", "Oslo"])], {}),
        ([row("1,000"), row("1000")], {"kind": "number"}),
        ([row("yes"), row("true"), row(True)], {"kind": "boolean"}),
        ([row("Yes"), row("yes"), row("no", "r")], {"kind": "choice", "labels": ["yes", "no"]}),
        ([row(["a"]), row(["b"]), row("b")], {"kind": "exact"}),
        ([row([["a", "b"]]), row([["c"]])], {"kind": "list"}),
        ([row({"a": "1", "b": "2"}), row('{"b": "2", "a": "1"}')], {"kind": "json"}),
        ([row(LONG), row("short")], {"kind": "free"}),
        # Where no entity is in a text, an empty list is the answer.
        ([row(["Paris", " "]), row([], "r")], {"kind": "json"}),
    ],
)
def test_what_a_run_can_use_can_be_pushed(rows: list[Row], answer: dict[str, Any]) -> None:
    found = numbered(rows)
    assert refusal_of_run(found, answer, has_ids=False) is None
    assert refusal_of_push(found, has_ids=False) is None


def test_short_answers_to_one_input_are_free_text_for_a_run_that_says_so_but_not_for_a_push() -> None:
    rows = numbered([row("x"), row("y")])
    assert refusal_of_run(rows, {"kind": "free"}, has_ids=False) is None
    assert "contradict each other; correct them, nothing was stored" in str(refusal_of_push(rows, has_ids=False))
    assert refusal_of_push(numbered([row(["x"]), row(["y"])]), has_ids=False) is None


def test_a_push_also_refuses_what_no_file_can_hold_in_fields_that_no_run_reads() -> None:
    rows = numbered([row(more="\ud800")])
    assert refusal_of_run(rows, {}, has_ids=False) is None
    assert "field `'more'`: '\\ud800' is half a character" in str(refusal_of_push(rows, has_ids=False))


def test_lines_that_are_no_rows_are_refused_by_both(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "q", "label": "x"}\n{"question"\n[1]\n')
    rows = list(read_file(path, FileReading()))
    for refusal in (refusal_of_run(rows, {}, has_ids=False), refusal_of_push(rows, has_ids=False)):
        assert "row 2: not valid JSON" in str(refusal)
        assert "row 3: must be a JSON object" in str(refusal)
