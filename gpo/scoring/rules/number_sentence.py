"""What a sentence comes to as a number."""

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from gpo.scoring.reading import UNCLEAR, Found
from gpo.scoring.rules.number_value import (
    COMPARES,
    DENIED,
    LIST_MARK,
    VAGUE,
    amount,
    is_several,
    numbers_of,
    without_given,
)
from gpo.scoring.text.clauses import clauses
from gpo.scoring.text.numbers import NamedNumber, decimal_text, numbers_in

_IN_TOTAL = re.compile(
    r",\s*which\s+(?:makes|gives|is)\s+(?=[^,]*\b(?:in total|altogether|in all)\b)|"
    r"(?:[0-9]/[0-9]+|%|\bhalf|\bthird|\bquarter)\s+of\s+[^,]*,\s*which\s+(?:is|makes|gives|equals)\s|"
    r"\b(?:for|making|giving|leaving|with|or)\s(?:\w+\s)?an?\s(?:grand\s|final\s)?total\sof\s|,\s*soit\s|"
    r",\s*(?:also|das sind)\s"
    r"(?:insgesamt\s)?|,\s*(?:es decir|o sea|cioè|ou seja),?\s",
    re.IGNORECASE,
)
"""What comes before the sum at the end of a sentence, as in `3 pens and 2 books, for a total of 5`."""


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

YEAR = re.compile(
    r"\b(?<!born )(?<!died )(?<!built )(?<!founded )(?<!won )(?:as of|in|since|by|until|from|before|after|"
    r"during)\s+(?:19|20)[0-9]{2}$",
    re.IGNORECASE,
)

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
_OR_MORE = re.compile(r"[0-9]\s+or\s+(?:more|less|fewer|higher|lower|above|below|over|under)\b", re.IGNORECASE)
_MAY_BE = re.compile(r"\b(?:could|may|might)(?:\s(?:also|even))?\sbe\s*[$€£]?$", re.IGNORECASE)
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
    sentence = without_given(_AFTER_TIME.sub("", _OF_WHICH.sub("", LIST_MARK.sub("", sentence))))
    if (worked_out := _worked_out(sentence)) is not None:
        return worked_out
    said = [each for each in clauses(sentence) if not each.is_aside]
    concluded = [each for each in said if each.concludes and numbers_in(sentence[each.start : each.end])]
    main = " ".join(sentence[each.start : each.end] for each in concluded or said)
    found = numbers_in(main)
    if (
        is_several(sentence)
        or _OR_MORE.search(sentence)
        or _TWO_SUBJECTS.search(main)
        or (_OR.search(main) and len({each.value for each in found}) > 1)
    ):
        return UNCLEAR
    if "=" in main:
        return amount(result) if (result := _RESULT.split(main)[-1]) != main else UNCLEAR
    found = [each for each in found if not _is_denied(main, each)]
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


def _is_denied(main: str, number: NamedNumber) -> bool:
    before = main[: number.start]
    return any((DENIED.search(before), _MAY_BE.search(before), _DENIED_AFTER.match(main, number.end)))


def _is_vague(main: str, number: NamedNumber, place: re.Pattern[str]) -> bool:
    before = main[: number.start]
    return number.value is None or VAGUE.search(before) is not None or place.search(before) is not None


_SHARE = re.compile(r"\s+(?:in|out of|of(?: the)?|per|to|by|from)\s+[$€£]?", re.IGNORECASE)
_THAN = re.compile(r"\s+(?:\w+\s)?(?:fewer|less|more)\s(?:\w+\s)?than\b", re.IGNORECASE)


def are_rivals(one: str, other: str) -> bool:
    """Whether two parts of a sentence, with a semicolon between them, tell different numbers and reckon with none."""
    values = [{each.value for each in numbers_in(part)} for part in (one, other)]
    return one.endswith(";") and not re.search("[=\u2248]", one + other) and not values[0] & values[1]


def _after_verb(main: str, found: Sequence[NamedNumber]) -> Found:
    """The number after the last verb that has one, where all further ones are asides: `pays $36 for 4 shirts`."""
    verbs = [match.end() for match in VERB.finditer(main) if match.end() <= found[-1].start]
    if not verbs:
        if any(match.start() >= found[-1].end for match in VERB.finditer(main)):
            return UNCLEAR  # "The sum of 3 and 4 is seven."
        # "The car travels 180 miles in 3 hours."
        plain = [each for each in found if not (_ADJUNCT.search(main[: each.start]) or COMPARES.match(main, each.end))]
        is_sure = len(plain) == 1 and not any(VAGUE.search(main[: each.start]) for each in found)
        is_sure = is_sure and not any(_SHARE.fullmatch(main, one.end, other.start) for one, other in pairwise(found))
        return decimal_text(plain[0].value) if is_sure and plain[0].value is not None else UNCLEAR
    first, *others = [each for each in found if each.start >= verbs[-1]]
    if others and _THAN.match(main, first.end):
        return UNCLEAR
    others = [each for each in others if not (_ADJUNCT.search(main[: each.start]) or COMPARES.match(main, each.end))]
    return UNCLEAR if others or _is_vague(main, first, _ADJUNCT) else decimal_text(first.value or Decimal(0))
