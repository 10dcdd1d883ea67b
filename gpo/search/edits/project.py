"""Brings a proposal within the edit budget of a step by leaving out whole sentences of what it changes.

The edit budget is GPO's learning rate (Tang et al., arXiv 2402.17564, section 3): how many words of the current prompt
one step may change. The paper asks the optimizer model to keep to it; here the distance is measured. Of a proposal that
goes too far, whole sentences are taken: each sentence of the current prompt is kept, left out or replaced by the one
that the proposal has in its place, and new ones come in whole. No sentence is made of words of both texts.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import regex

from gpo.search.edits.sentences import Unit, cut_units, ends_wide, is_whole
from gpo.words import compared_words, split_words, word_distance

_MUCH = 10_000
"""More words than a prompt has."""

_NUMBER = regex.compile(r"\d+")


class _Column(NamedTuple):
    """A place of the alignment: a unit of the current text, what the proposal has there, and the cost of taking it."""

    old: Unit | None
    new: Unit | None
    cost: int
    fixed: bool = False
    """Whether one of the two has to stand here: the first and the last clause, and the line that announces others."""


def project_onto_budget(current: str, proposal: str, budget: int | None) -> str:
    """The proposal, or as much of it as is at most `budget` words from `current`; `current` where nothing is.

    A proposal within the budget (or with budget None) comes back as it is. Of one beyond it, those sentences are taken
    that use the budget best, the earlier ones of equal choices. What it leaves out is left out only once all that it
    puts in the same place is there. The numbers of a list are set right.

    Raises:
        ValueError: `budget` is negative.

    >>> project_onto_budget("Judge the text.", "Judge the text. Think first. Answer with one word.", 5)
    'Judge the text. Answer with one word.'
    """
    if budget is not None and budget < 0:
        raise ValueError(f"a word budget cannot be negative, received {budget}")
    if budget is None or word_distance(current, proposal) <= budget:
        return proposal
    columns = list(_without_moves(_columns(cut_units(current), cut_units(proposal))))
    # The marks of a list may cost some words more than its items do.
    for limit in range(budget, 0, -1):
        chosen = _choose(columns, limit)
        result = _join(columns, chosen)
        if chosen and word_distance(current, result) <= budget:
            return result
    return current


def _columns(old: Sequence[Unit], new: Sequence[Unit]) -> list[_Column]:
    """The cheapest alignment of two rows of units; where both have parts, that of the parts."""
    return [each for a, b in _aligned(old, new) for each in _opened(a, b)]


def _aligned(old: Sequence[Unit], new: Sequence[Unit]) -> list[tuple[Unit | None, Unit | None]]:
    costs = [[_weight(a, b) for b in new] for a in old]
    removals, additions = [_weight(a, None) for a in old], [_weight(None, b) for b in new]
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) + 1):
        for j in range(len(new) + 1):
            ways = []
            if i and j:
                ways.append(table[i - 1][j - 1] + costs[i - 1][j - 1])
            if i:
                ways.append(table[i - 1][j] + removals[i - 1])
            if j:
                ways.append(table[i][j - 1] + additions[j - 1])
            table[i][j] = min(ways, default=0)
    pairs: list[tuple[Unit | None, Unit | None]] = []
    i, j = len(old), len(new)
    while i or j:
        if i and j and table[i][j] == table[i - 1][j - 1] + costs[i - 1][j - 1]:
            i, j = i - 1, j - 1
            pairs.append((old[i], new[j]))
        elif i and table[i][j] == table[i - 1][j] + removals[i - 1]:
            i -= 1
            pairs.append((old[i], None))
        else:
            j -= 1
            pairs.append((None, new[j]))
    return pairs[::-1]


def _weight(old: Unit | None, new: Unit | None) -> int:
    """What decides an alignment: equal units first, then the words that change, then those without punctuation."""
    if old is not None and new is not None and _same(old, new):
        return -_MUCH * _MUCH * len(split_words(old.text))
    a, b = (" ".join(compared_words(unit.text)) if unit is not None else "" for unit in (old, new))
    return _MUCH * _cost(old, new) + word_distance(a, b)


def _cost(old: Unit | None, new: Unit | None) -> int:
    """Words that change, but for the numbers of a list."""
    a, b = (_NUMBER.sub("1", unit.mark) + unit.text if unit is not None else "" for unit in (old, new))
    return word_distance(a, b)


def _opened(old: Unit | None, new: Unit | None) -> list[_Column]:
    """The columns of a pair: those of its parts where both sides have parts of one kind, else one."""
    if old is None or new is None or not (old.parts and new.parts and old.kind == new.kind) or _same(old, new):
        return [_Column(old, new, _cost(old, new))]
    a, b = _outer_gap(old), _outer_gap(new)
    if old.kind == "block":
        return [_fixed(a[0], b[0]), *_columns(a[1:], b[1:])]
    # The first clause has the capital letter and the last one the mark at the end.
    return [_fixed(a[0], b[0]), *_columns(a[1:-1], b[1:-1]), _fixed(a[-1], b[-1])]


def _fixed(old: Unit, new: Unit) -> _Column:
    return _Column(old, new, _cost(old, new), fixed=True)


def _outer_gap(unit: Unit) -> tuple[Unit, ...]:
    return (unit.parts[0]._replace(gap=unit.gap), *unit.parts[1:])


def _same(old: Unit | None, new: Unit | None) -> bool:
    """Whether two units say the same, whatever their numbers in a list."""
    return (
        old is not None
        and new is not None
        and _text(old) == _text(new)
        and _NUMBER.sub("1", old.mark.strip()) == _NUMBER.sub("1", new.mark.strip())
    )


def _text(unit: Unit) -> str:
    return " ".join(split_words(unit.text))


def _said(unit: Unit) -> set[str]:
    """The texts of a unit and of its parts."""
    return {_text(unit)}.union(*map(_said, unit.parts))


def _without_moves(columns: Sequence[_Column]) -> Iterator[_Column]:
    """The columns, with the units that both texts have in different places kept where they are: none comes twice."""
    olds = {text for each in columns if each.old is not None for text in _said(each.old)}
    news = {text for each in columns if each.new is not None for text in _said(each.new)}
    for column in columns:
        old, new = column.old, column.new
        stays = old is not None and not news.isdisjoint(_said(old))
        is_old = new is not None and not olds.isdisjoint(_said(new))
        if _same(old, new) or not (stays or is_old):
            yield column
        elif old is not None:
            if new is not None and not is_old and not column.fixed:
                yield _Column(None, new, _cost(None, new))
            yield _Column(old, old, 0)


def _choose(columns: Sequence[_Column], limit: int) -> set[int]:
    """The numbers of the columns to take, whose costs come as near to the limit as they can."""
    best: dict[int, tuple[int, ...]] = {0: ()}
    for number, (old, new, cost, _) in enumerate(columns):
        if new is not None and not _same(old, new):
            for spent in sorted(best, reverse=True):
                if spent + cost <= limit:
                    best.setdefault(spent + cost, (*best[spent], number))
    spent = max(best)
    chosen = set(best[spent])
    for number, (_, new, cost, _) in enumerate(columns):
        if new is None and spent + cost <= limit and _has_come(columns, number, chosen):
            chosen.add(number)
            spent += cost
    return chosen


def _has_come(columns: Sequence[_Column], place: int, chosen: Collection[int]) -> bool:
    """Whether all that the proposal has in the place of a unit that it leaves out was taken."""
    start = end = place
    while start and not _same(columns[start - 1].old, columns[start - 1].new):
        start -= 1
    while end + 1 < len(columns) and not _same(columns[end + 1].old, columns[end + 1].new):
        end += 1
    return all(number in chosen for number in range(start, end + 1) if columns[number].new is not None)


def _join(columns: Iterable[_Column], chosen: Collection[int]) -> str:
    """The text of the chosen columns and of what stays of the others."""
    text = ""
    before: Unit | None = None
    # Of a numbered list: the last number, and the first one of items that were left out.
    number = left_out = 0
    for place, (old, new, *_) in enumerate(columns):
        unit = new if place in chosen else old
        if unit is None:
            if old is not None and (found := _NUMBER.search(old.mark)):
                left_out = left_out or int(found[0])
            continue
        if not unit.gap and new is not None and _same(old, new):
            unit = unit._replace(gap=new.gap)
        mark = unit.mark
        if found := _NUMBER.search(mark):
            follows = before is not None and before.kind == "item" and number
            number = number + 1 if follows else min(int(found[0]), left_out or int(found[0]))
            mark = _NUMBER.sub(str(number), mark, count=1)
        else:
            number = 0
        left_out = 0
        text += ("" if before is None else _gap(before, unit)) + mark + unit.text
        before = unit
    return text


def _gap(before: Unit, unit: Unit) -> str:
    """The whitespace between two units, which may not have been neighbours."""
    if "\n" in unit.gap:
        return unit.gap
    if "item" in {before.kind, unit.kind} or "block" in {before.kind, unit.kind} or not is_whole(before.text):
        return "\n"
    return unit.gap or ("" if ends_wide(before.text) else " ")
