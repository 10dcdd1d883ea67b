"""What `gpo spec init` found in a data file, what it guessed, and what it left out."""

from collections.abc import Iterator
from itertools import chain, starmap
from typing import TYPE_CHECKING

from gpo.formatting import count
from gpo.gate.statistics import detectable_gain

if TYPE_CHECKING:
    from gpo.data.guessing.guess import Guess
    from gpo.data.starter import Starter

_VARIANCE = 0.15
"""Of the differences of two prompts whose answers differ in 15% of the examples, as they often do."""

_MOST_LABELS = 12
_MOST_ALIKE = 4
_WIDTH = 10


def starter_text(starter: "Starter") -> str:
    """What was found, a line each, the spec's parts first."""
    return "\n".join(f"{name:<{_WIDTH}}{text}" for name, text in _lines(starter))


def _lines(starter: "Starter") -> Iterator[tuple[str, str]]:
    found = starter.found.guess
    yield "data", _data(starter)
    for number, (variable, field) in enumerate(found.inputs.items()):
        origin = "" if field == variable else f" from `{field}`"
        kind = found.special.get(variable) or ("messages with their roles" if variable in found.conversations else "")
        yield ("" if number else "input"), f"{{{{{variable}}}}}{origin}{f', {kind}' if kind else ''}"
    yield "answer", _answer(starter)
    if found.feedback:
        yield "feedback", f"`{found.feedback}`, told of training rows to the model that writes instructions"
    if found.solution:
        yield "solution", f"`{found.solution}`, no input: what leads to the answer, which demonstrations show"
    if found.id:
        yield "id", f"`{found.id}`"
    yield "metric", found.answer.metric
    yield "splits", _splits(starter)
    yield "proof", _proof(len(starter.splits.test))
    for name, told in (("left out", _left_out(starter)), ("note", [*starter.remarks, *starter.splits.notes])):
        for number, text in enumerate(told):
            yield ("" if number else name), text


def _data(starter: "Starter") -> str:
    found = starter.found
    why = f", {found.guess.encoding} ({found.encoding_why})" if found.encoding_why else ""
    between = f", separated by {_separator(found.guess.delimiter)}" if found.guess.delimiter else ""
    sheet = f" of the sheet `{found.guess.sheet}`, --sheet names another" if found.guess.sheet else ""
    seen = (
        f", of which {len(found.rows):,}, drawn at random, were looked at for what follows"
        if found.is_from_sample
        else ""
    )
    return f"{count(found.total, 'row')}{seen}{sheet}{why}{between}"


def _separator(delimiter: str) -> str:
    return "tabs" if delimiter == "\t" else f"`{delimiter}`"


def _answer(starter: "Starter") -> str:
    found = starter.found.guess
    others = f"; could also be {_few([f'`{name}`' for name in found.others])}: --reference" if found.others else ""
    return f"`{found.reference}`, {_kind(starter, found)}{others}"


def _kind(starter: "Starter", found: "Guess") -> str:
    kind = found.answer.spec.kind
    labels = starter.labels
    if labels is None:
        return f"kind {kind}"
    shown = [f"{label} ({number})" for label, number in labels.items()]
    more = f" and {len(shown) - _MOST_LABELS} more" if len(shown) > _MOST_LABELS else ""
    return f"kind {kind}: {', '.join(shown[:_MOST_LABELS])}{more}"


def _splits(starter: "Starter") -> str:
    splits, found = starter.splits, starter.found.guess
    parts = {"train": splits.train, "dev": splits.dev, "test": splits.test}
    sizes = ", ".join(f"{len(examples)} {name}" for name, examples in parts.items())
    if found.split_field:
        return f"{sizes}, as `{found.split_field}` says"
    return f"{sizes}, each value of `{found.group}` in one of them" if found.group else sizes


def _proof(examples: int) -> str:
    gain = detectable_gain(examples, _VARIANCE)
    if gain >= 1:
        return f"{count(examples, 'test example')} prove no gain: add rows"
    return (
        f"{count(examples, 'test example')} show a gain of {gain:.2f} or more, four times out of five, where two"
        " prompts differ in 15% of their answers"
    )


def _left_out(starter: "Starter") -> list[str]:
    alike: dict[str, list[str]] = {}
    for field, why in starter.found.guess.left_out:
        alike.setdefault(why, []).append(_named(field))
    return [*chain.from_iterable(starmap(_together, alike.items())), *starter.splits.left_out]


def _together(why: str, fields: list[str]) -> list[str]:
    """Columns that are left out for one reason: a line each, or one line for many."""
    if len(fields) <= _MOST_ALIKE:
        return [f"{field} {why}" for field in fields]
    return [f"{_few(fields)}: each {why}"]


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_ALIKE} more" if len(names) > _MOST_ALIKE else ""
    return f"{', '.join(names[:_MOST_ALIKE])}{more}"


def _named(field: str) -> str:
    return f"`{field}`" if field else "the column without a name"
