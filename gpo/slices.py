"""Slices of the test split: the examples that share a value of a field, guarded each for itself by the gate."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gpo.errors import SpecError, suggestion
from gpo.gate_spec import GateSpec
from gpo.records import Example
from gpo.wording import count, shortened

FEWEST = 10
"""Examples of a slice below which nothing can be said of it: losing five outright is the least that shows."""

_SHOWN = 5


class Sliced(NamedTuple):
    """The ids of the examples of each slice, by `field=value`; and how many those have that are too small."""

    slices: Mapping[str, tuple[str, ...]]
    small: Mapping[str, int]


def sliced(examples: Iterable[Example], fields: Sequence[str]) -> Sliced:
    """The slices of examples, by field in the given order and by value.

    >>> rows = [Example(id=str(n), inputs={}, reference="", slices={"style": "terse"}) for n in range(12)]
    >>> [(name, len(ids)) for name, ids in sliced(rows, ["style"]).slices.items()]
    [('style=terse', 12)]
    """
    found: dict[tuple[int, str], list[str]] = {}
    for example in examples:
        for place, field in enumerate(fields):
            if (value := example.slices.get(field)) is not None:
                found.setdefault((place, value), []).append(example.id)
    named = {f"{fields[place]}={value}": ids for (place, value), ids in sorted(found.items())}
    return Sliced(
        slices={name: tuple(ids) for name, ids in named.items() if len(ids) >= FEWEST},
        small={name: len(ids) for name, ids in named.items() if len(ids) < FEWEST},
    )


def check_slices(rules: GateSpec, found: Sliced) -> None:
    """Raise SpecError for a margin of a slice that the test split does not have, or not enough of."""
    for name in rules.slice_margins:
        if name in found.small:
            raise SpecError(
                f"`gate.slice_margins` names '{name}', of which the test split has "
                f"{count(found.small[name], 'example')}; {FEWEST} are needed: raise dataset.split.test, or take the "
                "margin out"
            )
        if name not in found.slices:
            raise SpecError(
                f"`gate.slice_margins` names '{name}', which no test example is in{suggestion(name, found.slices)}"
            )


def unguarded(found: Sliced) -> str | None:
    """Which slices are too small to be guarded, in a sentence; None where none is."""
    if not found.small:
        return None
    shown = [f"`{shortened(name)}` ({size})" for name, size in list(found.small.items())[:_SHOWN]]
    more = len(found.small) - len(shown)
    names = ", ".join(shown) + (f" and {count(more, 'more slice')}" if more else "")
    return f"Slices of fewer than {FEWEST} test examples are not guarded: {names}."
