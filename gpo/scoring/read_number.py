r"""Numbers in a model's text, as plain decimals.

What is read, and what is left alone because it would be a guess:

| written | read as |
|---|---|
| `1,234,567.5`, `12,34,567`, `1.234.567,5`, `1'234'567`, `1{,}234` | separators of thousands and lakhs |
| `12,50 €`, `€3,5` | a decimal comma, only beside the euro sign |
| `1.234` | 1.234: a lone point is a decimal point |
| `1,5` | two numbers: a lone comma separates |
| `3/4`, `\frac{3}{4}`, `2 1/2`, `2½` | fractions and mixed numbers |
| `1.5e3`, `3 x 10^4`, `1.2 million`, `3 lakh` | powers of ten |
| `50%` | 50 |
| `six` | 6, up to twelve, only where there are no digits |
"""

import math
import re
from decimal import Context, Decimal

from gpo.scoring.stated import STATED, stated

_CURRENCY = r"[$\u20ac\u00a3\u00a5\u20b9]"
_NUMBER = re.compile(
    rf"""(?<!\w)(?<![0-9]\.)                                         # not inside a word or a version such as 1.2.3
    (?P<sign>[-+]?)(?:{_CURRENCY}\ ?)?(?P<minus>-?)
    (?P<digits>(?:
        (?P<euro>(?:(?<=\u20ac)|(?<=\u20ac\ ))[0-9]+,[0-9]{{1,2}}(?![0-9,])|[0-9]+,[0-9]{{1,2}}(?=\ ?\u20ac))
      | (?P<european>[0-9]{{1,3}}(?:\.[0-9]{{3}})+,[0-9]+
          | [0-9]{{1,3}}(?:\.[0-9]{{3}}){{2,}}(?![0-9]|[.,][0-9]))
      | [0-9]{{1,2}}(?:,[0-9]{{2}})+,[0-9]{{3}}(?![0-9])(?:\.[0-9]+)?
      | [0-9]{{1,3}}(?:,[0-9]{{3}})+(?![0-9])(?:\.[0-9]+)?
      | [0-9]+(?:\.[0-9]+)?
      | (?<!\.)\.[0-9]+)
      (?:e[-+]?[0-9]+)?)
    (?:(?:\ ?/\ ?|(?P<mixed>\ (?:and\ )?)(?P<part>[0-9]+)/)(?P<divisor>[0-9]+(?:\.[0-9]+)?))?
    (?:\ (?P<scale>hundred|thousand|lakh|million|crore|billion|trillion)\b)?""",
    re.IGNORECASE | re.VERBOSE,
)
_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "lakh": 10**5,
    "million": 10**6,
    "crore": 10**7,
    "billion": 10**9,
    "trillion": 10**12,
}
_NUMBER_NAMES = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_NUMBER_WORDS = {name: str(value) for value, name in enumerate(_NUMBER_NAMES)}
# Neither "twenty one" nor "one hundred".
_NUMBER_WORD = re.compile(
    rf"(?<![\w-])(?<!ty )({'|'.join(_NUMBER_WORDS)})(?![\w-])(?! (?:hundred|thousand|million|billion|dozen|half)\b)"
)
_PRECISION = Context(prec=28)

# GSM8K's mark, and not a Markdown heading such as "#### 1. Add the apples".
_HASHES = re.compile(r"####(?= ?[-+.$0-9])(?! ?[0-9]+[.:)] )")
# "3 apples + 4 pears = 7 fruits": what precedes the sign is no answer. Not "5, since 3 + 4 = 7".
_SUM = re.compile(r"(?:[^.,;:!?\n=]|[.,](?=[0-9]))*=(?:(?:[^.,;:!?\n]|[.,](?=[0-9]))*=)?")
_REASON = re.compile(r"\b(?:since|because|as|where|with|given|when|if)\b", re.IGNORECASE)

_BOLD = re.compile(r"\*\*([^*]+)\*\*")

