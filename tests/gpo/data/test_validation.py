"""Which rows go together, what is left out, and the fingerprint of what is kept."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpo.errors import DatasetError
from tests.support.drawn import at_most
from tests.support.labelled import Load, parts, rows_of


def test_five_bad_rows_are_shown_and_the_others_counted(load: Load) -> None:
    with pytest.raises(DatasetError) as caught:
        load(["not an object"] * 8)
    assert str(caught.value).count("must be a JSON object") == 5
    assert str(caught.value).endswith("\n  and 3 more")


def test_repeated_ids(load: Load) -> None:
    rows = [{"question": str(number), "label": "yes", "n": number % 6} for number in range(8)]
    with pytest.raises(DatasetError) as caught:
        load(rows, id="n")
    assert "field `n` must be unique:" in str(caught.value)
    assert "data.jsonl: rows 1 and 7 have the same id '0'" in str(caught.value)


def test_equal_rows_without_ids_count_once(load: Load) -> None:
    rows = rows_of(9)
    merged = load([*rows, *rows[::2], *rows])
    assert merged.notes == (
        "data.jsonl: merged 14 rows that say the same as an earlier one; the first: row 10, as data.jsonl row 1",
    )
    assert merged.model_copy(update={"notes": ()}) == load(rows)
    with pytest.raises(DatasetError, match=r"9 different rows, but dataset\.split asks for"):
        load(rows * 2, (4, 4, 4))


def test_equal_rows_with_ids_of_their_own_are_refused(load: Load) -> None:
    rows = [{"question": "q", "label": "yes", "n": number} for number in range(8)]
    with pytest.raises(DatasetError, match="rows 1 and 2 have the same input"):
        load(rows, id="n")


@pytest.mark.parametrize("options", [{}, {"id": "n"}], ids=["no ids", "with ids"])
def test_repeated_inputs(load: Load, options: dict[str, Any]) -> None:
    rows = [{"question": str(number % 8), "label": str(number), "n": number} for number in range(15)]
    with pytest.raises(DatasetError) as caught:
        load(rows, **options)
    assert "data.jsonl: rows 1 and 9 have the same input" in str(caught.value)
    assert str(caught.value).endswith("\n  and 2 more")


@pytest.mark.parametrize(
    ("kind", "label"), [("free", str), ("exact", lambda text: [text]), ("list", lambda text: [[text]])]
)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=at_most(20))
def test_several_right_answers_to_one_input_become_one_example(
    load: Load, kind: str, label: Callable[[str], object], data: st.DataObject
) -> None:
    said = [(number % 8, f"answer{number}") for number in range(20)]
    rows = [{"question": f"question {asked}", "label": label(text)} for asked, text in said]
    shuffled = data.draw(st.permutations([*rows, *rows[5:12]]))
    splits = load(shuffled, (2, 2, 3), answer={"kind": kind}).model_copy(update={"notes": ()})
    assert splits == load(rows, (2, 2, 3), answer={"kind": kind})
    assert not splits.left_out
    for example in [*splits.train, *splits.dev, *splits.test]:
        right = {text for asked, text in said if example.inputs["question"] == f"question {asked}"}
        assert set(example.references) == right
        assert len(example.references) == len(right)
    fewer = load(rows[:-1], (2, 2, 3), answer={"kind": kind})
    assert fewer.fingerprint != splits.fingerprint


@pytest.mark.parametrize(
    ("kind", "labels", "options"),
    [
        ({"kind": "exact"}, ("a", ["b"]), {}),
        ({"kind": "exact"}, (["a"], "b"), {}),
        ({"kind": "choice", "labels": ["a", "b"]}, (["a"], ["b"]), {}),
        ({"kind": "json"}, (["a"], ["b"]), {}),
        ({"kind": "free"}, ("a", "b"), {"id": "n"}),
    ],
    ids=["one is no list", "first is no list", "labels", "one array", "ids of their own"],
)
def test_other_answers_to_one_input_contradict_each_other(
    load: Load, kind: dict[str, Any], labels: tuple[object, object], options: dict[str, Any]
) -> None:
    others = [{"question": f"other {number}", "label": labels[0], "n": number} for number in range(6)]
    rows = [{"question": "q", "label": label, "n": number} for number, label in enumerate(labels, start=6)]
    with pytest.raises(DatasetError, match="rows 7 and 8 have the same input"):
        load([*others, *rows], answer=kind, **options)


# Rows that cannot be used


def test_bad_rows_are_left_out_where_the_spec_says_so(load: Load) -> None:
    good = "".join(json.dumps(row) + "\n" for row in rows_of(8))
    bad = (
        '{"question": 1\n[]\n{"question": "x"}\n{"question": "question 3", "label": "another"}\n{"question": "x\xff"}\n'
    )
    splits = load((good + bad).encode("latin-1"), (2, 2, 4), on_bad_row="skip")
    assert parts(splits) == parts(load(good, (2, 2, 4)))
    assert splits.fingerprint == load(good).fingerprint
    assert splits.left_out == (
        (
            "data.jsonl: left out 5 rows that cannot be used; the first: row 9: not valid JSON: Expecting ',' delimiter"
            " at column 15; a row is one JSON object on one line"
        ),
    )
    with pytest.raises(DatasetError, match=r"holds no rows that can be used; add(?s:.*)left out 5 rows"):
        load(bad.encode("latin-1"), on_bad_row="skip", id="n")


def test_of_rows_with_one_id_or_one_input_the_first_is_kept(load: Load) -> None:
    rows = [{**row, "n": number} for number, row in enumerate(rows_of(6))]
    repeated = [{"question": "another", "label": "x", "n": 2}, {"question": "question 4", "label": "x", "n": 99}]
    splits = load([*rows, *repeated], id="n", on_bad_row="skip")
    assert parts(splits) == parts(load(rows, id="n"))
    assert splits.left_out == (
        "data.jsonl: left out 2 rows that cannot be used; the first: row 7: has the same id '2' as data.jsonl row 3",
    )


# The fingerprint


def test_the_fingerprint_is_that_of_the_content(load: Load) -> None:
    rows = rows_of(9)
    first = load(rows).fingerprint
    assert load(rows[::-1], (1, 1, 1), seed=7).fingerprint == first
    assert load([{**row, "comment": "unused"} for row in rows]).fingerprint == first
    assert load(rows_of(10)).fingerprint != first
    for number in range(9):
        for field in ("question", "label"):
            changed = [{**row, field: "other"} if place == number else row for place, row in enumerate(rows)]
            assert load(changed).fingerprint != first


def test_ids_of_their_own_are_part_of_the_fingerprint(load: Load) -> None:
    rows = [{**row, "n": number} for number, row in enumerate(rows_of(9))]
    renamed = [{**row, "n": f"x{row['n']}"} for row in rows]
    assert load(rows, id="n").fingerprint != load(renamed, id="n").fingerprint
    assert load(rows).fingerprint == load(renamed).fingerprint
