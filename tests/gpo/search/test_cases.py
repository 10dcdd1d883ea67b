"""Which training examples a proposal has as its cases."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gpo.records import Example, Sample
from gpo.search.cases import TrainingCase, choose_fresh, deal_batches


def examples(count: int) -> list[Example]:
    return [Example(id=f"t{number}", inputs={"q": str(number)}, reference="x") for number in range(count)]


def case(example: Example, value: float) -> TrainingCase:
    return TrainingCase(example=example, sample=Sample(example=example.id, text="", answer=None, value=value))


@given(st.integers(0, 30), st.integers(1, 9), st.integers(0, 99))
def test_a_prompt_is_tried_on_all_examples_in_turn_before_it_has_none_left(size: int, wanted: int, seed: int) -> None:
    train, known = examples(size), dict[str, float]()
    for _ in range(-(-size // wanted)):
        chosen = choose_fresh(train, known, wanted, random.Random(seed))
        assert len(chosen) == min(wanted, size - len(known))
        assert not known.keys() & {example.id for example in chosen}
        known |= dict.fromkeys((example.id for example in chosen), 1.0)
    assert known.keys() == {example.id for example in train}
    assert choose_fresh(train, known, wanted, random.Random(seed)) == []


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 99))
def test_the_order_of_a_prompt_does_not_depend_on_how_many_are_taken_at_a_time(
    size: int, wanted: int, seed: int
) -> None:
    """So a step with fewer proposals, the last before a cap, goes on in the same order."""
    train = examples(size)
    whole = choose_fresh(train, {}, size, random.Random(seed))
    first = choose_fresh(train, {}, wanted, random.Random(seed))
    rest = choose_fresh(train, {example.id: 0.0 for example in first}, size, random.Random(seed))
    assert first + rest == whole


def test_another_prompt_has_another_order() -> None:
    train = examples(30)
    orders = [[each.id for each in choose_fresh(train, {}, 30, random.Random(seed))] for seed in (1, 2)]
    assert orders[0] != orders[1]


values = st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=30)


@given(values, st.integers(1, 8), st.integers(1, 9), st.integers(0, 99))
def test_half_of_each_batch_are_failures_where_there_are_as_many(
    marks: list[float], batches: int, size: int, seed: int
) -> None:
    cases = [case(example, mark) for example, mark in zip(examples(len(marks)), marks, strict=True)]
    failures = sum(each.is_failure for each in cases)
    passes, most = len(cases) - failures, min(size, len(cases))
    dealt = deal_batches(cases, batches, size, random.Random(seed))
    assert len(dealt) == batches
    for batch in dealt:
        assert len(batch) == len({each.example.id for each in batch}) == most
        # The rest is made up of the others, where one kind is short.
        assert sum(each.is_failure for each in batch) == min(failures, max(1, most // 2, most - passes))
    assert dealt == deal_batches(cases, batches, size, random.Random(seed))


@given(values, st.integers(1, 8), st.integers(1, 9), st.integers(0, 99))
def test_no_case_comes_again_before_all_of_its_kind_were_dealt(
    marks: list[float], batches: int, size: int, seed: int
) -> None:
    cases = [case(example, mark) for example, mark in zip(examples(len(marks)), marks, strict=True)]
    dealt = deal_batches(cases, batches, size, random.Random(seed))
    for is_failure in (True, False):
        kind = [each.example.id for each in cases if each.is_failure == is_failure]
        counts = Counter(each.example.id for batch in dealt for each in batch if each.is_failure == is_failure)
        times = [counts[name] for name in kind]
        assert not times or max(times) - min(times) <= 1


def test_without_a_failure_or_without_a_pass_the_batch_is_of_the_other_kind() -> None:
    for value in (0.0, 1.0):
        (batch,) = deal_batches([case(example, value) for example in examples(9)], 1, 4, random.Random(0))
        assert [each.is_failure for each in batch] == [value == 0.0] * 4
    assert deal_batches([], 2, 4, random.Random(0)) == ((), ())
