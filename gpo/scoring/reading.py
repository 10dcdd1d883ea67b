"""What was read from a text, and by which rule.

Rules are small named functions that are tried in order. Each gives the answer that it finds, `None` where it does not
apply, or `UNCLEAR` where it applies and the text does not say which answer it means: then no later rule is asked.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from enum import Enum
from typing import Final, Generic, NamedTuple, TypeVar

from gpo.records import Record


class _Unclear(Enum):
    UNCLEAR = "unclear"


UNCLEAR: Final = _Unclear.UNCLEAR
"""The text states something where a rule looks, and it is no one answer."""

Found = str | _Unclear | None

Subject = TypeVar("Subject")


class Rule(NamedTuple, Generic[Subject]):
    """One way to read a text; `weak` ones go by what a text mentions, not by what it states as its answer."""

    name: str
    find: Callable[[Subject], Found]
    weak: bool = False


class Reading(Record):
    """The answer that was read, in canonical form, and the rule that made it.

    Without an answer, `rule` is the one that found more than one answer, or empty where no rule applied.
    """

    answer: str | None = None
    rule: str = ""
    weak: bool = False


def read_by(rules: Sequence[Rule[Subject]], subject: Subject, without: Collection[str] = ()) -> Reading:
    """What the first rule that applies makes of a text; rules named in `without` are left out."""
    return next(_readings(rules, subject, without), Reading())


def _readings(rules: Sequence[Rule[Subject]], subject: Subject, without: Collection[str]) -> Iterator[Reading]:
    for rule in rules:
        if rule.name in without:
            continue
        found = rule.find(subject)
        if found is not None:
            yield Reading(answer=None if found is UNCLEAR else found, rule=rule.name, weak=rule.weak)


def agreed(found: Collection[str]) -> Found:
    """The one answer that all say; `UNCLEAR` where they say several, None where there are none."""
    different = set(found)
    if len(different) == 1:
        return different.pop()
    return UNCLEAR if different else None
