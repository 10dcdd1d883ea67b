"""Texts that take back what they said: "wait, no", "actually, it is", "I made a mistake"."""

import re
from collections.abc import Callable

from gpo.scoring.reading import UNCLEAR, Found
from gpo.scoring.text import languages

_LOOKED_AT = 4
"""How many of the last corrections are looked at."""

_CORRECTION = re.compile(languages.CORRECTS, re.IGNORECASE)
_NO = re.compile(r"(?<=[.!?,\n] )(?:no|nope|nein|non|nee)[,.:]\s", re.IGNORECASE)
_DOUBTS = re.compile(r"wait|h(?:m)+|hold|hang|scratch|oops|correction|that|this|i |my |let|no,|等", re.IGNORECASE)
_CONFIRMS = re.compile(
    r"\b(?:yes|correct|right|still|stands|confirmed?|indeed|unchanged|as before|holds)\b", re.IGNORECASE
)


def marks_in(text: str, *, no_corrects: bool) -> list[re.Match[str]]:
    """What takes something back, the last ones, from the last on; "No." does where no answer is "no"."""
    marks = list(_CORRECTION.finditer(text))
    if no_corrects:
        marks = sorted([*marks, *_NO.finditer(text)], key=lambda mark: mark.start())
    return marks[: -_LOOKED_AT - 1 : -1]


def corrected(
    text: str,
    marks: list[re.Match[str]],
    *,
    names: Callable[[str], bool],
    reads: Callable[[str], bool],
    read: Callable[[str], str | None],
) -> Found:
    """What a text says after it took back what it had said; `UNCLEAR` where it then says nothing.

    Args:
        text: the text.
        marks: where it takes something back, the last one first.
        names: whether a text names something that may be an answer.
        reads: whether a text states an answer.
        read: the answer of what follows a mark.
    """
    for mark in marks:
        head, tail = text[: mark.start()], text[mark.end() :]
        if not head.strip():
            continue
        if names(tail):
            # No later mark takes back what the tail says.
            if reads(head):
                return read(tail.lstrip(" ,.:!…—")) or UNCLEAR
        elif _DOUBTS.match(mark[0]) and not _CONFIRMS.search(tail) and reads(head):
            return UNCLEAR
    return None
