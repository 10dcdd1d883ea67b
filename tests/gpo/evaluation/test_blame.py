"""Which part failing examples blame, by what is known of the steps inside of a program."""

from collections.abc import Sequence
from typing import Any

import pytest

from gpo.evaluation.blame import count_blamed
from gpo.records import Example, Sample, TracedCall


def model(part: str, text: str, **more: Any) -> TracedCall:
    return TracedCall(text=text, part=part, **more)


def found(text: str) -> TracedCall:
    return TracedCall(text=text, kind="retriever", name="pages")


def case(value: float, *calls: TracedCall, reference: str = "Ada") -> tuple[Example, Sample]:
    example = Example(id="1", inputs={}, reference=reference)
    return example, Sample(example="1", text="", answer="", value=value, calls=calls)


def blamed(*cases: tuple[Example, Sample]) -> dict[str, int]:
    return dict(count_blamed(cases))


PLANNED: Sequence[TracedCall] = (model("plan", "who wrote it"), found("By Ada, in 1840."))


def test_documents_without_the_right_answer_blame_what_asked_for_them() -> None:
    good = case(1.0, *PLANNED, model("answer", "Ada"))
    lost = case(0.0, *PLANNED, model("answer", "Bob"))
    missed = case(0.0, model("plan", "books"), found("On Adamant Bob."), model("answer", "Bob"))
    assert blamed(good, lost, missed, missed) == {"plan": 2, "answer": 1}
    assert blamed(lost, missed) == {}, "without one that went well nobody knows what the documents should hold"
    assert blamed(good) == {}


def test_a_step_that_failed_or_was_cut_off_or_gave_nothing_is_wrong() -> None:
    broken = [
        case(0.0, model("plan", "", error="no"), model("answer", "Bob")),
        case(0.0, model("plan", "x", finish_reason="length"), model("answer", "Bob")),
        case(0.0, model("plan", "x"), TracedCall(text="", kind="tool", error="no page"), model("answer", "Bob")),
    ]
    assert blamed(*broken) == {"plan": 3}
    assert blamed(case(0.0, model("plan", "x"), model("answer", " "))) == {"answer": 1}


def test_what_tells_nothing_blames_nobody() -> None:
    good = case(1.0, model("plan", "think"), model("answer", "Ada"))
    wrong = case(0.0, model("plan", "think"), model("answer", "Bob"))
    assert blamed(good, wrong, case(0.0)) == {}


@pytest.mark.parametrize(
    ("reference", "holds", "lacks", "expected"),
    [
        ("\u5317\u4eac", "\u9996\u90fd\u662f\u5317\u4eac\u3002", "\u9996\u90fd\u662f\u6771\u4eac\u3002", {"plan": 1}),
        ("Ada", "By Ada.", "By Adamant.", {"plan": 1}),
        ("-3.5", "It is -3.5.", "It is 3.5.", {"plan": 1}),
        ("4", "By 4 people.", "By 5 people.", {}),
        ("Yes", "Yes, it is.", "It is not.", {}),
        ("false", "It is false.", "It is not.", {}),
    ],
)
def test_a_right_answer_is_found_in_any_script_unless_it_stands_anywhere_by_chance(
    reference: str, holds: str, lacks: str, expected: dict[str, int]
) -> None:
    last = model("answer", "Bob")
    good = case(1.0, model("plan", "who"), found(holds), last, reference=reference)
    missed = case(0.0, model("plan", "who"), found(lacks), last, reference=reference)
    assert blamed(good, missed) == expected
