"""What a statement or a sentence comes to as a number."""

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from gpo.scoring.reading import UNCLEAR, Found
from gpo.scoring.text.clauses import clauses
from gpo.scoring.text.numbers import NamedNumber, decimal_text, number_words, numbers_in, single_number

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

_COMPARES = re.compile(
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
_IN_TOTAL = re.compile(
    r"\b(?:for|making|giving|leaving|with|or)\s(?:\w+\s)?an?\s(?:grand\s|final\s)?total\sof\s|,\s*soit\s|"
    r",\s*(?:also|das sind)\s"
    r"(?:insgesamt\s)?|,\s*(?:es decir|o sea|cioè|ou seja),?\s",
    re.IGNORECASE,
)
"""What comes before the sum at the end of a sentence, as in `3 pens and 2 books, for a total of 5`."""


_GIVEN = re.compile(r"\b(?:for|at|with|using)\s+[a-z]\s*=\s*[-+]?[0-9.]*[0-9]\b,?", re.IGNORECASE)


def _without_given(content: str) -> str:
    """A text without the value that it takes for given, as in `For n = 10, the sum is 55`."""
    rest = _GIVEN.sub("", content)
    return rest if numbers_of(rest) else content


def _is_several(content: str) -> bool:
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
    content = _without_given(re.sub(r"^-\s(?=[$€£]?[0-9.])", "-", content))
    if rating and (points := _OUT_OF.search(content)):
        return decimal_text(Decimal(points["points"]))
    if not comma and (number := single_number(content)) is not None:
        return decimal_text(number)
    if _is_several(content):
        return UNCLEAR
    main = _after_equals(_main(content), comma=comma)
    found = numbers_of(main, comma=comma)
    asserted = [each for each in found if not DENIED.search(main[: each.start])]
    if found and not asserted:
        # "Not 7 but 8."
        rest = content.partition(main)[2]
        return amount(rest) if numbers_of(rest) else None
    return _first_of(main, asserted) if asserted else None


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
        if joined and not _COMPARES.match(main, found[1].end):
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


VERB = re.compile(
    r"\b(?:is|are|was|were|be|makes?|gives?|equals?|totals?|costs?|leaves?|have|has|had|needs?|takes?|"
    r"gets?|got|earns?|earned|pays?|paid|spends?|spent|becomes|comes to|amounts? to|results? in|"
    r"adds? up to|left with|made|makes|sells?|sold|reads?|eats?|ate|saves?|weighs?|requires?|bought|lost|"
    r"used|only|just|exactly|a total of|total of|quedan?|son|cuestan?|restent?|coûtent?|sind|beträgt|kostet|bleiben)\b"
    r"|[=≈:共是为為剩得]",
    re.IGNORECASE,
)

_ADJUNCT = re.compile(
    r"\b(?:for|in|per|at|from|within|during|each|every|on|over|after|before|by|with|than|out of|of|among|"
    r"between|across|the|until|de (?:las|los)|des|von|question|step|day|page|grade|room|year|chapter|number|no\.?|#|"
    r"to\s+\w+)(?:\s+(?:her|his|their|its|my|our))?\s*[$€£]?$|#\s?$",
    re.IGNORECASE,
)

YEAR = re.compile(r"\b(?:as of|in|since|by|until|from|before|after|during)\s+(?:19|20)[0-9]{2}$", re.IGNORECASE)

_OR = re.compile(r"\b(?:or|oder|ou)\b")


_NAMES_A_PLACE = re.compile(r"(?:#|\b(?:question|step|day|page|grade|chapter|number|no\.?))\s*$", re.IGNORECASE)


_WHICH_IS = re.compile(
    r",\s*which\s+(?:is|was|are|makes?|gives?|equals?|means?|totals?|leaves?|comes? (?:out )?to|amounts? to|"
    r"adds? up to)(?:\s(?:him|her|them|us|a total of|that|about))?\s+"
    r"[$€£(]*[0-9][0-9.,]*(?:[\s$€£()]*[-+*/x×÷·\u2212\u2013][\s$€£()]*[0-9][0-9.,]*)+[\s)]*=(?P<result>[^=]*)$"
)
"""An aside that works out the result, as in `She has 3 boxes, which is 3 * 4 = 12 pens.`"""


_OF_WHICH = re.compile(r",\s*[0-9]+\s+of\s+(?:which|whom|them|these)\b[^;]*$")
_AFTER_TIME = re.compile(
    r"\b(?:after|before|with|including) (?:the |a )[0-9.]+% \w+ (?=is\b|was\b)|^(?:So |Thus |"
    r"Therefore )?[Aa]fter [0-9]+ \w+,? (?=.*[0-9])"
)
_RESULT = re.compile(r"(?<![<>!\u2264\u2265])=")
_COUNTS_SUBJECT = re.compile(r"\W*(?:so\W+)?(?:the|these|those|both|all|all the)\s+", re.IGNORECASE)
"""What stands before a number that counts the subject, as in `The 2 trains meet after 3 hours`."""


_DENIED_AFTER = re.compile(
    r"\s*(?:is|was)(?:n['\u2019]t|\s+not)(?:\s+(?:correct|right|it))?\s*[.,;!]?$|\s*(?:is|was)\s+(?:wrong|incorrect)\b",
    re.IGNORECASE,
)
_TWO_SUBJECTS = re.compile(
    r"\b(?:is|are|was|were|=)\s+[$€£]?[0-9][0-9.,]*[^,;=]{0,20}?(?:,\s*and|,|\band)\s+(?:the|its|their)\s+\w+(?:\s\w+)?\s+"
    r"(?:is|are|was|were|=)\s+[$€£]?[0-9]"
)
"""Two results side by side, as in `The median is 7 and the mean is 8`."""


def _worked_out(sentence: str) -> Found:
    """What the end of a sentence sums up."""
    if which_is := _WHICH_IS.search(sentence):
        return amount(which_is["result"])
    totals = list(_IN_TOTAL.finditer(sentence))
    rest = sentence[totals[-1].end() :] if totals else ""
    return amount(rest) if len(numbers_of(rest)) == 1 else None


def of_sentence(sentence: str) -> Found:
    """The number that a sentence comes to: what its equation gives, what follows its verb, or its only one."""
    sentence = _without_given(_AFTER_TIME.sub("", _OF_WHICH.sub("", LIST_MARK.sub("", sentence))))
    if (worked_out := _worked_out(sentence)) is not None:
        return worked_out
    said = [each for each in clauses(sentence) if not each.is_aside]
    concluded = [each for each in said if each.concludes and numbers_in(sentence[each.start : each.end])]
    main = " ".join(sentence[each.start : each.end] for each in concluded or said)
    found = numbers_in(main)
    if (
        _is_several(sentence)
        or _TWO_SUBJECTS.search(main)
        or (_OR.search(main) and len({each.value for each in found}) > 1)
    ):
        return UNCLEAR
    if "=" in main:
        return amount(result) if (result := _RESULT.split(main)[-1]) != main else UNCLEAR
    found = [each for each in found if not (DENIED.search(main[: each.start]) or _DENIED_AFTER.match(main, each.end))]
    if not found or (len(found) == 1 and YEAR.search(main[: found[0].end])):
        return None
    if len({each.value for each in found}) > 1:
        return _after_verb(main, found)
    counts_subject = _COUNTS_SUBJECT.fullmatch(main, 0, found[0].start) and len(numbers_in(sentence)) > 1
    return (
        UNCLEAR
        if counts_subject or _is_vague(main, found[0], _NAMES_A_PLACE)
        else decimal_text(found[0].value or Decimal(0))
    )


def _is_vague(main: str, number: NamedNumber, place: re.Pattern[str]) -> bool:
    before = main[: number.start]
    return number.value is None or VAGUE.search(before) is not None or place.search(before) is not None


_SHARE = re.compile(r"\s+(?:in|out of|of(?: the)?|per|to|by|from)\s+[$€£]?", re.IGNORECASE)
_THAN = re.compile(r"\s+(?:\w+\s)?(?:fewer|less|more)\s(?:\w+\s)?than\b", re.IGNORECASE)


def _after_verb(main: str, found: Sequence[NamedNumber]) -> Found:
    """The number after the last verb that has one, where all further ones are asides: `pays $36 for 4 shirts`."""
    verbs = [match.end() for match in VERB.finditer(main) if match.end() <= found[-1].start]
    if not verbs:
        # "The car travels 180 miles in 3 hours."
        plain = [each for each in found if not (_ADJUNCT.search(main[: each.start]) or _COMPARES.match(main, each.end))]
        is_sure = len(plain) == 1 and not any(VAGUE.search(main[: each.start]) for each in found)
        is_sure = is_sure and not any(_SHARE.fullmatch(main, one.end, other.start) for one, other in pairwise(found))
        return decimal_text(plain[0].value) if is_sure and plain[0].value is not None else UNCLEAR
    first, *others = [each for each in found if each.start >= verbs[-1]]
    if others and _THAN.match(main, first.end):
        return UNCLEAR
    others = [each for each in others if not (_ADJUNCT.search(main[: each.start]) or _COMPARES.match(main, each.end))]
    return UNCLEAR if others or _is_vague(main, first, _ADJUNCT) else decimal_text(first.value or Decimal(0))


def whole_number(text: str) -> str | None:
    r"""The number that a reference is, but for its unit, or the one after its last `####`; None when it is none.

    >>> whole_number("3 + 4 = 7, so:\n#### 7"), whole_number("5 or 6")
    ('7', None)
    """
    number = single_number(text.rpartition("####")[2].strip())
    return None if number is None else decimal_text(number)
