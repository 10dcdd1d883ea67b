r"""The numbers that a text names, and what each is worth.

What is no sure number is found as well, without a value: a part of an expression, a date, a time, a version, a range.

| written | worth |
|---|---|
| `1,234,567.5`, `12,34,567`, `1.234.567,5`, `1'234'567`, `1{,}234`, `1 234 567` | separators of thousands and lakhs |
| `12,50 €`, `€3,5`; `12,5` in languages that write so | a decimal comma |
| `1.234` | 1.234: a lone point is a decimal point |
| `0,5`, `1,5 kg` | a decimal comma |
| `1,5` | nothing: it may be one number or two |
| `3/4`, `\frac{3}{4}`, `2 1/2`, `2½`; `4/5` and `4 out of 5` of a rating | fractions; ratings |
| `1.5e3`, `3 x 10^4`, `10^6`, `1.2 million`, `3 lakh`, `$3M` | powers of ten |
| `50%`, `5 kg`, `$5`, `3rd` | 50, 5, 5, 3 |
| `minus twenty-one`, `two and a half` | -21, 2.5 |
"""

import re
from decimal import Context, Decimal, InvalidOperation
from typing import NamedTuple

from gpo.scoring.text.number_words import OTHER_SCALES, number_words_in, ordinal_word
from gpo.scoring.text.plain import plain_text, unwrapped

PRECISION = Context(prec=28)
"""Digits of a quotient; what is written out keeps all its digits."""
_LARGEST = 400
"""Digits of the largest number: beyond, no text means what it says."""

_CURRENCY = r"[$€£¥₹₩₽]"
_NO_SPACES = "\u0e00-\u0eff\u3040-ヿ㐀-鿿가-\ud7af"
_NUMBER = re.compile(
    rf"""(?<![^\W{_NO_SPACES}])(?<![0-9][.,])                 # not inside a word or a number
    (?P<sign>(?<![0-9)\]}}!])[-+\u2013])?(?P<unit>{_CURRENCY}\ ?)?(?P<minus>(?<=[$€£])-)?
    (?P<digits>
        (?P<euro>(?<=€)[0-9]+,[0-9]{{1,2}}(?![0-9,])|[0-9]+,[0-9]{{1,2}}(?=\ ?€))
      | (?P<european>[0-9]{{1,3}}(?:\.[0-9]{{3}})+,[0-9]+(?![0-9.,]?[0-9])
          | [0-9]{{1,3}}(?:\.[0-9]{{3}}){{2,}}(?![0-9]|[.,][0-9]))
      | [0-9]{{1,2}}(?:,[0-9]{{2}})+,[0-9]{{3}}(?![0-9])(?:\.[0-9]+)?
      | [1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+(?![0-9])(?:\.[0-9]+)?
      | [1-9][0-9]{{0,2}}(?:[ ][0-9]{{3}})+(?![0-9])(?:[.,][0-9]+)?(?!/)
      | (?P<comma>[0-9]+,[0-9]+)
      | [0-9]+(?:\.[0-9]+)?
      | (?<!\.)\.[0-9]+)
    (?P<exponent>[eE][-+]?[0-9]{{1,4}}(?!\w))?
    (?:(?P<mixed>\ (?:and\ )?|\ ?)(?P<part>[0-9]+)(?:/|\u2044)(?P<of>[0-9]+)(?![0-9/])(?<!\d\d\d\d\d)
      | \ ?(?:/|\u2044)\ ?(?P<divisor>[0-9]+(?:\.[0-9]+)?))?
    (?:\ (?P<scale>hundred|thousand|lakh|million|crore|billion|trillion|dozen)\b)?""",
    re.VERBOSE,
)
_SCALES = {
    "dozen": 12, "hundred": 10**2, "thousand": 10**3, "lakh": 10**5, "million": 10**6, "crore": 10**7, "billion": 10**9,
    "trillion": 10**12, "k": 10**3, "m": 10**6, "mn": 10**6, "mio": 10**6, "b": 10**9, "bn": 10**9, "t": 10**12,
    "tn": 10**12,
}  # fmt: skip
_SUFFIX = re.compile(r"(?P<ordinal>st|nd|rd|th)(?!\w)|(?P<money>[kKmMbBtT]|[bmt]n|Mio)(?!\w)|(?P<letters>[^\W\d_]+)")
_POWER = re.compile(r"\s?(?:\^|\*\*)\s?[({]?(?P<raised>[-+]?[0-9]{1,3})[)}]?(?![.\d])")
_NO_UNIT = re.compile(r"[xyznieOπ√]|pi|[DGKMBkb]|bn|mn|tn")
_PART_OF_MORE = re.compile(
    r"\s(?:hundred|thousand|million|billion|trillion|mil|mill[io]\w+)\b|"
    r"\s?\^|\*\*|\s?\\?(?:sqrt|pi|log|sin|cos|ln)\b|\s?[√π]|:[0-9]|[.,'][0-9]|-[0-9]{1,2}-[0-9]|/[0-9]|"
    r"\.?\s?\\overline|\s?±|\s?\+/-|\s?\\pm|\\?overline|_\{?[0-9]|[²³]|\+(?!\s*=)|[-\u2013]\s?[0-9]"
)
_PART_BEFORE = re.compile(
    r"[0-9][:/]$|[0-9]\s?[-\u2013]$|[≥≤<>]\s?=?\s?$|\\?(?:sqrt|log|ln|sin|cos|tan|pi)\s?[{(]?$|[√±π]\s?$|"
    r"[A-Za-z/]-\s?$|--$|-\s?\($|\^\s?[({]?$"
    r"|(?<![^\W\d_])[a-z]\s?[-+]\s?$|\w\s?[*/×÷+]\s?$"
)
_OUT_OF = re.compile(
    r"(?:\s+(?:stars?|points?|sterne?n?|étoiles|estrellas|stelle|punkte))?\s+(?:out of|of(?: a possible)?|"
    r"von|sur|su|de|из|van|av|out of a possible)\s+(?P<scale>[0-9]+)(?![.,]?[0-9])"
)
_MEASURED = re.compile(
    r"\s{0,2}(?:[%‰°]|(?:percent|prozent|pour cent|por ciento|per cento|degrees|lit(?:er|re)s?|stunden|hours|"
    r"[kcmd]?m[²³23]?|km/h|m/s|[km]?g|"
    r"[mcd]?l|lbs?|"
    r"euros?|eur|usd|chf)(?!\w))",
    re.IGNORECASE,
)
"""A unit, after which a number with one comma is no list."""
_RATED_OF = re.compile(r"分|点|点|星|점")


