"""Slices: from fields of the rows to the groups of test examples that the gate guards."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gpo.data.splits import load_splits, splits_of
from gpo.errors import DatasetError, SpecError
from gpo.gate.guards import check_slices, describe_unguarded, group_by_slice
from gpo.records import Example, Splits
from gpo.spec.gate import GateSpec
from gpo.spec.task import TaskSpec

STYLES = ("plain", "terse", None)


def spec_for(path: Path, slices: Sequence[str] = (), **dataset: Any) -> TaskSpec:
    fields = {"input": "question", "reference": "label", "split": {"train": 4, "dev": 4, "test": 16}, **dataset}
    prompt = {"instruction": "Answer.", "messages": [{"user": "{{question}} {{instruction}}"}]}
    content = {"name": "task", "prompt": prompt, "dataset": {"path": path, **fields}, "gate": {"slices": slices}}
    return TaskSpec.model_validate(content)


def rows(count: int = 24, **changes: Any) -> list[dict[str, Any]]:
    made = [
        {"question": f"q{n}", "label": str(n % 2), "style": STYLES[n % 3], "long": n % 2 == 0} for n in range(count)
    ]
    return [{**row, **changes} for row in made]


def written(folder: Path, content: Sequence[Mapping[str, Any]], name: str = "rows.jsonl") -> Path:
    path = folder / name
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    elif path.suffix == ".csv":
        pd.DataFrame(content).to_csv(path, index=False)
    else:
        pd.DataFrame(content).to_parquet(path)
    return path


def plain(splits: Splits) -> Splits:
    """The splits as they would be without slices."""

    def without(examples: Sequence[Example]) -> tuple[Example, ...]:
        return tuple(each.model_copy(update={"slices": {}}) for each in examples)

    parts = {name: without(getattr(splits, name)) for name in ("train", "dev", "test", "few_shot")}
    return splits.model_copy(update=parts)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.parquet"])
def test_examples_carry_their_values_and_nothing_else_changes(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, rows(), name)
    found, usual = load_splits(spec_for(path, ["style", "long"])), load_splits(spec_for(path))
    assert plain(found) == usual
    assert all(not example.slices for example in usual.test)
    assert spec_for(path, ["style"]).fingerprint() == spec_for(path).fingerprint()
    number = {f"q{n}": n for n in range(24)}
    for example in (*found.train, *found.dev, *found.test):
        n = number[example.inputs["question"]]
        expected = {"style": STYLES[n % 3], "long": str(n % 2 == 0)}
        shown = {key: value for key, value in expected.items() if value is not None}
        assert {key: value.casefold() for key, value in example.slices.items()} == {
            key: value.casefold() for key, value in shown.items()
        }


def test_a_frame_has_slices_too() -> None:
    splits = splits_of(pd.DataFrame(rows()), spec_for(Path("none.jsonl"), ["style"]))
    assert {example.slices.get("style") for example in splits.test} == {"plain", "terse", None}


def test_values_are_names_on_one_line_without_backticks(tmp_path: Path) -> None:
    path = written(tmp_path, rows(style=" two\n lines `of` \x07code "))
    (value,) = {example.slices["style"] for example in load_splits(spec_for(path, ["style"])).test}
    assert value == "two lines 'of' \\x07code"


@pytest.mark.parametrize("on_bad_row", ["stop", "skip"])
def test_a_value_that_names_nothing_is_an_error_and_never_leaves_a_row_out(tmp_path: Path, on_bad_row: str) -> None:
    path = written(tmp_path, [*rows(), {"question": "q99", "label": "1", "style": ["a", "b"]}])
    with pytest.raises(
        DatasetError, match=r"take their field out of gate\.slices:\n  rows\.jsonl row 25: field `style`"
    ):
        load_splits(spec_for(path, ["style"], on_bad_row=on_bad_row))


def test_a_field_that_no_row_has_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, rows())
    with pytest.raises(DatasetError, match=r"in the field `styl` of gate\.slices; did you mean 'style'\?"):
        load_splits(spec_for(path, ["styl"]))


def test_rows_that_become_one_example_agree_on_its_slice_in_any_order(tmp_path: Path) -> None:
    free = {"answer": {"kind": "free"}}
    spec = spec_for(tmp_path / "rows.jsonl", ["style"])
    spec = TaskSpec.model_validate(spec.model_dump() | free)
    twice = [
        row | {"label": f"text {place}", "style": style} for row in rows() for place, style in ((1, "b"), (2, "a"))
    ]
    found = [load_splits(spec) for each in (twice, twice[::-1]) if written(tmp_path, each)]
    assert found[0] == found[1]
    assert {example.slices["style"] for example in found[0].test} == {"a"}


def examples(**counts: int) -> list[Example]:
    return [
        Example(id=f"{style}{n}", inputs={}, reference="", slices={"style": style})
        for style, count in counts.items()
        for n in range(count)
    ]


def test_small_slices_are_left_out_and_told() -> None:
    found = group_by_slice(
        [*examples(plain=10, terse=9, odd=1), Example(id="none", inputs={}, reference="")], ["style"]
    )
    assert {name: len(ids) for name, ids in found.slices.items()} == {"style=plain": 10}
    assert (
        describe_unguarded(found)
        == "Slices of fewer than 10 test examples are not guarded: `style=odd` (1), `style=terse` (9)."
    )
    assert describe_unguarded(group_by_slice(examples(plain=10), ["style"])) is None
    many = describe_unguarded(group_by_slice(examples(**{f"s{n}": 1 for n in range(9)}), ["style"]))
    assert many is not None
    assert many.endswith("`style=s4` (1) and 4 more slices.")


def test_a_margin_needs_a_slice_that_is_there_and_large_enough() -> None:
    found = group_by_slice(examples(plain=10, terse=9), ["style"])
    check_slices(GateSpec(slices=("style",), slice_margins={"style=plain": 0.1}), found)
    for name, message in (
        ("style=terse", "of which the test split has 9 examples; 10 are needed: raise dataset.split.test"),
        ("style=plan", "which no test example is in; did you mean 'style=plain'"),
    ):
        with pytest.raises(SpecError, match=message):
            check_slices(GateSpec(slices=("style",), slice_margins={name: 0.1}), found)
