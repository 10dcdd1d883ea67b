"""Inputs as people have them: under any name, inside objects, as options and as messages."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gpo.data.sources.paths import path_steps, value_at
from gpo.data.splits import load_splits
from gpo.errors import DatasetError
from gpo.spec.dataset import DatasetSpec
from tests.support.labelled import YES_NO, Load, parts, spec_for, write_rows


def test_a_variable_may_have_another_name_than_its_field(load: Load) -> None:
    rows = [{"Customer message": f"Message {number}", "label": str(number)} for number in range(6)]
    splits = load(rows, input={"message": "Customer message"})
    assert {tuple(example.inputs) for part in parts(splits) for example in part} == {("message",)}
    plain = [{"message": row["Customer message"], "label": row["label"]} for row in rows]
    assert [[example.inputs for example in part] for part in parts(load(plain, input="message"))] == [
        [example.inputs for example in part] for part in parts(splits)
    ]


@pytest.mark.parametrize("variable", ["customer message", "1st", "", "instruction", "a-b"])
def test_what_cannot_be_a_variable_is_refused(variable: str) -> None:
    with pytest.raises(ValidationError, match="cannot be a variable; allowed are letters, digits and _"):
        DatasetSpec(path=Path("x.csv"), input={variable: "text"}, reference="label")


def test_a_path_leads_into_objects_and_lists(load: Load, tmp_path: Path) -> None:
    def row(number: int) -> dict[str, Any]:
        messages = [{"role": "user", "content": "Hello"}, {"role": "user", "content": f"Question {number}"}]
        return {"inputs": {"messages": messages}, "outputs": {"label": ["yes", "no"][number % 2]}}

    fields = {"input": {"question": "inputs.messages[-1].content"}, "reference": "outputs.label", "answer": YES_NO}
    splits = load([row(number) for number in range(6)], **fields)
    assert all(example.inputs["question"].startswith("Question ") for part in parts(splits) for example in part)
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist([row(number) | {"unused": 1} for number in range(6)])
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    assert parts(load_splits(spec_for(tmp_path / "rows.parquet", **fields))) == parts(splits)
    with pytest.raises(
        DatasetError, match=r"row 7: no field `inputs.messages\[-1\].content` in this row: nothing is at"
    ):
        load(
            [*(row(number) for number in range(6)), {"inputs": {"messages": []}, "outputs": {"label": "yes"}}], **fields
        )


def test_a_field_of_that_very_name_goes_before_a_path() -> None:
    assert value_at({"a.b": "whole", "a": {"b": "inner"}}, "a.b") == "whole"
    assert value_at({"a": {"b": "inner"}}, "a.b") == "inner"
    assert path_steps("ends in.") == ("ends in.",)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["Rome", "Oslo"], "yes) Rome\nno) Oslo"),
        (["a", "b", "c"], "- a\n- b\n- c"),
        ({"label": ["1", "2"], "text": ["Rome", "Oslo"]}, "1) Rome\n2) Oslo"),
        ({"A": "Rome", "B": "Oslo"}, "A) Rome\nB) Oslo"),
        ([{"label": "(A)", "text": "Rome"}], "(A) Rome"),
        ([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None}], "user: Hi\nassistant: "),
        ([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}], "user: Hi"),
        (7, "7"),
        (True, "true"),
    ],
)
def test_options_and_messages_become_lines(load: Load, value: Any, text: str) -> None:
    rows = [{"question": str(number), "extra": value, "label": "yes"} for number in range(6)]
    assert load(rows, input=["question", "extra"], answer=YES_NO).test[0].inputs["extra"] == text


def test_one_of_several_inputs_may_be_empty_and_not_all(load: Load) -> None:
    rows = [{"question": str(number), "context": None, "label": "yes"} for number in range(6)]
    assert load(rows, input=["question", "context"]).test[0].inputs["context"] == ""
    with pytest.raises(DatasetError, match="row 7: field `question`: must not be blank, received ''"):
        load([*rows, {"question": "", "context": " ", "label": "yes"}], input=["question", "context"])


def test_a_field_says_which_split_a_row_is_of(load: Load) -> None:
    def row(number: int, split: object) -> dict[str, Any]:
        return {"question": f"{split} {number}", "label": str(number), "which": split}

    rows = [row(number, split) for split in ("train", " Validation", "TEST") for number in range(4)]
    splits = load(rows, (4, 4, 4), split_field="which")
    for part, name in zip(parts(splits), ("train", " Validation", "TEST"), strict=True):
        assert {example.inputs["question"] for example in part} == {f"{name} {number}" for number in range(4)}
    without_dev = load([each for each in rows if each["which"] != " Validation"], (2, 2, 4), split_field="which")
    assert all(example.inputs["question"].startswith("train") for example in without_dev.dev + without_dev.train)
    with pytest.raises(DatasetError, match=r"row 13: field `which`: must be one of test, dev, .* received 'other'"):
        load([*rows, row(1, "other")], split_field="which")
    with pytest.raises(DatasetError, match="no row's `which` is test"):
        load(rows[:8], split_field="which")


def test_a_folder_has_no_use_for_a_split_field(tmp_path: Path) -> None:
    for name in ("train", "dev", "test"):
        write_rows(tmp_path / f"{name}.jsonl", [{"question": name, "label": "x", "which": name}])
    with pytest.raises(DatasetError, match=r"has splits of its own; leave out dataset.split_field"):
        load_splits(spec_for(tmp_path, split_field="which"))
