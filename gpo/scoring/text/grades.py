"""Labels that are grades or kinds of each other, such as `very negative` of `negative`, and "not only X but also Y"."""

import re
from collections.abc import Sequence
from itertools import pairwise

from gpo.scoring.text import languages
from gpo.scoring.text.plain import fold
from gpo.scoring.text.roles import Role, SaidOf

Said = list[SaidOf]
"""What a sentence says of the phrases that it names."""

_NOT_ONLY = re.compile(rf"(?:{languages.NOT_ONLY})[^,;.:\uff0c]*$", re.IGNORECASE)
_DENIES = re.compile(
    r"(?:not|non|no|never|un|in|im|anti|hardly|barely|nicht|kein\w*|pas|не|[不非无無没])", re.IGNORECASE
)
_ARTICLE_BEFORE = re.compile(r"(?<!\w)(?:an?|one|ein(?:e[mnrs]?)?|une?|una|uma?|uno)\s+[\"'\u201c]*$", re.IGNORECASE)
_NOUN_BEFORE = re.compile(r"(?<!\w)(?:une?|una|uma?|uno)\s+\w+\s+$", re.IGNORECASE)
_NOUN_AFTER = re.compile(r"[\"'\u201d]*\s+[^\W\d_]{2,}")
_NOUN_AFTER_AT_ONCE = re.compile("的?(?:评论|評論|评价|評價|文本|句子|例子)|な?(?:レビュー|文章)")
_JUDGES = re.compile(r"\b(?:i|we|overall|rating|score)\b", re.IGNORECASE)
"""What shows that a judgement on the whole follows: `The end is very good, and I would give it a good rating.`"""
_SUBJECT_IS = re.compile(
    r"\W*(?:(?:it|this|that|the|diese[rs]?|der|die|das|sie|es|cette?|cet|le|la|elle|il|esta|este|el)\s+(?:\w+\s+)?)"
    r"(?:is|was|ist|est|es)\s+(?:a|an)?\s*",
    re.IGNORECASE,
)


def is_kind_of(one: str, other: str) -> bool:
    """Whether a label names a grade or kind of another one; a denial is none.

    >>> is_kind_of("very negative", "negative"), is_kind_of("not spam", "spam"), is_kind_of("positive", "negative")
    (True, False, False)
    """
    one, other = fold(one), fold(other)
    before = one.removesuffix(other)
    if before in {one, ""} or (before[-1].isascii() and before[-1] not in " -_"):
        return False
    return not _DENIES.fullmatch(before.strip(" -_"))


def settled(sentence: str, said: Said) -> Said:
    """What a sentence says, where "not only X but Y" says both, and "so it is a negative review" adds no answer."""
    kinds = [sentence[each.start : each.end] for each in said if each.states]
    if len(kinds) < 2:
        return said
    said = _both(sentence, said)
    for one in [each for each in said if each.states]:
        said = [_beside_its_grade(sentence, each, one) for each in said]
    return said


def _both(sentence: str, said: Said) -> Said:
    """Of "not only negative but very negative" the second alone; of other such pairs both, in one clause."""
    found = {each.start: each for each in said}
    for one, other in pairwise([each for each in said if each.states]):
        if one.meaning == other.meaning or not _NOT_ONLY.search(sentence[: one.start]):
            continue
        if is_kind_of(sentence[other.start : other.end], sentence[one.start : one.end]):
            found[one.start] = one._replace(role=Role.MENTIONED)
        else:
            found[other.start] = other._replace(clause=one.clause)
    return list(found.values())


def _beside_its_grade(sentence: str, kind: SaidOf, grade: SaidOf) -> SaidOf:
    """What is said of a kind after its grade: "very negative, so it is a negative review" says nothing more."""
    follows = kind.states and grade.end <= kind.start
    if not follows or not is_kind_of(sentence[grade.start : grade.end], sentence[kind.start : kind.end]):
        return kind
    if kind.clause.turn != grade.clause.turn and not kind.clause.concludes:
        return kind
    if _JUDGES.search(sentence, grade.end, kind.start):
        return kind
    adds_nothing = kind.clause.concludes or _describes_a_noun(sentence, kind)
    return kind._replace(role=Role.MENTIONED) if adds_nothing else kind


def _describes_a_noun(sentence: str, said: SaidOf) -> bool:
    """Whether a label stands with a noun, as in `a negative review`."""
    before = sentence[: said.start]
    if _ARTICLE_BEFORE.search(before):
        return _NOUN_AFTER.match(sentence, said.end) is not None
    return _NOUN_BEFORE.search(before) is not None or _NOUN_AFTER_AT_ONCE.match(sentence, said.end) is not None


def without_kinds(sentence: str, said: Said, grades: Sequence[str]) -> Said:
    """What a sentence says, but for nouns with a kind of what earlier sentences state: `an example of a bad review`."""
    return [
        each._replace(role=Role.MENTIONED)
        if each.states
        and any(is_kind_of(grade, sentence[each.start : each.end]) for grade in grades)
        and _describes_a_noun(sentence, each)
        else each
        for each in said
    ]


def graded(sentence: str, said: Said) -> list[str]:
    """The labels that a sentence states of its subject, as in `This review is very negative`."""
    lead = _SUBJECT_IS.match(sentence)
    return [sentence[each.start : each.end] for each in said if each.states and lead and lead.end() == each.start]
