"""What the phrases that a sentence names come to: one answer, several, or none."""

import re
from collections.abc import Sequence

from gpo.scoring.reading import UNCLEAR, Found, agreed
from gpo.scoring.text import languages
from gpo.scoring.text.mentions import are_side_by_side
from gpo.scoring.text.phrases import PARTICLES
from gpo.scoring.text.plain import fold
from gpo.scoring.text.roles import Role, SaidOf
from gpo.scoring.text.statements import TWO_CASES


def states(said: Sequence[SaidOf]) -> list[SaidOf]:
    """What is said to be so."""
    return [each for each in said if each.states]


def stated_by(content: str, said: Sequence[SaidOf]) -> Found:
    """What a statement says: its last conclusion, else its first clause that says something."""
    asserted = states(said)
    if not asserted:
        return None
    concluded = [each for each in asserted if each.clause.concludes]
    chosen = concluded or asserted
    first = [each for each in chosen if each.clause.start == (chosen[-1] if concluded else chosen[0]).clause.start]
    found = unless_none(first)
    if concluded and _says_anew(content, chosen[-1]):
        return unless_none([each for each in chosen if each.clause.turn == chosen[-1].clause.turn])
    if found is UNCLEAR or concluded:
        return found
    # "A, C": the next label follows at once.
    beside = [
        each
        for each in chosen
        if (each.clause.start == first[-1].clause.end and are_side_by_side(content, first[-1], each))
        or _says_anew(content, each)
    ]
    return unless_none([*first, *beside])


_IT_IS = re.compile(
    r"[,:\u2013\u2014-]\s*(?:now\s+|today\s+)?(?:(?:it|this|that)(?:\s+(?:is|was)|['\u2019]s)|(?:sie|er|es|"
    r"das) ist|(?:elle|il|ce) est|"
    r"c['\u2019]est|(?:es|è|é|это))\s+[\"'\u201c(]*$",
    re.IGNORECASE,
)
_CLAUSE_ENDS = re.compile(r"[)\"'\u201d]*\s*(?:[.,;!]|$)")


def _says_anew(content: str, said: SaidOf) -> bool:
    """Whether a clause says a phrase of the same subject, as the second one of `It is A, it is B.`."""
    return _IT_IS.search(content, 0, said.start) is not None and _CLAUSE_ENDS.match(content, said.end) is not None


HEDGES = re.compile(
    r"\b(?:i (?:(?:first|initially|previously|originally|earlier) )?(?:said|thought|answered|chose)|at first|"
    r"initially|seem\w*|look\w*|appear\w*|sound\w*|some|might|may|could|would|one could)\b",
    re.IGNORECASE,
)

_SUBJECT = re.compile(
    r"\b(?:argument|statement|claim|sentence|inference|conclusion|answer|sentiment|review|overall|tone|"
    r"whole|text|message|verdict|turns out|actually|really)\b",
    re.IGNORECASE,
)


_VERB = re.compile(r"\b(?:is|are|was|were|seem\w*|look\w*|turns|has|have|would|must)\b", re.IGNORECASE)


def agreed_by(content: str, said: Sequence[SaidOf]) -> Found:
    """What all clauses of a sentence say; else what its conclusion, its main subject or its unhedged clauses say."""
    asserted = states(said)
    if not asserted:
        return None
    if any(each.clause.concludes for each in asserted):
        return stated_by(content, said)
    clause = {each: content[each.clause.start : each.clause.end] for each in asserted}
    for chosen in (
        asserted,
        [each for each in asserted if not HEDGES.search(clause[each])],
        [each for each in asserted if _SUBJECT.search(clause[each]) or _says_anew(content, each)]
        if all(map(_VERB.search, clause.values())) and not _BUT_NOW.search(content)
        else [],
    ):
        if isinstance(found := unless_none(chosen), str):
            rivals = any(each.meaning != found and each.role is Role.MENTIONED for each in said)
            # "It could be A, but given this it is B": what may be counts only where nothing else is named.
            return UNCLEAR if rivals and all(HEDGES.search(clause[each]) for each in chosen) else found
    return UNCLEAR


_BUT_NOW = re.compile(r"\b(?:was|were)\b.*\bbut (?:is|are|now)\b", re.IGNORECASE)


def unless_none(said: Sequence[SaidOf]) -> Found:
    """What all say; `UNCLEAR` where one names a number that is no label."""
    meanings = [each.meaning for each in said]
    if None in meanings:
        return UNCLEAR
    return agreed([meaning for meaning in meanings if meaning is not None])


_ENDS_ANSWER = re.compile(
    rf"[)\]}}\"'\u201d\u2019」*_`]*\s*(?:$|[.;:!,\u3002\uff0c\uff01\uff1b\uff1a।،(\[/\n]|"
    rf"[-\u2013\u2014]{{1,2}}\s|\u2014|=>|->|(?:{languages.REASON}|{languages.SO}|{languages.BUT}|as|with|"
    rf"overall|\uff08))",
    re.IGNORECASE,
)


_AT_FIRST = re.compile(r"\b(?:seem|look|appear|sound)\w*\b.*\b(?:at first|but|however|yet)\b", re.IGNORECASE)


def leading(content: str, said: Sequence[SaidOf]) -> Found:
    """The phrase that a piece of text begins with, where it ends there as an answer does."""
    if not said or content[: said[0].start].strip("([{<\"'\u201c「 \t"):
        return None
    first = said[0]
    if not first.states:
        return None
    if has_rival(content, said):
        return UNCLEAR
    if content.startswith(" unless ", first.end):
        return None
    ends = _ENDS_ANSWER.match(content, first.end)
    is_approved = first.role is Role.APPROVED and not _AT_FIRST.search(content, first.end)
    if is_approved or ends:
        return unless_none([first])
    return None


_ALSO = re.compile(
    r"[,\s]*(?:(?:but|and|yet)\s+(?:also|then again|equally)|,?\s*then|[-=]>|\u2192)\s+[\"'(]*", re.IGNORECASE
)


def has_rival(content: str, said: Sequence[SaidOf]) -> bool:
    """Whether another phrase stands beside the first one as its equal, or in its place in another case."""
    if len({each.meaning for each in said}) > 1 and TWO_CASES.search(content):
        return True
    # "No, it is valid": what "no" answers is not in the text.
    is_particle = bool(said) and fold(content[said[0].start : said[0].end]) in PARTICLES - {fold(said[0].meaning or "")}
    return (
        len(said) > 1
        and said[0].states
        and said[1].states
        and said[0].meaning != said[1].meaning
        and (
            are_side_by_side(content, said[0], said[1])
            or _ALSO.fullmatch(content, said[0].end, said[1].start) is not None
            or (_says_anew(content, said[1]) and not is_particle)
        )
    )
