"""Filling the messages of a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.template import Message, breaks_contract, fill, render, variables_in

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


@pytest.mark.parametrize("text", ["Read {{review}}.", "{{ instruction }}", "{{{a}}}"])
def test_an_instruction_may_not_bring_variables(text: str) -> None:
    assert breaks_contract(text)
