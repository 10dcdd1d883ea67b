"""What a statement or a sentence comes to as a number."""

import re
from decimal import Decimal

from gpo.scoring.reading import UNCLEAR, Found
from gpo.scoring.text.clauses import clauses
from gpo.scoring.text.numbers import Number, decimal_text, number_words, numbers_in, single_number

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
    r"either|both|entre|zwischen|tra|mindestens|höchstens)|[<>≤≥≠]|\\(?:geq?|leq?|neq?|pm))\s*=?\s*[$€£]?\s*$",
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

_EQUALS = re.compile(r"[=≈](?!=)|\b(?:equals|equal to|is equal to|makes|gives)\b")


def amount(content: str, *, rating: bool = False, comma: bool = False) -> Found:
    """The number that a statement's value is: the first one of its first clause, or what its equation comes to."""
    content = re.sub(r"^-\s(?=[$€£]?[0-9.])", "-", content)
    if rating and (points := _OUT_OF.search(content)):
        return decimal_text(Decimal(points["points"]))
    if (number := single_number(content)) is not None and not comma:
        return decimal_text(number)
    main = _main(content)
    if _EQUALS.search(main):
        *_, last = _EQUALS.split(main)
        if numbers_of(last, comma=comma):
            main = last
    found = numbers_of(main, comma=comma)
    if not found:
        return None
    found = [each for each in found if not DENIED.search(main[: each.start])] or found
    first = found[0]
    lead = main[: first.start]
    if DENIED.search(lead):
        after = content.partition(main)[2]
        return amount(after) if main in content and numbers_of(after) else None
    if first.value is None or VAGUE.search(lead) or (len(lead.split()) > 6 and len({each.value for each in found}) > 1):
        return UNCLEAR
    if (
        len(found) > 1
        and _JOINS.fullmatch(main[first.end : found[1].start])
        and found[1].value != first.value
        and not _COMPARES.match(main, found[1].end)
    ):
        return UNCLEAR
    if re.match(
        r"\s?(?:\\?sqrt|√|\\?pi\b|π|[x*×÷/^+]\s?[\w(\\]|\\(?:cdot|sqrt|pi)|or\b|\()", main[first.end :]
    ) and not re.match(r"\s?\(", main[first.end :]):
        return UNCLEAR
    return decimal_text(first.value)


def numbers_of(text: str, *, comma: bool = False) -> list[Number]:
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
    together = [each for each in parts if not each.is_aside and each.turn == chosen.turn and each.start >= chosen.start]
    end = chosen.end
    for each in together:
        if each.start == end or each is chosen:
            end = each.end
    return content[chosen.start : end]


VERB = re.compile(
    r"\b(?:is|are|was|were|be|makes?|gives?|equals?|totals?|costs?|leaves?|have|has|had|needs?|takes?|"
    r"gets?|got|earns?|earned|pays?|paid|spends?|spent|becomes|comes to|amounts? to|results? in|"
    r"adds? up to|left with|made|makes|sells?|sold|reads?|eats?|ate|saves?|weighs?|requires?|bought|lost|"
    r"used|only|just|exactly|a total of|total of)\b|[=≈:]",
    re.IGNORECASE,
)

_ADJUNCT = re.compile(
    r"\b(?:for|in|per|at|from|within|during|each|every|on|over|after|before|by|with|than|out of|of|among|"
    r"between|across|the|until|question|step|day|page|grade|room|year|chapter|number|no\.?|#|"
    r"to\s+\w+)\s*[$€£]?$|#\s?$",
    re.IGNORECASE,
)

YEAR = re.compile(r"\b(?:as of|in|since|by|until|from|before|after|during)\s+(?:19|20)[0-9]{2}$", re.IGNORECASE)

_OR = re.compile(r"\b(?:or|oder|ou)\b")


def of_sentence(sentence: str) -> Found:
    """The number that a sentence comes to."""
    sentence = LIST_MARK.sub("", sentence)
    main = " ".join(sentence[each.start : each.end] for each in clauses(sentence) if not each.is_aside)
    if _OR.search(main) and len({each.value for each in numbers_in(main)}) > 1:
        return UNCLEAR
    if "=" in main:
        return amount(main.rpartition("=")[2])
    found = [each for each in numbers_in(main) if not DENIED.search(main[: each.start])]
    if not found or (len(found) == 1 and YEAR.search(main[: found[0].end])):
        return None
    if len({each.value for each in found}) == 1:
        vague = (
            found[0].value is None
            or VAGUE.search(main[: found[0].start])
            or (
                _ADJUNCT.search(main[: found[0].start])
                and re.search(
                    r"(?:#|question|step|day|page|grade|room|chapter|number|no\.?)\s*$",
                    main[: found[0].start],
                    re.IGNORECASE,
                )
            )
        )
        return UNCLEAR if vague else decimal_text(found[0].value or Decimal(0))
    verbs = [match.end() for match in VERB.finditer(main)]
    for verb in reversed(verbs):
        after = [each for each in found if each.start >= verb]
        if not after:
            continue
        first = after[0]
        others = [
            each for each in after[1:] if not (_ADJUNCT.search(main[: each.start]) or _COMPARES.match(main, each.end))
        ]
        if (
            others
            or first.value is None
            or VAGUE.search(main[: first.start])
            or _ADJUNCT.search(main[verb : first.start])
        ):
            return UNCLEAR
        return decimal_text(first.value)
    return UNCLEAR
