"""Which columns hold sets of labels, and which look like it."""

import json
import random
from collections.abc import Sequence

import pytest

from gpo.data.guessing.columns import Column
from gpo.data.guessing.label_sets import count_in_sets, find_label_sets

LABELS = ("bug", "user interface", "docs")


def sets(least: int = 1) -> list[list[str]]:
    rng = random.Random(1)
    return [rng.sample(LABELS, rng.randint(least, 3)) for _ in range(60)]


def column(values: Sequence[object], name: str = "topics") -> Column:
    return Column(name, [{name: value} for value in values])


@pytest.mark.parametrize(
    ("values", "between"),
    [
        (sets(), None),
        ([json.dumps(each) for each in sets()], None),
        ([str(each) for each in sets()], None),
        (["; ".join(each) for each in sets()], ";"),
        (["|".join(each) for each in sets()], "|"),
        ([", ".join(each).title() for each in sets()], ","),
    ],
    ids=["lists", "JSON", "Python", "semicolons", "bars", "commas"],
)
def test_sets_are_found_however_they_are_written(values: list[object], between: str | None) -> None:
    found = find_label_sets(column(values))
    assert found is not None
    assert sorted(label.casefold() for label in found.labels) == sorted(LABELS)
    assert (found.between, found.may_be_empty) == (between, False)
    counts = count_in_sets(found, column(values))
    assert {label.casefold(): number for label, number in counts.items()} == {
        label: sum(label in each for each in sets()) for label in LABELS
    }
    assert list(counts.values()) == sorted(counts.values(), reverse=True)


def test_empty_sets_are_sets() -> None:
    found = find_label_sets(column(sets(least=0)))
    assert found is not None
    assert found.may_be_empty


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([["Paris", f"Paris {n}"] for n in range(60)], "topics"),
        ([["bug"], ["docs"], ["user interface"]] * 20, "topics"),
        ([["bug", "bug"], ["bug", "docs"], ["docs", "bug"]] * 20, "topics"),
        (sets(), "answers"),
        (["agree, strongly", "disagree, strongly", "neutral"] * 20, "topics"),
        (["bug", "docs"] * 30, "topics"),
        ([f"a text, with a comma and number {n}" for n in range(60)], "topics"),
        ([1, 2, 3] * 20, "topics"),
    ],
    ids=["new items", "one each", "votes", "alternatives", "commas in labels", "no marks", "texts", "numbers"],
)
def test_what_looks_like_sets_is_left_alone(values: list[object], name: str) -> None:
    assert find_label_sets(column(values, name)) is None
