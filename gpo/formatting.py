"""Formats numbers, intervals, time spans and texts for reports, messages and the terminal, the same everywhere."""

import math
import re
from collections.abc import Callable

SHOWN = 120
"""Characters of a text that a table shows."""

# Those of the spreadsheets, in full width as well.
_BEGINNINGS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_HIDDEN = (
    r"\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e01ef"
)
"""Characters that nobody sees, and those that turn the direction of a text around. The joiners U+200C and U+200D, which
Persian, Hindi and emoji need, are not among them."""

_INVISIBLE = re.compile(f"[{_HIDDEN}]")

_UNPRINTABLE = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff{_HIDDEN}]")


def fraction(value: float, digits: int = 3) -> str:
    """A fraction of 1 with a fixed number of digits."""
    return f"{value:.{digits}f}"


def interval(low: float, high: float) -> str:
    """An interval of fractions: `0.53 to 0.69`."""
    return f"{fraction(low, 2)} to {fraction(high, 2)}"


def signed(value: float) -> str:
    """A difference of fractions with its sign and two digits, or more where two would show a false zero.

    >>> [signed(value) for value in (0.184, -0.05, 0.0, 0.003)]
    ['+0.18', '-0.05', '0.00', '+0.003']
    """
    for digits in (2, 3, 4):
        text = f"{abs(value):.{digits}f}"
        if float(text):
            return ("+" if value > 0 else "-") + text
    return "0.00"


def money(value: float) -> str:
    """An amount of money: two digits after the point, more where the amount is small.

    >>> [money(value) for value in (1234.5, 0.25, 0.00123, 0.0)]
    ['1,234.50', '0.25', '0.0012', '0.00']
    """
    digits = 2 if value == 0 or value >= 0.1 else 1 - math.floor(math.log10(value))
    return f"{value:,.{digits}f}"


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "step"), count(1200, "step")
    ('1 step', '1,200 steps')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time span in the two largest units.

    >>> [duration(seconds) for seconds in (8.25, 252, 3900)]
    ['8.2 s', '4 min 12 s', '1 h 05 min']
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def minute(iso: str) -> str:
    """A time in ISO form, to the minute.

    >>> minute("2026-01-02T03:04:05.678+00:00")
    '2026-01-02 03:04'
    """
    return iso[:16].replace("T", " ")


_ENDLESS = re.compile(r"\S{301,}")


def printable(text: str) -> str:
    r"""The text with escapes for what no page may hold or nobody would see: control and format characters.

    >>> printable("one\x1b[2J\u202etwo")
    'one\\x1b[2J\\u202etwo'
    """
    return _UNPRINTABLE.sub(_as_escape, text)


def _as_escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    # Not as Python shows it, which takes some of them for printable.
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def hides_characters(text: str) -> bool:
    """Whether a text holds characters that nobody sees, or that show it in another order than it is read."""
    return _INVISIBLE.search(text) is not None


def storable(text: str) -> str:
    """The text without characters that no database takes: NUL and halves of surrogate pairs."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The printable text on one line, whole."""
    return " ".join(printable(text).split())


def shorten(text: str) -> str:
    """The text on one line, cut for a table."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1].rstrip() + "…"


def first_line(error: Exception) -> str:
    """The first line of an error's message, its class where it has none."""
    return str(error).partition("\n")[0] or type(error).__name__


def error_line(error: Exception, mask: Callable[[str], str] = str) -> str:
    """The beginning of an error's message, for a message of our own.

    `mask` takes secrets out of the whole of it: of half a secret nobody knows any more that it is one.
    """
    lines = mask(str(error)).strip().splitlines()
    return lines[0][:300] if lines else "no message"


def shorten_words(text: str) -> str:
    """A message in which no word, such as a value that was received, has more than 300 characters.

    >>> len(shorten_words("no such name: " + "x" * 5000))
    117
    """
    return _ENDLESS.sub(lambda found: f"{found[0][:100]}...", text)


def shorten_value(value: object) -> str:
    """A value for a message: at most 60 characters."""
    shown = "null" if value is None else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def safe_cell(value: object) -> object:
    """The value as a spreadsheet may have it: a text that it would take for a formula begins with an apostrophe.

    >>> [safe_cell(value) for value in ("=1+1", "-5", "-5 apples", "@me", 0.5, None)]
    ["'=1+1", '-5', "'-5 apples", "'@me", 0.5, None]
    """
    if isinstance(value, str) and value[:1] in _BEGINNINGS and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def cut_middle(text: str, limit: int) -> str:
    """The text with its middle left out where it is longer than `limit` characters.

    >>> cut_middle("one two three", 9)
    'one … ree'
    """
    if len(text) <= limit:
        return text
    head = (limit - 3 + 1) // 2
    return f"{text[:head]} … {text[len(text) - (limit - 3 - head) :]}"
