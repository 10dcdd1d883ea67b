"""Whole numbers in English words, from zero to the trillions, ordinals up to the twelfth, scales and stars."""

import re
from decimal import Decimal

_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate(_UNITS)} | {word: 10 * (2 + at) for at, word in enumerate(_TENS)}
_POWERS = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {
    word: value
    for value, word in enumerate(
        ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
        "eleventh", "twelfth"),
        start=1,
    )
}  # fmt: skip
_WORD = rf"(?:{'|'.join((*_VALUES, *_POWERS, 'hundred', 'dozen'))})"
_RUN = re.compile(
    rf"(?<![\w-])(?<!half )(?<!half a )(?P<sign>(?:minus|negative)\s+)?(?P<run>(?:an?\s+(?=hundred|thousand|"
    rf"million|dozen))?{_WORD}"
    rf"(?:(?:\s+and\s+|[\s-]+){_WORD})*)(?P<half>\s+and\s+a\s+half)?(?![\w-])"
    r"(?!\s(?:point|half|halves|quarters?|thirds?|fourths?|fifths?|sixths?|eighths?|tenths?)\b)"
)


OTHER_SCALES = re.compile(
    r"\s?(?:(?P<e4>[万萬만])|(?P<e8>[亿億억]))(?![0-9])|\s(?:(?P<e3>тыс\w*|tausend|mil)|(?P<e6>millions|millionen|mio|millones|"
    r"millón|milioni|milhões|milyon|миллион\w*|млн|triệu|juta)|(?P<e9>milliarden?|milliards?|mrd|miliardi|миллиард\w*|"
    r"млрд|milyar|tỷ))(?!\w)",
    re.IGNORECASE,
)
"""Scales of other languages than English, by their power of ten."""
_POINT = re.compile(rf"\b{_WORD}\s+point\s+{_WORD}\b")


def number_words_in(text: str) -> list[tuple[int, int, Decimal]]:
    """Where numbers in words begin and end in case-folded text, and their values; words that make none are left out.

    >>> number_words_in("minus twenty-one, one hundred and five")
    [(0, 16, Decimal('-21')), (18, 38, Decimal('105'))]
    """
    found: list[tuple[int, int, Decimal]] = []
    if _POINT.search(text):
        return found
    for match in _RUN.finditer(text):
        words = re.findall(rf"\b{_WORD}\b", match["run"])
        value = _value(words)
        # "A million and a half" is no million and 0.5.
        if value is not None and not (match["half"] and words[-1] not in _VALUES):
            size = Decimal(value) + (Decimal("0.5") if match["half"] else 0)
            found.append((match.start(), match.end(), -size if match["sign"] else size))
    return found


_TO_TEN = "zero|one|two|three|four|five|six|seven|eight|nine|ten"
_RATED = re.compile(
    rf"\b(?<!first )(?<!second )(?<!third )(?<!last )(?<!this )(?<!that )(?<!the )(?<!which )"
    rf"(?P<last>{_TO_TEN})\b(?=[.!,]?\s*$)"
    rf"|\b(?P<of>{_TO_TEN})\b(?=\s*(?:stars?\b|points?\b|out of\b|/|(?:or|and|to)\s+(?:{_TO_TEN})\b))",
    re.IGNORECASE | re.MULTILINE,
)


def rated_in_digits(text: str) -> str:
    """A text with the number words of ratings as digits.

    >>> rated_in_digits("four stars out of five")
    '4 stars out of 5'
    """
    return _RATED.sub(lambda word: str(number_words_in(word[0].casefold())[0][2]), text)


_STARS = re.compile(r"([\u2605\u2b50\U0001f31f]{2,})\u2606*|([\u2605\u2b50\U0001f31f])(?:\u2606+|\Z)")


_STAR_AS_WORD = re.compile(r"(?<=[0-9])\s?[\u2605\u2b50\U0001f31f](?![\u2605\u2606\u2b50\U0001f31f])")


def stars_in_digits(text: str) -> str:
    """A text with rows of stars as their number; of a row with empty ones, the number of full ones.

    >>> stars_in_digits("\u2605\u2605\u2605\u2606\u2606")
    '3'
    """
    if text.isascii():
        return text
    return _STARS.sub(lambda row: str(len(row[1] or row[2])), _STAR_AS_WORD.sub(" stars", text))


def ordinal_word(text: str) -> Decimal | None:
    """The number of an ordinal in words, with or without its article; None where the text is none.

    >>> ordinal_word("the Third")
    Decimal('3')
    """
    value = _ORDINALS.get(text.casefold().removeprefix("the ").strip())
    return None if value is None else Decimal(value)


def _value(words: list[str]) -> int | None:
    total = group = 0
    last = 10**15
    for word in words:
        if word in _POWERS:
            if not group and words[0] != word:
                return None
            total, group, last = total + max(group, 1) * _POWERS[word], 0, 1000
        elif word in {"hundred", "dozen"}:
            if group >= 100 or (group == 0 and words[0] != word):
                return None
            group, last = max(group, 1) * (100 if word == "hundred" else 12), 100
        else:
            value = _VALUES[word]
            # "twenty one" is 21 and "two hundred five" 205, "one two" are two numbers.
            if value >= last or (group % 100 and not (group % 10 == 0 and 0 < value < 10 and group % 100 >= 20)):
                return None
            group, last = group + value, 10 if value >= 20 else 1
    return total + group
