"""Which example goes to which split, and how few move when rows are added."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.drawn import at_most
from tests.support.labelled import YES_NO, Load, ids, questions, rows_of


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    sizes=st.tuples(st.integers(0, 12), st.integers(1, 12), st.integers(1, 12)),
    spare=st.integers(0, 20),
    seed=st.integers(0, 3),
    data=st.data(),
)
def test_splits_are_disjoint_exact_deterministic_and_balanced(
    load: Load, sizes: tuple[int, int, int], spare: int, seed: int, data: st.DataObject
) -> None:
    labels = ["a", "b", "c"][: data.draw(st.integers(2, 3))]
    count = sum(sizes) + spare
    drawn = data.draw(st.lists(st.sampled_from(labels), min_size=count, max_size=count))
    rows = rows_of(count, lambda number: drawn[number])
    options: dict[str, Any] = {"answer": {"kind": "choice", "labels": labels}, "seed": seed}
    splits = load(rows, sizes, **options)

    parts = (splits.train, splits.dev, splits.test)
    assert tuple(len(part) for part in parts) == sizes
    assert len(ids(example for part in parts for example in part)) == sum(sizes)

    random.Random(seed).shuffle(rows)
    assert load(rows, sizes, **options) == splits

    shares = {label: drawn.count(label) / count for label in labels}
    for part in parts:
        for length in range(1, len(part) + 1):
            found = Counter(example.reference for example in part[:length])
            assert all(abs(found[label] - shares[label] * length) <= 1 + len(labels) / 2 for label in labels)


def test_labels_interleave(load: Load) -> None:
    splits = load(rows_of(80, lambda number: ["yes", "no"][number >= 40]), (10, 30, 40), answer=YES_NO)
    for part in (splits.train, splits.dev, splits.test):
        for start in range(0, len(part), 2):
            assert {example.reference for example in part[start : start + 2]} == {"yes", "no"}


def test_booleans_are_balanced_however_they_are_spelled(load: Load) -> None:
    splits = load(
        rows_of(40, lambda number: ["Yes", "true", "No", False][number % 4]), (0, 10, 10), answer={"kind": "boolean"}
    )
    assert Counter(example.reference for example in splits.dev) == {"true": 5, "false": 5}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=10)
@given(data=st.data())
def test_sets_of_labels_are_spread_by_their_rarest(load: Load, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(60)))
    found = [["common"] * (number % 7 != 0) + ["rare"] * (number < 6) + ["rarer"] * (number == 7) for number in order]
    splits = load(
        rows_of(60, lambda number: found[number]),
        (20, 20, 20),
        answer={"kind": "labels", "labels": ["common", "rare", "rarer"], "allow_none": True},
    )
    parts = (splits.train, splits.dev, splits.test)
    assert [len(part) for part in parts] == [20, 20, 20]
    assert [sum('"rare"' in each.reference for each in part) for part in parts] == [2, 2, 2]
    assert len(ids(each for part in parts for each in part)) == 60


def test_another_seed_splits_otherwise(load: Load) -> None:
    rows = rows_of(60)
    assert questions(load(rows, (20, 20, 20), seed=0).test) != questions(load(rows, (20, 20, 20), seed=1).test)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=at_most(30))
@given(added=st.integers(1, 10), seed=st.integers(0, 5))
def test_added_rows_move_few_examples_and_only_outwards(load: Load, added: int, seed: int) -> None:
    sizes = (15, 15, 15)
    old, new = load(rows_of(60), sizes, seed=seed), load(rows_of(60 + added), sizes, seed=seed)
    assert len(questions(old.test) - questions(new.test)) <= added
    assert not questions(new.test) & questions(old.dev + old.train)
    assert not questions(new.dev) & questions(old.train)
    # Dev lies between: what leaves the test split goes there, and never to where it is shown to a model.
    assert not questions(new.train) & questions(old.test)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=at_most(30))
@given(added=st.integers(1, 10), seed=st.integers(0, 5))
def test_added_rows_with_labels_move_few_examples(load: Load, added: int, seed: int) -> None:
    options: dict[str, Any] = {"sizes": (15, 15, 15), "answer": YES_NO, "seed": seed}
    old = load(rows_of(60, lambda number: ["yes", "no"][number % 2]), **options)
    new = load(rows_of(60 + added, lambda number: ["yes", "no"][number < 60 and number % 2]), **options)
    assert len(questions(old.test) - questions(new.test)) <= added + 2


def test_a_corrected_reference_stays_in_its_split(load: Load) -> None:
    rows = rows_of(30)
    old = load(rows, (10, 10, 10))
    for row in rows[:15]:
        row["label"] = "corrected"
    new = load(rows, (10, 10, 10))
    assert questions(old.test) == questions(new.test)
    assert ids(old.test) != ids(new.test)
