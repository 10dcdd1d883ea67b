"""`dataset.group`: the rows of one group stay in one split, whatever else changes."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpo.data.splits import load_splits
from gpo.errors import DatasetError
from gpo.records import Splits
from tests.support.drawn import at_most
from tests.support.labelled import Load, parts, spec_for, write_rows

BY_CUSTOMER: dict[str, Any] = {"group": "customer"}


def rows_of_customers(customers: int, each: int) -> list[dict[str, object]]:
    return [
        {"question": f"question {number} of {customer}", "label": str(number), "customer": customer}
        for customer in range(customers)
        for number in range(each)
    ]


def splits_of_groups(splits: Splits) -> dict[str | None, set[int]]:
    found: dict[str | None, set[int]] = defaultdict(set)
    for place, part in enumerate(parts(splits)):
        for example in part:
            found[example.group].add(place)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=at_most(25))
@given(each=st.integers(1, 6), added=st.integers(0, 40), seed=st.integers(0, 3))
def test_a_group_is_in_one_split_and_stays_there(load: Load, each: int, added: int, seed: int) -> None:
    options = BY_CUSTOMER | {"seed": seed}
    before = splits_of_groups(load(rows_of_customers(60, each), (10, 10, 20), **options))
    after = splits_of_groups(load(rows_of_customers(60 + added, each), (10, 10, 20), **options))
    assert all(len(places) == 1 for places in [*before.values(), *after.values()])
    assert all(after[group] == places for group, places in before.items() if group in after)


def test_examples_know_their_group_and_a_row_without_one_is_on_its_own(load: Load) -> None:
    rows = [
        {**row, "customer": None if number % 9 == 0 else row["customer"]}
        for number, row in enumerate(rows_of_customers(30, 4))
    ]
    found = splits_of_groups(load(rows, (10, 10, 20), **BY_CUSTOMER))
    assert len(found.pop(None)) == 3
    assert set(found) <= {str(number) for number in range(30)}


def test_other_groups_are_other_splits_with_another_fingerprint(load: Load) -> None:
    rows = rows_of_customers(30, 4)
    swapped = [{**row, "customer": (int(str(row["customer"])) + 1) % 30} for row in rows]
    plain, grouped = load(rows, (5, 5, 5)), load(rows, (5, 5, 5), **BY_CUSTOMER)
    assert len({plain.fingerprint, grouped.fingerprint, load(swapped, (5, 5, 5), **BY_CUSTOMER).fingerprint}) == 3


def test_too_few_groups_are_told(load: Load) -> None:
    with pytest.raises(DatasetError, match="drawn by a hash"):
        load(rows_of_customers(2, 30), (10, 10, 20), **BY_CUSTOMER)


def test_in_a_folder_a_group_stays_where_it_proves_the_gain(tmp_path: Path) -> None:
    rows = rows_of_customers(30, 2)
    for name, some in (("test", rows[:20]), ("dev", rows[18:40]), ("train", rows[30:])):
        write_rows(tmp_path / f"{name}.jsonl", [{**row, "question": f"{row['question']} {name}"} for row in some])
    splits = load_splits(spec_for(tmp_path, (20, 20, 20), **BY_CUSTOMER))
    assert all(len(places) == 1 for places in splits_of_groups(splits).values())
    assert "dev.jsonl: left out 2 rows" in splits.left_out[0]
    assert "row 1, whose group '9' is that of test.jsonl row 19" in splits.left_out[0]
