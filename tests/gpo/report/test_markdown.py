"""Texts of others in Markdown stay text: no address in them becomes a link."""

import pytest

from gpo.report.markdown import as_markdown, inline
from gpo.words import word_difference


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see www.evil.example now", r"see www\.evil.example now"),
        ("see WWW.evil.example", r"see WWW\.evil.example"),
        ("https://evil.example/x", r"https\://evil.example/x"),
        ("ftp://evil.example", r"ftp\://evil.example"),
        ("write to me@evil.example", r"write to me\@evil.example"),
        ("[here](http://evil.example)", r"\[here\]\(http\://evil.example\)"),
        ("at 10:30 o'clock", "at 10:30 o'clock"),
    ],
)
def test_no_address_becomes_a_link(text: str, shown: str) -> None:
    assert inline(text) == shown
    assert shown in as_markdown(word_difference("", text)).replace("<ins>", "").replace("</ins>", "")
