"""What of a text may be shown, and how: nothing is hidden, and nothing turns the rest around."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.formatting import hides_characters, printable
from gpo.template import breaks_contract

HIDDEN = ["\u202e", "\u2066", "\u200b", "\u00ad", "\u2028", "\U000e0041", "\U000e007f", "\ufeff", "\U000e0101"]


@pytest.mark.parametrize("character", HIDDEN)
def test_what_nobody_sees_is_shown_and_breaks_the_contract_of_a_proposal(character: str) -> None:
    text = f"Judge the{character} sentiment."
    assert hides_characters(text)
    assert breaks_contract(text)
    shown = printable(text)
    assert character not in shown
    assert f"{ord(character):x}" in shown


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
        "\u0915\u094d\u200d\u0937",
    ],
)
def test_joiners_of_persian_hindi_and_emoji_stay(text: str) -> None:
    assert not hides_characters(text)
    assert printable(text) == text


@given(st.text())
def test_no_control_or_format_character_gets_through(text: str) -> None:
    for character in printable(text):
        kind = unicodedata.category(character)
        assert kind not in {"Cc", "Cs"} or character in "\t\n\r"
        assert not hides_characters(character)


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="\u00ad")))
def test_a_plain_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