class NamedNumber(NamedTuple):
    """A number in a text; `value` is None where it is part of something that is no one number."""

    start: int
    end: int
    value: Decimal | None


_SIGNS = (
    (re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox|operatorname)\s?\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"(-?)\s?\\[dtc]?frac\s?\{\s*(-?)([0-9.]+)\s*\}\s?\{\s*([0-9.]+)\s*\}"), r" \1\2\3/\4"),
    (re.compile(r"(-?)\s?\\[dtc]?frac([0-9])([0-9])"), r" \1\2/\3"),
    (re.compile(r"\\times|\\cdot"), "×"),
    (re.compile(r"((?<=[0-9])\s?|/)(mm|cm|km|m|s|ft|in)\^\{?[23]\}?(?!\w)"), r"\1\2"),
    (re.compile(r"\\div\b"), "÷"),
    (re.compile("等[于於]"), "="),
    (re.compile(r"\\(?:approx|simeq)\b"), "≈"),
    (re.compile(r"\s?\^\s?\{?\\circ\}?|\\degree\b|°"), " degrees "),
    (re.compile(r"\\([$%#&])"), r"\1"),
    (re.compile(r"\\(?:left|right)\b|\\[()\[\]]"), " "),
    (re.compile(r"(?<=[0-9])(?:\\[,;:! ]|['\u2019]|\{,\}|_)(?=[0-9]{3}(?![0-9]))"), ","),
    (re.compile(r"(?<![\w.])([-+]?[0-9]+(?:\.[0-9]+)?) ?[x*×·] ?10 ?(?:\^|\*\*) ?[({]?([-+]?[0-9]+)[)}]?"), r"\1e\2"),
    (re.compile(r"(?<!\w)_+(?=[-+$0-9])"), ""),
    (re.compile(r"\b(?:minus|negative)\s+(?=[$€£]?[0-9.])", re.IGNORECASE), "-"),
    (re.compile(r"(?:[负負]|零下|マイナス|마이너스)\s?(?=[0-9])|(?<![0-9)] )\b(?:moins|menos|meno|минус)\s(?=[0-9])"),
    " -"),
)  # fmt: skip
_FRACTIONS = {
    "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅕": "1/5", "⅖": "2/5",
    "⅗": "3/5", "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip
_FRACTION = re.compile(f"([0-9]?)([{''.join(_FRACTIONS)}])")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED_DIGITS = re.compile("(?<=[0-9])[⁰¹²³⁴-⁹⁻]+")


def plain_numbers(text: str) -> str:
    r"""A text with LaTeX, fraction signs and separators as plain code reads them.

    >>> plain_numbers(r"-\frac{1}{2} and 2½ and 1{,}000")
    ' -1/2 and 2 1/2 and 1,000'
    """
    text = _RAISED_DIGITS.sub(lambda raised: f"^{raised[0].translate(_RAISED)}", text)
    text = _FRACTION.sub(lambda sign: f"{sign[1]} {_FRACTIONS[sign[2]]}" if sign[1] else _FRACTIONS[sign[2]], text)
    for pattern, plain in _SIGNS:
        text = pattern.sub(plain, text)
    return text


def numbers_in(text: str, *, scale: Decimal | None = None, decimal_comma: bool = False) -> list[NamedNumber]:
    """The numbers of plain text in order; of a rating such as `4/5` or `4 out of 5`, with `scale` 5, the first.

    >>> [str(number.value) for number in numbers_in("1,250 at -.5 in 10^6, 1.2.3")]
    ['1250', '-0.5', '1000000', 'None']
    """
    found: list[NamedNumber] = []
    taken = 0
    for match in _NUMBER.finditer(text):
        if match.start() < taken:
            continue
        number = _number(text, match, scale, decimal_comma=decimal_comma)
        taken = number.end
        if scale is not None and (of := _OUT_OF.match(text, number.end)):
            taken = of.end()
            number = NamedNumber(number.start, taken, number.value if Decimal(of["scale"]) == scale else None)
        found.append(number)
    return found


def number_words(text: str) -> list[NamedNumber]:
    """The numbers in words of a text."""
    text = text.casefold()
    return [
        NamedNumber(start, end, value)
        for start, end, value in number_words_in(text)
        if value != 1 or not _PRONOUN.search(text[max(0, start - 8) : end + 8], 0)
    ]


_PRONOUN = re.compile(
    r"\bone (?:of|more|an|could|can|who|that|which|is|has)\b|\b(?:no|each|every|which|this|that|another|"
    r"any|the|last|first) one\b"
)
_PAIR = re.compile(r"[(\[{]\s*[0-9]+,[0-9]+\s*[)\]}]$")
"""A point or an interval: what stands in it is no decimal comma."""
_ALONE = re.compile(r"(?:\s?[%\u2030]|\s?[$€£¥₹]|\s?/-)?[.!,;\u3002]?")


def single_number(text: str) -> Decimal | None:
    r"""The number that a text is, with or without %, a currency or a full stop; None when it is none.

    >>> single_number("**1,250.0**"), single_number("-5%"), single_number("5 or 6"), single_number("twelve")
    (Decimal('1250.0'), Decimal('-5'), None, Decimal('12'))
    """
    if len(text) > _LARGEST:
        return None
    text = plain_numbers(plain_text(unwrapped(text, quotes=True))).strip()
    text = re.sub(r"^<([^<>]+)>$", r"\1", unwrapped(text, quotes=True))
    if _PAIR.match(text):
        return None
    text = text.strip("()[]{} ")
    numbers = numbers_in(text)
    if len(numbers) == 1 and numbers[0].start == 0 and _ALONE.fullmatch(text, numbers[0].end):
        return numbers[0].value
    words = text.rstrip(". ").casefold()
    for start, end, value in number_words_in(words):
        if (start, end) == (0, len(words)):
            return value
    return ordinal_word(words)


def decimal_text(value: Decimal) -> str:
    """A number without exponent and trailing zeros."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _number(text: str, match: re.Match[str], scale: Decimal | None, *, decimal_comma: bool) -> NamedNumber:
    start, end = match.span()
    is_rating = scale is not None and match["divisor"] is not None
    value = _value(match, decimal_comma=decimal_comma, divides=not is_rating)
    if (is_rating and Decimal(match["divisor"]) != scale) or _begins_within(text, match):
        value = None
    after = text[end : end + 24]
    if other := OTHER_SCALES.match(after):
        exponent = int((other.lastgroup or "e0")[1:])
        value = (
            None
            if value is None or _PART_OF_MORE.match(after, other.end())
            else PRECISION.multiply(value, 10**exponent)
        )
        return NamedNumber(start, end + other.end(), value)
    if suffix := _SUFFIX.match(after):
        value, length = _with_suffix(value, suffix, is_money=match["unit"] is not None)
        return NamedNumber(start, end + length, value)
    if power := _POWER.match(after):
        return NamedNumber(start, end + power.end(), _power(value, int(power["raised"])))
    return NamedNumber(start, end, None if _PART_OF_MORE.match(after) else value)


def _begins_within(text: str, match: re.Match[str]) -> bool:
    """Whether a number begins within an expression, a range, a date or a time."""
    before = text[max(0, match.start() - 8) : match.start()]
    if _PART_BEFORE.search(before):
        return True
    return (
        bool(match["sign"])
        and re.search(r"[^\W\d_]$|[-+]$|\S$" if match["sign"] == "\u2013" else r"[^\W\d_]$|[-+]$", before) is not None
    )


def _with_suffix(value: Decimal | None, suffix: re.Match[str], *, is_money: bool) -> tuple[Decimal | None, int]:
    """A number with the letters after it, and how many of them belong to it: `3rd`, `$3M`, `5kg`, `5x`."""
    money, letters = suffix["money"], suffix["letters"] or ""
    if suffix["ordinal"]:
        return value, suffix.end()
    if re.match("[0-9]", suffix.string[suffix.end() :]) and not re.fullmatch("[ckmd]?m", suffix[0]):
        return None, suffix.end()  # `1h30`
    if money and is_money and value is not None:
        return PRECISION.multiply(value, Decimal(_SCALES[money.casefold()])), suffix.end()
    if money in {"m", "t"} or not (money or _NO_UNIT.fullmatch(letters)):
        return value, 0
    return None, suffix.end()


def _power(base: Decimal | None, exponent: int) -> Decimal | None:
    # "-2^2" is 4 to some and -4 to others.
    if base is None or base < 0 or (base != 10 and not 0 <= exponent <= 20):
        return None
    return base**exponent if base == base.to_integral_value() and base <= 1000 else None


def _value(match: re.Match[str], *, decimal_comma: bool, divides: bool) -> Decimal | None:
    """What a number is worth; None where it cannot be told, or is beyond all sense."""
    digits = _plain_digits(match, decimal_comma=decimal_comma)
    try:
        value = None if digits is None else Decimal(f"{digits}{match['exponent'] or ''}")
    except InvalidOperation:
        return None
    if value is None or abs(value.adjusted()) > _LARGEST:
        return None
    if divides and match["part"]:
        part, of = Decimal(match["part"]), Decimal(match["of"])
        # "2 1/2" is a mixed number, "12 24/6" is none.
        value = PRECISION.add(value, PRECISION.divide(part, of)) if match["mixed"] and part < of else None
    elif divides and match["divisor"]:
        divisor = Decimal(match["divisor"])
        value = PRECISION.divide(value, divisor) if divisor else None
    if value is None:
        return None
    if match["scale"]:
        value = PRECISION.multiply(value, Decimal(_SCALES[match["scale"]]))
    return -value if match["sign"] in {"-", "\u2013"} or match["minus"] else value


def _plain_digits(match: re.Match[str], *, decimal_comma: bool) -> str | None:
    """The digits of a number with a decimal point and no separators; None where a comma or a point may mean either."""
    digits = match["digits"]
    if match["euro"] or match["european"]:
        return digits.replace(".", "").replace(",", ".")
    if match["comma"]:
        is_decimal = decimal_comma or (
            (digits.startswith("0,") or _MEASURED.match(match.string, match.end()))
            and (match.string[max(0, match.start() - 1) : match.start()] not in {"(", "[", "{"})
        )
        return digits.replace(",", ".") if is_decimal else None
    if decimal_comma and re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", digits):
        return None
    if " " in digits:
        return digits.replace(" ", "").replace(",", ".")
    return digits.replace(",", "")
