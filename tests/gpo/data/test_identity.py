"""Inputs with the same normal form are one question: in splits, among duplicates, and where two answers contradict."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpo.data.identity import identity_of, normal_form, visible_form
from gpo.data.splits import load_splits
from gpo.data.starter import task_of
from gpo.errors import DatasetError
from gpo.records import Splits
from tests.support.drawn import at_most
from tests.support.labelled import YES_NO, Load, parts, rows_of
from tests.support.published import PUBLISHED, needs_published_data

SPELLINGS = (
    str.upper,
    str.title,
    lambda text: f" {text}\n",
    lambda text: text.replace(" ", "\u00a0 "),
    lambda text: text.replace(" ", "\u200b \u200d"),
    lambda text: unicodedata.normalize("NFD", text),
)


@pytest.mark.parametrize("spell", SPELLINGS)
def test_what_no_reader_sees_makes_no_other_question(spell) -> None:  # type: ignore[no-untyped-def]
    asked = "le café est-il bon ?"
    assert normal_form(spell(asked)) == asked
    assert identity_of([spell(asked), "b"]) == identity_of([asked, "B"])


@given(st.text())
def test_a_normal_form_is_its_own(text: str) -> None:
    once = normal_form(text)
    assert normal_form(once) == once
    assert visible_form(visible_form(text)) == visible_form(text)
    assert normal_form(visible_form(text)) == once
    assert not any(unicodedata.category(each) == "Cf" for each in once)


@given(st.text(), st.text())
def test_the_order_and_the_borders_of_inputs_count(one: str, other: str) -> None:
    same = normal_form(one) == normal_form(other)
    assert (identity_of([one, other]) == identity_of([other, one])) == same


def crossing(splits: Splits) -> set[str]:
    """Identities of inputs that stand in two splits."""
    sides = [{identity_of(example.inputs.values()) for example in part} for part in parts(splits)]
    return sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=at_most(25))
@given(data=st.data(), seed=st.integers(0, 5))
def test_equal_normal_forms_never_stand_in_two_splits(load: Load, data: st.DataObject, seed: int) -> None:
    rows = rows_of(30, lambda number: ["yes", "no"][number % 2])
    spelt = [
        {**row, "question": data.draw(st.sampled_from(SPELLINGS))(row["question"])}  # type: ignore[no-untyped-call]
        for row in data.draw(st.lists(st.sampled_from(rows), max_size=30))
    ]
    mixed = data.draw(st.permutations([*rows, *spelt]))
    splits = load(mixed, (8, 8, 14), answer=YES_NO, seed=seed)
    assert not crossing(splits)
    assert sum(map(len, parts(splits))) == 30


@pytest.mark.parametrize("options", [{}, {"answer": {"kind": "free"}}])
def test_of_two_spellings_with_two_answers_one_is_wrong_or_both_are_right(load: Load, options) -> None:  # type: ignore[no-untyped-def]
    rows = [*rows_of(6, lambda _: "ok"), {"question": "QUESTION 3 ", "label": "fraud"}]
    if options:
        (joined,) = [example for part in parts(load(rows, (1, 1, 4), **options)) for example in part if example.also]
        assert joined.references == ("fraud", "ok")
        return
    with pytest.raises(DatasetError) as caught:
        load(rows)
    assert "data.jsonl: rows 4 and 7 have the same input 'QUESTION 3 ', answered 'ok' and 'fraud'" in str(caught.value)


def test_labels_in_two_forms_are_one(load: Load) -> None:
    rows = rows_of(12, lambda number: ["Caf\u00e9", "Cafe\u0301", "Th\u00e9"][number % 3])
    splits = load(rows, answer={"kind": "choice", "labels": ["Caf\u00e9", "Th\u00e9"]})
    assert {example.reference for part in parts(splits) for example in part} <= {"Caf\u00e9", "Th\u00e9"}


@needs_published_data
@pytest.mark.slow
@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in PUBLISHED.glob("**/test.*")}), ids=lambda path: path.name
)
def test_no_published_question_stands_in_two_splits(folder: Path) -> None:
    assert not crossing(load_splits(task_of(folder)))


def test_the_order_of_a_dataset_is_the_one_it_has_always_had(load: Load) -> None:
    splits = load([{"question": f"Question {number}", "label": str(number)} for number in range(12)], (4, 4, 4))
    assert [[example.reference for example in part] for part in parts(splits)] == [
        ["0", "9", "11", "10"],
        ["4", "3", "5", "2"],
        ["8", "6", "1", "7"],
    ]