_PLAIN_SIGNS = (
    (re.compile("[\u2212\u2013](?=[0-9$\u20ac\u00a3.])"), "-"),
    (re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}"), r" \1/\2"),
    (re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox)\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\\times|\\cdot"), "\u00d7"),
    (re.compile(r"\\div\b"), "\u00f7"),
    (re.compile(r"\\([$%])"), r"\1"),
    (re.compile(r"(?<=[0-9])(?:\\[,;:! ]|[\u00a0\u202f\u2009'\u2019]|\{,\})(?=[0-9]{3}(?![0-9]))"), ","),
    (re.compile(r"(?<=[0-9]) ?[x*\u00d7] ?10 ?(?:\^|\*\*) ?[({]?([-+]?[0-9]+)[)}]?"), r"e\1"),
    (re.compile(r"(?<!\w)_+(?=[-+$0-9])"), ""),
)
_FRACTIONS = {
    "\u00bd": " 1/2",
    "\u00bc": " 1/4",
    "\u00be": " 3/4",
    "\u2153": " 1/3",
    "\u2154": " 2/3",
    "\u2155": " 1/5",
    "\u215b": " 1/8",
}
_FRACTION = re.compile(f"[{''.join(_FRACTIONS)}]")


def read_number(text: str, *, cut: bool = False) -> str | None:
    """The number that a text states, or else ends with, as a plain decimal; None when there is none.

    Of a text that was cut off, the end says nothing.

    >>> read_number("So it is 3 + 4 = 7. The answer is $1,003.50, not 20.")
    '1003.5'
    """
    text = _with_plain_signs(text)
    for mark in (_HASHES, STATED):
        for part in stated(text, mark):
            if found := _numbers(_after_sum(part)):
                return found[0]
    if cut:
        return None
    if bold := _BOLD.findall(text.rpartition("\n")[2]):
        emphasised = [number for part in bold for number in _numbers(part)]
        if emphasised:
            return emphasised[-1]
    found = _numbers(text)
    return found[-1] if found else None


def whole_number(text: str) -> str | None:
    r"""The number that a text is, but for its unit %, $ or €, or the one after the last `####`; None when it is none.

    >>> whole_number("3 + 4 = 7, so:\n#### 7"), whole_number("5 or 6")
    ('7', None)
    """
    solution = _with_plain_signs(text).rpartition("####")[2].strip()
    if match := _NUMBER.fullmatch(solution) or _NUMBER.match(solution):
        unit = solution[match.end() :].strip()
        return _decimal(match) if unit in {"", "%", "$", "\u20ac"} else None
    return _NUMBER_WORDS.get(solution.casefold())


def _with_plain_signs(text: str) -> str:
    text = _FRACTION.sub(lambda sign: _FRACTIONS[sign[0]], text)
    for pattern, plain in _PLAIN_SIGNS:
        text = pattern.sub(plain, text)
    return text


def _after_sum(part: str) -> str:
    total = _SUM.match(part)
    if not total or _REASON.search(total[0]):
        return part
    return part[total.end() :] if _NUMBER.search(part, total.end()) else part


def _numbers(text: str) -> list[str]:
    """The numbers of `text` in order. Words count only where there are no digits: "one" is seldom a number."""
    found = [number for match in _NUMBER.finditer(text) if (number := _decimal(match)) is not None]
    return found or [_NUMBER_WORDS[word] for word in _NUMBER_WORD.findall(text.casefold())]


def _decimal(match: re.Match[str]) -> str | None:
    """A number without separators, exponent and trailing zeros; None for what no float can hold, and for a/0."""
    digits = match["digits"]
    if match["euro"] or match["european"]:
        digits = digits.replace(".", "").replace(",", ".")
    size = float(digits := digits.replace(",", ""))
    divisor = match["divisor"] or "1"
    if not math.isfinite(size) or float(divisor) == 0:
        return None
    value = _PRECISION.create_decimal(digits) if size else Decimal(0)
    if match["part"]:
        part = _PRECISION.divide(_PRECISION.create_decimal(match["part"]), _PRECISION.create_decimal(divisor))
        # "2 1/2" is a mixed number, "12 24/7" is not: then the fraction stands for itself.
        value = _PRECISION.add(value, part) if part < 1 else part
    else:
        value = _PRECISION.divide(value, _PRECISION.create_decimal(divisor))
    if match["scale"]:
        value = _PRECISION.multiply(value, Decimal(_SCALES[match["scale"].casefold()]))
    if not value:
        return "0"
    sign = "-" if "-" in (match["sign"], match["minus"]) else ""
    return f"{sign}{value.normalize(_PRECISION):f}"
