"""Which candidates deserve more examples."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from gpo.evaluation.racing import blocks, stays
from gpo.records import Example, Score


def examples(count: int) -> list[Example]:
    return [Example(id=str(number), inputs={}, reference="") for number in range(count)]


def score(**values: float) -> Score:
    return Score(values=values, planned=4)


@given(count=st.integers(1, 200), first=st.none() | st.integers(1, 250))
def test_blocks_are_the_examples_in_order_and_double(count: int, first: int | None) -> None:
    whole = examples(count)
    found = blocks(whole, first)
    assert [example for block in found for example in block] == whole
    lengths = [len(block) for block in found]
    if first is None:
        assert lengths == [count]
    else:
        assert lengths[:-1] == [first * 2**number for number in range(len(lengths) - 1)]
        # A rest too small to decide anything goes with the block before it.
        assert lengths[-1] >= min(first, count)


def test_only_examples_that_both_have_count() -> None:
    assert stays(score(a=1, b=1), score(a=1, b=0, c=1, d=1))
    assert not stays(score(a=1, b=0, c=1), score(a=1, b=1))
    assert stays(score(a=0.6), score(a=0.5, b=1))


def test_level_in_another_way_stays_and_level_on_every_example_does_not() -> None:
    assert stays(score(a=1, b=0), score(a=0, b=1))
    assert not stays(score(a=1, b=0), score(a=1, b=0, c=1))


def test_level_scores_that_no_float_holds_exactly_are_level() -> None:
    values = (0.1, 0.2, 0.3, 0.7)
    one = score(**dict(zip("abcd", values, strict=True)))
    for order in permutations(values):
        assert stays(one, score(**dict(zip("abcd", order, strict=True)))) == (order != values)


def test_nothing_in_common_is_no_reason_to_go_on() -> None:
    assert not stays(score(a=1), score(b=0))
    assert not stays(score(), score(a=0))
