"""Finds groups among test examples that the spec does not name: examples that win and lose together.

What is looked at is what the gate has of a row: its inputs, the fields of `gate.slices`, its id, and long passages that
several inputs share. Other columns of the rows are not at hand.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gpo.formatting import count
from gpo.messages.message import shown_inputs, shown_value
from gpo.records import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FEWEST_GROUPS = 10
"""A field with fewer values names kinds of examples, not groups that were drawn."""

_LARGEST = 0.2
"""A value that more examples share than this part is a kind, or part of the question's form."""

_LONG = 200
"""Characters from which a text that several inputs share is a document, even if no difference shows it."""

_PASSAGE = 80
_CHANCE = 0.01
_SHUFFLES = 999
_NUMBER_AT_END = re.compile(r"[^0-9A-Za-z]*[A-Za-z]{0,3}\d+$")


class LikelyGroups(NamedTuple):
    """Groups that the spec does not name. `field`: the column that has them; None where no column is known to.

    `together` is the intraclass correlation of the differences: 1 where members of a group are always alike. It is None
    where only a long text that they share tells of the groups.
    """

    groups: Mapping[str, str]
    field: str | None
    what: str
    together: float | None

    @property
    def sentence(self) -> str:
        """What to tell, with the line to add to the spec."""
        sizes = Counter(self.groups.values())
        found = f"{count(len(sizes), 'group')}, the largest of {count(max(sizes.values()), 'example')}"
        if self.together is None:
            seen = f"Test examples share {self.what} ({found}), and may win and lose together"
        else:
            seen = f"Test examples with {self.what} win and lose together ({found}; correlation {self.together:.2f})"
        line = f"`group: {self.field}`" if self.field else "`group: COLUMN`, with the column that says which"
        looked = "" if self.field else " (inputs, slices and ids were looked at, not the other columns)"
        return f"{seen}: such examples are no independent evidence. Write {line}, below `dataset`{looked}."


class _Candidate(NamedTuple):
    field: str | None
    what: str
    groups: dict[str, str]
    is_long: bool = False


def find_likely_groups(
    examples: Sequence[Example], differences: Mapping[str, float], columns: Mapping[str, str], *, has_ids: bool = False
) -> LikelyGroups | None:
    """The groups that show most clearly, among the examples that have a difference; None where none shows.

    `columns` has the fields of the inputs by the variables that they fill. `has_ids`: the ids are those of the rows.
    The chance of a false alarm is 1%, for all fields together.
    """
    scored = [each for each in examples if each.id in differences]
    found = [each for each in _candidates(scored, columns, has_ids=has_ids) if _may_be_groups(each.groups, len(scored))]
    best: tuple[float, LikelyGroups] | None = None
    for each in found:
        together, chance = _agreement(each.groups, differences)
        if chance * len(found) <= _CHANCE and (best is None or together > best[0]):
            best = together, LikelyGroups(each.groups, each.field, each.what, together)
    if best is not None:
        return best[1]
    shared = next((each for each in found if each.is_long), None)
    return None if shared is None else LikelyGroups(shared.groups, shared.field, shared.what, None)


def _candidates(examples: Sequence[Example], columns: Mapping[str, str], *, has_ids: bool) -> Iterator[_Candidate]:
    for variable, field in columns.items() if len(columns) > 1 else ():
        values = {each.id: _plain(shown_value(each.inputs.get(variable, ""))) for each in examples}
        is_long = any(len(text) >= _LONG for text in _repeated(values).values())
        yield _Candidate(field, f"the same `{field}`", values, is_long)
    for field in dict.fromkeys(name for each in examples for name in each.slices):
        values = {each.id: each.slices[field] for each in examples if field in each.slices}
        yield _Candidate(field, f"the same `{field}`", values)
    if has_ids:
        yield _Candidate(None, "ids that begin alike", {each.id: _NUMBER_AT_END.sub("", each.id) for each in examples})
    passages = _shared_passages(examples)
    is_long = any(len(text) >= _LONG for text in passages.values())
    yield _Candidate(None, "a passage of their texts", passages, is_long)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _repeated(groups: Mapping[str, str]) -> dict[str, str]:
    """The examples that are not alone in their group."""
    sizes = Counter(groups.values())
    return {example: group for example, group in groups.items() if group and sizes[group] > 1}


def _may_be_groups(groups: Mapping[str, str], n: int) -> bool:
    """Whether values look like groups that were drawn: many, some of them with several members, none with most."""
    sizes = Counter(_repeated(groups).values())
    different = len(set(groups.values())) + n - len(groups)
    return len(sizes) >= 2 and different >= _FEWEST_GROUPS and max(sizes.values()) <= max(2, _LARGEST * n)


def _shared_passages(examples: Sequence[Example]) -> dict[str, str]:
    """The longest passage that each example shares with others: a paragraph of its inputs, or how they begin."""
    passages: dict[str, list[str]] = {}
    for each in examples:
        texts = list(shown_inputs(each.inputs).values())
        parts = [_plain(part) for text in texts for part in text.splitlines()]
        begins = [_plain(text)[:_LONG] for text in texts]
        passages[each.id] = [part for part in dict.fromkeys([*parts, *begins]) if len(part) >= _PASSAGE]
    users: dict[str, int] = defaultdict(int)
    for parts in passages.values():
        for part in parts:
            users[part] += 1
    most = max(2, _LARGEST * len(examples))
    shared = {example: [part for part in parts if 1 < users[part] <= most] for example, parts in passages.items()}
    return {example: max(parts, key=lambda part: (len(part), part)) for example, parts in shared.items() if parts}


def _agreement(groups: Mapping[str, str], differences: Mapping[str, float]) -> tuple[float, float]:
    """The intraclass correlation of the differences, and how often chance alone makes it so large.

    Chance is what shuffled differences show, in an order that depends on nothing but the examples.
    """
    import numpy as np  # noqa: PLC0415 - most commands need no statistics

    ids = sorted(_repeated(groups))
    names = {name: place for place, name in enumerate(sorted({groups[each] for each in ids}))}
    places = np.array([names[groups[each]] for each in ids])
    values = np.array([differences[each] for each in ids])
    if np.ptp(values) == 0:
        return 0.0, 1.0
    rng = np.random.default_rng(len(ids))
    shuffled = np.stack([values, *(rng.permutation(values) for _ in range(_SHUFFLES))])
    found = np.round(_correlations(shuffled, places, np.bincount(places)), 12)
    return float(found[0]), float((found >= found[0]).mean())


def _correlations(
    values: "NDArray[np.float64]", places: "NDArray[np.int64]", sizes: "NDArray[np.int64]"
) -> "NDArray[np.float64]":
    """By analysis of variance, for each row of values: shape (rows,)."""
    import numpy as np  # noqa: PLC0415 - as above

    n, number = len(places), len(sizes)
    centred = values - values.mean(axis=1, keepdims=True)
    sums = np.stack([np.bincount(places, weights=row, minlength=number) for row in centred])
    between = (sums**2 / sizes).sum(axis=1)
    within = (centred**2).sum(axis=1) - between
    typical = (n - (sizes**2).sum() / n) / (number - 1)
    one, other = between / (number - 1), within / max(n - number, 1)
    found: NDArray[np.float64] = (one - other) / np.maximum(one + (typical - 1) * other, 1e-12)
    return found
