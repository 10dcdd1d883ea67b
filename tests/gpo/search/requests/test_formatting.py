"""How what happened in a program is told to the optimizer model."""

import re

from gpo.records import TracedCall
from gpo.runs.results.steps import cut_calls
from gpo.search.requests.formatting import format_calls


def steps(count: int, *failed: int) -> tuple[TracedCall, ...]:
    numbers = range(1, count + 1)
    return tuple(TracedCall(text=f"gave {each}", error="no" if each in failed else "") for each in numbers)


def shown(calls: tuple[TracedCall, ...]) -> list[int]:
    return [int(each) for each in re.findall(r"(?m)^Step (\d+),", format_calls(calls))]


def test_of_many_steps_the_last_are_shown_by_their_numbers_and_the_others_counted() -> None:
    kept = cut_calls(steps(60, 10))
    assert shown(kept) == [10, 1, 2, 3, 4, 5, 55, 56, 57, 58, 59, 60]
    text = format_calls(kept)
    assert text.endswith("Step 60, a model, It gave: gave 60\n(48 more steps)")
    assert cut_calls(kept) == kept


def test_steps_that_have_room_are_all_shown() -> None:
    assert shown(steps(12, 7)) == [7, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]
    assert "more steps" not in format_calls(steps(12))
    assert format_calls(steps(14)).endswith("(2 more steps)")
