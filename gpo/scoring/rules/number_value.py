"""A text in which a number is looked for, and what a statement in it comes to."""

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

from gpo.scoring.reading import UNCLEAR, Found
from gpo.scoring.text import languages
from gpo.scoring.text.clauses import COURTESY, EXPLAINS, LONGEST, Sentence, clauses, sentences
from gpo.scoring.text.numbers import NamedNumber, decimal_text, number_words, numbers_in, plain_numbers, single_number
from gpo.scoring.text.plain import plain_text, without_decoration
from gpo.scoring.text.statements import Worth, field_of, worth_of

LIST_MARK = re.compile(
    r"^\s*(?:[-*+\u2022>]\s+)?(?:\(?[0-9]{1,2}[.)]\s+(?=\D)|(?:step|case|day|part|question|problem|"
    r"example|q|fig(?:ure)?|no\.?|item|option|chapter|section|round)\s?#?[0-9]+\s*[:.)\u2014-]?\s*)",
    re.IGNORECASE,
)

RATING = re.compile(
    r"\b(?:rating|score|stars?|grade|rate|bewertung|note|puntuación|voto|nota|评分|評価)\b", re.IGNORECASE
)

_OUT_OF = re.compile(r"(?<![\d/.])(?P<points>[0-9]+(?:\.[0-9]+)?)(?:\s?/\s?|\s+(?:\w+\s+)?out of\s+)[0-9]+(?![\d/.])")

VAGUE = re.compile(
    r"(?:\b(?:between|from|(?:more|less|greater|fewer|higher|lower|larger|smaller|bigger) than|"
    r"at (?:least|most)|up to|no (?:more|less|fewer) than|over|under|above|below|almost|nearly|"
    r"either|both|error|status code|"
    r"entre|zwischen|tra|mindestens|höchstens|(?:mehr|weniger) als|(?:plus|moins) de|m[áa]s de|menos de|(?:più|"
    r"meno) di|mais de|более|менее|больше|меньше)|"
    r"超过|多于|少于|不到|至少|最多|[<>≤≥≠]|\\(?:geq?|leq?|neq?|pm))\s*=?\s*[$€£]?\s*$",
    re.IGNORECASE,
)

DENIED = re.compile(
    r"(?:\b(?:not|never|cannot be|rather than|instead of|unlike|nicht|pas|nunca|não)|n['\u2019]t(?: be)?)\s*[$€£]?\s*$",
    re.IGNORECASE,
)

COMPARES = re.compile(
    r"\s*%?\s+(?:fewer|less|more|of (?:which|them)|short|higher|lower|ahead|behind|times)\b", re.IGNORECASE
)

_JOINS = re.compile(
    r"\s*(?:%|[$€£]|[^\W\d_]{1,12}|(?:[^\W\d_]{1,12}\s){0,2}[^\W\d_]{1,12}(?=\s+(?:or|and|"
    r"to)\s))?\s*(?:(?:,\s*)?(?:or|and)|to|und|oder|ou|et|o|y|e|bis|hasta|-|\u2013|±|\+/-|&|,|;|"
    r"[x*×÷/+·^]|of|out of)?\s*"
    r"(?:another\s|about\s|around\s|[-+$€£(])*$",
    re.IGNORECASE,
)

_UNKNOWN = re.compile(
    r"(?<![^\W_])([a-z])\$?\s*=\s*\$?([-+]?[0-9.]*[0-9])(?=\$?\s*(?:[$,;]|(?:and|or|und|oder|et|ou|y|o)\b|\.?\s*$))"
)
"""An unknown that is given its value, as in `x = 4, y = 5`."""
_NEXT_VALUE = re.compile(r"\$?\s*(?:,\s*)?(?:and|or|und|oder|et|ou|y|o|,)\s*\$?")
_GIVEN = re.compile(r"\b(?:for|at|with|using)\s+[a-z]\s*=\s*[-+]?[0-9.]*[0-9]\b,?", re.IGNORECASE)


def without_given(content: str) -> str:
    """A text without the value that it takes for given, as in `For n = 10, the sum is 55`."""
    rest = _GIVEN.sub("", content)
    return rest if numbers_of(rest) else content


def is_several(content: str) -> bool:
    """Whether unknowns are given several values: `x = 4, y = 5`, `x = 2 or x = -2`."""
    found = list(_UNKNOWN.finditer(content))
    if len({each[1] for each in found}) > 1:
        return True
    return any(
        one[2] != other[2] and _NEXT_VALUE.fullmatch(content, one.end(), other.start())
        for one, other in pairwise(found)
    )


_EQUALS = re.compile(r"[=≈](?!=)|\b(?:equals|equal to|is equal to|makes|gives)\b")


def amount(content: str, *, rating: bool = False, comma: bool = False) -> Found:
    """The number that a statement's value is: the first one of its first clause, or what its equation comes to.

    Args:
        content: what follows "the answer is".
        rating: whether `4/5` is 4 there, and not 0.8.
        comma: whether a lone comma is a decimal one there.
    """
    content = without_given(re.sub(r"^-\s(?=[$€£]?[0-9.])", "-", content))
    if rating and (points := _OUT_OF.search(content)):
        return decimal_text(Decimal(points["points"]))
    if not comma and (number := alone(content)) is not None:
        return decimal_text(number)
    if is_several(content):
        return UNCLEAR
    main = _after_equals(_main(content), comma=comma)
    found = numbers_of(main, comma=comma)
    asserted = [each for each in found if not DENIED.search(main[: each.start])]
    if found and not asserted:
        # "Not 7 but 8."
        rest = content.partition(main)[2]
        return amount(rest) if numbers_of(rest) else None
    return _first_of(main, asserted) if asserted else None


