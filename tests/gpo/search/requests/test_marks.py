"""Marks that are drawn for a request: none of the texts that it shows can hold them."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gpo.search.requests.marks import TAG_LENGTH, draw_marks


@given(st.integers(0, 9), st.lists(st.text(alphabet="0123456789abcdeABCDE\n</dat> "), max_size=4))
def test_a_tag_that_a_text_holds_is_drawn_again(seed: int, shown: list[str]) -> None:
    marks = draw_marks(seed, shown, length=1)  # of one digit, as texts hold most of these
    assert not any(marks.tag in text.casefold() for text in shown)
    assert marks == draw_marks(seed, shown, length=1)


def test_tags_are_as_many_as_requests() -> None:
    rng = random.Random(0)
    drawn = {draw_marks(0, [str(rng.random())]).tag for _ in range(300)}
    assert (len(drawn), {len(tag) for tag in drawn}) == (300, {TAG_LENGTH})
