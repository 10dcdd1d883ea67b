"""What can stop a promotion besides the gain: slices of the test split, and measures such as length and cost.

A slice is the examples that share a value of a field; the gate looks at each by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gpo.errors import SpecError, suggestion
from gpo.formatting import count, shorten
from gpo.gate.verdict import Measure
from gpo.records import Candidate, Example, Score, Usage
from gpo.spec.gate import MEASURES, GateSpec
from gpo.spec.task import TaskSpec
from gpo.words import split_words

MIN_SLICE_EXAMPLES = 10
"""Examples of a slice below which nothing can be said of it: losing five outright is the least that shows."""

_SHOWN = 5
"""Names of slices in a message."""


class SliceGroups(NamedTuple):
    """The ids of the examples of each slice, by `field=value`; and how many those have that are too small."""

    slices: Mapping[str, tuple[str, ...]]
    small: Mapping[str, int]


def group_by_slice(examples: Iterable[Example], fields: Sequence[str]) -> SliceGroups:
    """The slices of examples, by field in the given order and by value.

    >>> rows = [Example(id=str(n), inputs={}, reference="", slices={"style": "terse"}) for n in range(12)]
    >>> [(name, len(ids)) for name, ids in group_by_slice(rows, ["style"]).slices.items()]
    [('style=terse', 12)]
    """
    found: dict[tuple[int, str], list[str]] = {}
    for example in examples:
        for place, field in enumerate(fields):
            if (value := example.slices.get(field)) is not None:
                found.setdefault((place, value), []).append(example.id)
    named = {f"{fields[place]}={value}": ids for (place, value), ids in sorted(found.items())}
    return SliceGroups(
        slices={name: tuple(ids) for name, ids in named.items() if len(ids) >= MIN_SLICE_EXAMPLES},
        small={name: len(ids) for name, ids in named.items() if len(ids) < MIN_SLICE_EXAMPLES},
    )


def check_slices(rules: GateSpec, found: SliceGroups) -> None:
    """Raise SpecError for a margin of a slice that the test split does not have, or not enough of."""
    for name in rules.slice_margins:
        if name in found.small:
            raise SpecError(
                f"`gate.slice_margins` names '{name}', of which the test split has "
                f"{count(found.small[name], 'example')}; {MIN_SLICE_EXAMPLES} are needed: raise dataset.split.test, or "
                "take the margin out"
            )
        if name not in found.slices:
            raise SpecError(
                f"`gate.slice_margins` names '{name}', which no test example is in{suggestion(name, found.slices)}"
            )


def describe_unguarded(found: SliceGroups) -> str | None:
    """Which slices are too small to be guarded, in a sentence; None where none is."""
    if not found.small:
        return None
    shown = [f"`{shorten(name)}` ({size})" for name, size in list(found.small.items())[:_SHOWN]]
    more = len(found.small) - len(shown)
    names = ", ".join(shown) + (f" and {count(more, 'more slice')}" if more else "")
    return f"Slices of fewer than {MIN_SLICE_EXAMPLES} test examples are not guarded: {names}."


_CALLS = 1000


def measure_prompts(
    spec: TaskSpec,
    champion: tuple[Candidate, Score],
    challenger: tuple[Candidate, Score],
    *,
    challenger_spec: TaskSpec | None = None,
) -> dict[str, Measure | None]:
    """The measures by their names in `MEASURES`, in that order, from both prompts and their scores on the test split.

    None is what is not known of both; a cost is there only where a task model has a price. `challenger_spec` has the
    task model of the challenger, where it is another.
    """
    other = challenger_spec or spec
    theirs, ours = measures_of(spec, *champion), measures_of(other, *challenger)
    found: dict[str, Measure | None] = {}
    for name in MEASURES:
        if name == "cost" and spec.models.task.price is None and other.models.task.price is None:
            continue
        before, after = theirs[name], ours[name]
        known = before is not None and after is not None
        found[name] = Measure(champion=before, challenger=after) if known else None
    return found


def check_tokens(spec: TaskSpec, probed: Score) -> None:
    """Raise SpecError when a cost is limited and the first answers came without the tokens that it follows from."""
    usage = probed.usage.get("task", Usage())
    if "cost" in spec.gate.max_growth and usage.calls and _cost(spec, usage) is None:
        raise SpecError(
            f"`gate.max_growth` limits `cost`, and {spec.models.task.model} does not say how many tokens its answers "
            "take: limit `words` or `latency` instead"
        )


def measures_of(spec: TaskSpec, candidate: Candidate, score: Score) -> dict[str, float | None]:
    """What a prompt has of each measure by its name; None where it is not known."""
    seconds = score.timing.mean
    return {
        "words": float(len(split_words(candidate.instruction))),
        "latency": None if seconds is None else _rounded(seconds),
        "cost": _cost(spec, score.usage.get("task", Usage())),
    }


def _cost(spec: TaskSpec, usage: Usage) -> float | None:
    price = spec.models.task.price
    if price is None or not usage.calls or not usage.input_tokens + usage.output_tokens:
        return None
    return _rounded(price.of(usage) / usage.calls * _CALLS)


def _rounded(value: float) -> float:
    """To four digits: more would be noise, and is never shown."""
    return float(f"{value:.4g}")
