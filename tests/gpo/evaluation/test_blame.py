"""Which part failing examples blame, by what is known of the steps inside of a program."""

from collections.abc import Sequence
from typing import Any

from gpo.evaluation.blame import count_blamed
from gpo.records import Example, Sample, TracedCall


def model(part: str, text: str, **more: Any) -> TracedCall:
    return TracedCall(text=text, part=part, **more)


def found(text: str) -> TracedCall:
    return TracedCall(text=text, kind="retriever", name="pages")


def case(value: float, *calls: TracedCall) -> tuple[Example, Sample]:
    example = Example(id="1", inputs={}, reference="Ada")
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
