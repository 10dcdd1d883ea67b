"""When two inputs are the same question: by their normal form, not by their bytes.

A blank at the end, another case or an invisible character does not make a new question. Were it taken for one, the same
question could stand in the search and in the test that proves its gain.
"""

import unicodedata
from collections.abc import Iterable

from gpo.records import content_hash


def visible_form(text: str) -> str:
    r"""A text in NFC, singly spaced, without the format characters (category Cf) that no reader sees.

    >>> visible_form(" Cafe\u0301\u200b  au lait ") == "Caf\u00e9 au lait"
    True
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", "".join(each for each in text if unicodedata.category(each) != "Cf"))
    return " ".join(text.split())


def normal_form(text: str) -> str:
    r"""A text as `visible_form` gives it, and case-folded.

    >>> normal_form("  Is it\u00a0FINE?\u200b ") == normal_form("is it fine?")
    True
    """
    visible = visible_form(text)
    if visible.isascii():
        return visible.casefold()
    # Folding may decompose, and what is composed may fold otherwise (Unicode 3.13, canonical caseless matching).
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", visible).casefold())
    return " ".join(unicodedata.normalize("NFC", folded).split())


def identity_of(texts: Iterable[str]) -> str:
    """The hash, 64 hex digits, that is the same for inputs with the same normal forms in the same order."""
    return content_hash([normal_form(text) for text in texts], length=64)
