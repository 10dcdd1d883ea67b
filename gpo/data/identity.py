"""When two inputs are the same question: by their normal form, not by their bytes.

A blank at the end, another case or an invisible character does not make a new question. Were it taken for one, the same
question could stand in the search and in the test that proves its gain.
"""

import unicodedata
from collections.abc import Iterable

from pydantic import JsonValue

from gpo.messages.message import InputValue, Message
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
    if text.isascii():
        return " ".join(text.split()).casefold()
    visible = visible_form(text)
    if visible.isascii():
        return visible.casefold()
    # Folding may decompose, and what is composed may fold otherwise (Unicode 3.13, canonical caseless matching).
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", visible).casefold())
    return " ".join(unicodedata.normalize("NFC", folded).split())


def is_blank(value: InputValue) -> bool:
    """Whether a value says nothing."""
    if isinstance(value, str):
        return not normal_form(value)
    return all(message.is_plain and not normal_form(message.text) for message in value)


def identity_of(values: Iterable[InputValue]) -> str:
    """The hash, 64 hex digits, that is the same for inputs with the same normal forms in the same order.

    Conversations are the same if each message is: who speaks, the normal form of the text, the content of its media.
    """
    forms = [normal_form(value) if isinstance(value, str) else [*map(_form, value)] for value in values]
    return content_hash(forms, length=64)


def _form(message: Message) -> list[JsonValue]:
    blocks = tuple(
        {**block, "text": normal_form(str(block["text"]))} if block["type"] == "text" else block
        for block in message.blocks
    )
    text = "" if blocks else normal_form(message.text)
    return message.model_copy(update={"text": text, "blocks": blocks}).identity()
