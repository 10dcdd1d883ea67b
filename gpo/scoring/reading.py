"""What was read from a text, and by which rule.

Rules are small named functions that are tried in order. Each gives the answer that it finds, `None` where it does not
apply, or `UNCLEAR` where it applies and the text does not say which answer it means: then no later rule is asked.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import Enum
from functools import partial
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

    @property
    def is_weak(self) -> bool:
        """Whether there is an answer, and the text does not state it as such."""
        return self.answer is not None and self.weak


class BoundRule(NamedTuple):
    """A rule with the text that it reads."""

    name: str
    find: Callable[[], Found]
    weak: bool = False

    def reading(self) -> Reading | None:
        """What the rule makes of its text; None where it does not apply."""
        found = self.find()
        return (
            None
            if found is None
            else Reading(answer=None if found is UNCLEAR else found, rule=self.name, weak=self.weak)
        )


def bind(rules: Sequence[Rule[Subject]], subject: Subject) -> Iterator[BoundRule]:
    """Rules with the text that they read; one by one, as mostly one of the first applies."""
    return (BoundRule(rule.name, partial(rule.find, subject), rule.weak) for rule in rules)


def read_by(rules: Sequence[Rule[Subject]], subject: Subject, without: Collection[str] = ()) -> Reading:
    """What the first rule that applies makes of a text; rules named in `without` are left out."""
    return first_reading(bind(rules, subject), without)


def first_reading(rules: Iterable[BoundRule], without: Collection[str] = ()) -> Reading:
    """What the first rule that applies makes of its text; a reading without an answer where none does."""
    found = (rule.reading() for rule in rules if rule.name not in without)
    return next((reading for reading in found if reading is not None), Reading())


def agreed(found: Collection[str]) -> Found:
    """The one answer that all say; `UNCLEAR` where they say several, None where there are none."""
    different = set(found)
    if len(different) == 1:
        return different.pop()
    return UNCLEAR if different else None
