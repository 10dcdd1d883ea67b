"""One form of a text that means the same: composed characters, no invisible marks, plain digits and signs."""

import re
import unicodedata

_KEPT_FORMAT = "\u200c\u200d"  # joiners: they tell words of some scripts, and emoji, apart
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_SIGNS = str.maketrans(
    {
        "\u2212": "-",
        "\ufe63": "-",
        "\u2010": "-",
        "\u2011": "-",
        "٫": ".",
        "٬": ",",
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\u2007": " ",
        "\u2019": "'",
    }
)
_SELECTORS = re.compile("[\ufe00-\ufe0f]")
_RANGE = re.compile(r"(?<=[0-9])\u2013(?=[0-9])")
_ESCAPED = re.compile(r"\\([*_#$%`~])")


def composed(text: str) -> str:
    r"""`text` in Unicode's composed form (NFC), without format characters such as zero-width spaces.

    >>> composed("Cafe\u0301\u200b") == "Caf\u00e9"
    True
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    return "".join(letter for letter in text if letter in _KEPT_FORMAT or unicodedata.category(letter) != "Cf")


def plain_text(text: str) -> str:
    r"""A text as the rules see it: composed, with plain digits, signs, spaces and full-width letters.

    >>> plain_text("１２\u2009\u22125 ٤٢ Ａ")
    '12 -5 42 A'
    """
    text = _ESCAPED.sub(r"\1", text)
    if text.isascii():
        return text
    text = _SELECTORS.sub("", composed(text)).translate(_FULL_WIDTH).translate(_SIGNS)
    text = _RANGE.sub("-", text)
    return "".join(_digit(letter) for letter in text)


def _digit(letter: str) -> str:
    # Superscripts such as ² are digits, not decimals: they stay.
    return str(unicodedata.decimal(letter)) if not letter.isascii() and letter.isdecimal() else letter


def fold(text: str) -> str:
    r"""`text` case-folded, composed and singly spaced: forms of a label that mean the same are equal.

    >>> fold("Very  POSITIVE"), fold("STRASSE") == fold("Stra\u00dfe")
    ('very positive', True)
    """
    return composed(" ".join(text.casefold().split()))


_STRUCK = re.compile(r"~~[^~\n]{1,200}~~")
_TICK = "[\u2705\u2714\u2611\U0001f44d\U0001f7e2]"
_CROSSED_NO = (
    "[\u274c\u2717\u2718\U0001f44e\U0001f6ab\U0001f534]\\s*(?=(?:no|not|false|incorrect|invalid|wrong|fail\\w*)\\b)"
)
_DECORATION = re.compile(rf"\A([\s*_#>-]*)(?:{_TICK}\s*(?=\w)|{_CROSSED_NO})", re.IGNORECASE)
_TICKED = re.compile(rf"(?<=[\w.!*])\s*{_TICK}\s*\Z")
_MARK = re.compile("[\u2705\u2714\u2611\u274c\u2717\u2718]")


def without_decoration(text: str) -> str:
    """A text without what is struck through, and without the one tick or cross that only repeats what it says.

    >>> without_decoration("~~A~~ B"), without_decoration("\u2705 Yes"), without_decoration("\u274c Yes")
    (' B', 'Yes', '\u274c Yes')
    """
    if (kept := _STRUCK.sub("", text)).strip():
        text = kept
    if text.isascii() or len(_MARK.findall(text)) > 1:
        return text
    text = _DECORATION.sub(r"\1", text)
    return text if "\n" in text.strip() else _TICKED.sub("", text)


_PAIRS = (
    ("**", "**"), ("__", "__"), ("`", "`"), ("*", "*"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("~~", "~~"),
)  # fmt: skip
_QUOTES = (
    ('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u2018", "\u2019"), ("\u201e", "\u201c"), ("«", "»"),
    ("「", "」"), ("『", "』"), ("\u2039", "\u203a"), ("\u201d", "\u201d"),
)  # fmt: skip


_NAME_IN_CODE = re.compile("[a-z_]+")
"""Within `__init__` and its like: the marks are a part of it."""


def unwrapped(text: str, *, quotes: bool = False) -> str:
    """`text` without pairs of Markdown or LaTeX marks around all of it, and, if asked, of quotes.

    >>> unwrapped("**`Paris`**"), unwrapped("*p"), unwrapped('"Rome"', quotes=True)
    ('Paris', '*p', 'Rome')
    """
    text = text.strip()
    for first, last in _PAIRS + _QUOTES * quotes:
        if not text.startswith(first) or not text.endswith(last):
            continue
        inner = text[len(first) : -len(last)] if len(text) > len(first) + len(last) else ""
        if first == "__" and _NAME_IN_CODE.fullmatch(inner):
            continue
        if inner.strip() and first not in inner:
            return unwrapped(inner, quotes=quotes)
    return text
