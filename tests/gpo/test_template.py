"""Filling the messages of a prompt."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.records import Example
from gpo.template import (
    Message,
    Position,
    as_text,
    breaks_contract,
    fill,
    misnamed_in,
    next_question,
    place_instruction,
    render,
    variables_in,
)

TEMPLATE = (Message(role="system", text="{{ instruction }}"), Message(role="user", text="{{review}} / {{product}}"))


def test_messages_keep_their_roles_and_order() -> None:
    assert render(TEMPLATE, "Judge.", {"review": "Good.", "product": "Pen"}) == (
        Message(role="system", text="Judge."),
        Message(role="user", text="Good. / Pen"),
    )


def test_what_is_put_in_is_not_looked_at_again() -> None:
    inputs = {"review": "{{product}} {{instruction}} {{unknown}}", "product": "{review} %s $x \\1 \\g<0>"}
    system, user = render(TEMPLATE, "Use {{review}}.", inputs)
    assert system.text == "Use {{review}}."
    assert user.text == "{{product}} {{instruction}} {{unknown}} / {review} %s $x \\1 \\g<0>"


@given(st.text(), st.text(), st.text())
def test_any_text_passes_unchanged(instruction: str, review: str, product: str) -> None:
    system, user = render(TEMPLATE, instruction, {"review": review, "product": product})
    assert system.text == instruction
    assert user.text == f"{review} / {product}"


def test_a_variable_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="product"):
        render(TEMPLATE, "Judge.", {"review": "Good."})


@pytest.mark.parametrize("text", ["{review}", "{{}}", "{{ 1a }}", "{{a-b}}", "{ {a} }", '{"a": {"b": 1}}', "{{a b}}"])
def test_other_braces_are_text(text: str) -> None:
    assert variables_in(text) == []
    assert fill(text, {}) == text
    assert not breaks_contract(text)


@pytest.mark.parametrize("name", ["user-name", "user name", "user.name", "größe", "1st"])
def test_braces_around_what_is_like_a_name_are_found(name: str) -> None:
    assert misnamed_in(f"{{{{{name}}}}} and {{{{ {name} }}}} but {{{{review}}}}") == [name, name]


@pytest.mark.parametrize("text", ["{{}}", "{{1}}", '{{"a": 1}}', "{user-name}", "{{a, b}}", "x^{{2}}", "{{_x1}}"])
def test_other_braces_are_no_name(text: str) -> None:
    assert misnamed_in(text) == []


@pytest.mark.parametrize("text", ["Read {{review}}.", "{{ instruction }}", "{{{a}}}"])
def test_an_instruction_may_not_bring_variables(text: str) -> None:
    assert breaks_contract(text)


# Where the instruction stands


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("before", [("user", "Think.\n\nQ: 2 + 2?")]),
        ("beginning", [("user", "Think.\nQ: 2 + 2?")]),
        ("end", [("user", "Q: 2 + 2?\nThink.")]),
        ("answer", [("user", "Q: 2 + 2?"), ("assistant", "Think.")]),
    ],
)
def test_the_instruction_stands_where_it_is_put(position: Position, expected: list[tuple[str, str]]) -> None:
    messages = render(place_instruction("Q: {{sum}}", position), "Think.", {"sum": "2 + 2?"})
    assert [(message.role, message.text) for message in messages] == expected


def test_as_a_system_message_it_stands_before_the_question() -> None:
    messages = render(place_instruction("Q: {{sum}}", "before", "system"), "Think.", {"sum": "2 + 2?"})
    assert [(message.role, message.text) for message in messages] == [("system", "Think."), ("user", "Q: 2 + 2?")]


# Demonstrations


def shown(number: int, **changes: str) -> Example:
    return Example(id=f"d{number}", inputs={"sum": f"{number} + {number}?"}, reference=str(2 * number), **changes)


def roles_and_texts(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages]


def test_demonstrations_stand_between_the_system_message_and_the_question() -> None:
    template = (Message(role="system", text="Be brief."), Message(role="user", text="{{sum}}\n{{instruction}}"))
    messages = render(template, "Think.", {"sum": "1 + 1?"}, [shown(2), shown(3, solution="Three twice: 6.")])
    assert roles_and_texts(messages) == [
        ("system", "Be brief."),
        ("user", "2 + 2?\nThink."),
        ("assistant", "4"),
        ("user", "3 + 3?\nThink."),
        ("assistant", "Three twice: 6."),
        ("user", "1 + 1?\nThink."),
    ]


def test_an_instruction_in_the_system_message_is_said_once() -> None:
    messages = render(place_instruction("{{sum}}", "before", "system"), "Think.", {"sum": "1 + 1?"}, [shown(2)])
    assert roles_and_texts(messages) == [
        ("system", "Think."),
        ("user", "2 + 2?"),
        ("assistant", "4"),
        ("user", "1 + 1?"),
    ]


def test_where_the_answer_begins_with_the_instruction_a_demonstrated_one_does_too() -> None:
    messages = render(place_instruction("{{sum}}", "answer"), "Step by step:", {"sum": "1 + 1?"}, [shown(2)])
    assert roles_and_texts(messages) == [
        ("user", "2 + 2?"),
        ("assistant", "Step by step: 4"),
        ("user", "1 + 1?"),
        ("assistant", "Step by step:"),
    ]


def test_what_a_demonstration_holds_is_text() -> None:
    example = Example(id="d", inputs={"sum": "{{instruction}}"}, reference="{{sum}}")
    first, answer, _ = render(place_instruction("{{sum}}", "end"), "Think.", {"sum": "1"}, [example])
    assert (first.text, answer.text) == ("{{instruction}}\nThink.", "{{sum}}")


# One text for a completion model


def test_the_text_of_a_completion_is_the_messages_in_order_and_the_answer_comes_next() -> None:
    asked = render(place_instruction("Q: {{sum}}", "end"), "Think.", {"sum": "1 + 1?"}, [shown(2)])
    assert as_text(asked) == "Q: 2 + 2?\nThink.\n\n4\n\nQ: 1 + 1?\nThink.\n\n"
    begun = render(place_instruction("Q: {{sum}}", "answer"), "A: Think.", {"sum": "1 + 1?"})
    assert as_text(begun) == "Q: 1 + 1?\n\nA: Think."


@pytest.mark.parametrize(
    ("template", "begins"),
    [
        (place_instruction("Q: {{sum}}", "end"), "\n\nQ:"),
        (place_instruction("Q: {{sum}}", "beginning"), "\n\nThink.\nQ:"),
        (place_instruction("{{sum}}", "before"), "\n\nThink."),
        (place_instruction("{{sum}}", "end"), None),
        ((Message(role="system", text="Hi"), Message(role="user", text="Sum {{sum}} {{instruction}}")), "\n\nSum"),
    ],
)
def test_a_further_question_is_known_by_how_it_begins(template: Sequence[Message], begins: str | None) -> None:
    assert next_question(template, "Think.") == begins