def alone(text: str) -> Decimal | None:
    """The number that an answer is; a comma before its last two digits is a decimal one, as thousands have three.

    >>> alone("3,14"), alone("1,2"), alone("1,234")
    (Decimal('3.14'), None, Decimal('1234'))
    """
    number = single_number(text)
    cents = _CENTS.fullmatch(text.strip()) if number is None else None
    return Decimal(f"{cents[1]}.{cents[2]}") if cents else number


_CENTS = re.compile(r"([-+]?[0-9]+),([0-9]{2})\.?")


def _after_equals(main: str, *, comma: bool) -> str:
    *_, last = _EQUALS.split(main)
    return last if numbers_of(last, comma=comma) else main


def _first_of(main: str, found: Sequence[NamedNumber]) -> Found:
    """The first number, unless it is one of several, a bound, or a part of an expression."""
    first, lead = found[0], main[: found[0].start]
    is_far_off = len(lead.split()) > _LONGEST_LEAD and len({each.value for each in found}) > 1
    if (
        first.value is None
        or _EXPRESSION.search(main)
        or VAGUE.search(lead)
        or is_far_off
        or _GOES_ON.match(main, first.end)
    ):
        return UNCLEAR
    if len(found) > 1 and found[1].value != first.value:
        joined = _JOINS.fullmatch(main[first.end : found[1].start])
        if joined and not COMPARES.match(main, found[1].end):
            return UNCLEAR
    return decimal_text(first.value)


_EXPRESSION = re.compile(r"\\(?:[dtc]?frac|sqrt|pi|begin|binom|log|ln|sin|cos|tan|overline|infty|sum|int)\b")
"""LaTeX that plain code does not work out."""
_LONGEST_LEAD = 6
"""Words before the first number of a statement; after more, it need not be the one that is meant."""
_GOES_ON = re.compile(
    r"\s?(?:\\?sqrt|√|\\?pi\b|π|[x*×÷/^+]\s?[\w(\\]|\\(?:cdot|sqrt|pi|leq?|geq?|lt|gt)|[<>\u2264\u2265]|or\b)"
)


def numbers_of(text: str, *, comma: bool = False) -> list[NamedNumber]:
    """The numbers of a text; words count only where there are no digits."""
    return numbers_in(text, decimal_comma=comma) or number_words(text)


def _main(content: str) -> str:
    """What a statement says before its reason, or after its "so"."""
    parts = clauses(content)
    said = [each for each in parts if not each.is_aside and numbers_of(content[each.start : each.end])]
    if not said:
        return content if not parts or not parts[0].is_aside else ""
    concluded = [each for each in said if each.concludes]
    chosen = concluded[-1] if concluded else said[0]
    end = chosen.end
    for each in parts:
        if each.start == end and each.turn == chosen.turn and not each.is_aside:
            end = each.end
    return content[chosen.start : end]


def whole_number(text: str) -> str | None:
    r"""The number that a reference is, but for its unit, or the one after its last `####`; None when it is none.

    >>> whole_number("3 + 4 = 7, so:\n#### 7"), whole_number("5 or 6")
    ('7', None)
    """
    number = single_number(text.rpartition("####")[2].strip())
    return None if number is None else decimal_text(number)


class NumberText:
    """A text in which a number is looked for."""

    def __init__(self, raw: str, *, cut: bool = False, without: Collection[str] = ()) -> None:
        """Take a text without hidden reasoning; `cut`: the token limit ended it."""
        self.raw, self.cut, self.without = without_decoration(plain_text(raw)), cut, without

    @cached_property
    def plain(self) -> str:
        """The text without LaTeX and Markdown."""
        return EMPHASIS.sub("", plain_numbers(self.raw))

    @cached_property
    def lines(self) -> list[str]:
        """Lines that are not blank; of a long one, its beginning."""
        return [line.strip()[:LONGEST] for line in self.plain.splitlines() if line.strip()]

    @cached_property
    def body(self) -> list[Sentence]:
        """The sentences that are no question, refusal, courtesy, confidence or explanation after a result."""
        found: list[Sentence] = []
        numbered = False
        for sentence in sentences(self.plain):
            if numbered and EXPLAINS.match(sentence.text):
                break
            if any(cue.search(sentence.text) for cue in _NO_RESULT) or _is_aside(sentence.text):
                continue
            found.append(sentence)
            numbered = numbered or bool(numbers_in(LIST_MARK.sub("", sentence.text)))
        return found

    @cached_property
    def is_open(self) -> bool:
        """Whether the text was cut, or says that no answer can be given: then only what it states counts."""
        return self.cut or any(languages.REFUSES.search(sentence.text) for sentence in sentences(self.plain))

    def part(self, raw: str) -> "NumberText":
        """A part of the text as a text of its own."""
        return NumberText(raw, cut=self.cut, without=self.without)


EMPHASIS = re.compile(r"\*\*|(?<!\w)__|__(?!\w)|`+|(?<!\w)\*(?=\S)(?![^*]*\s[*])|^[ \t]*#+\s", re.MULTILINE)

_NO_RESULT = (languages.QUESTIONED, languages.REFUSES, COURTESY)


def _is_aside(sentence: str) -> bool:
    field = field_of(sentence)
    return (
        field is not None
        and len(field[0].split()) <= 4
        and worth_of(field[0]) is Worth.ASIDE
        and not re.match(r"(?:step\b|(?:question|problem|q|exercise|task|example)\s?#?[0-9])", field[0], re.IGNORECASE)
    )
