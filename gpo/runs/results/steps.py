"""What happened inside of a program for one example, as results keep it: bounded, however much it was."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from gpo.formatting import cut_middle, storable
from gpo.records import TracedCall

T = TypeVar("T")

StepResult = Mapping[str, object]
"""One step: its `number` from 1, `kind`, `part`, `name`, `model`, `input`, `output`, `error`, `seconds` and tokens.

What is empty is left out. Calls of tools are steps of their own, and stand in the output of the model that asked for
them; what a retriever gave is its output.
"""

MOST_STEPS = 24
"""Steps of an example that are kept: the first of them, and the last."""

MOST_CHARACTERS = 2000
"""Of what a step was given and of what it gave, with the middle left out."""

_LAST = 6


def steps_of(calls: Sequence[TracedCall]) -> tuple[StepResult, ...]:
    """The steps of a program's run; where there are too many, those in the middle are left out.

    >>> steps_of([TracedCall(text="Paris", part="plan", input="Where?", output_tokens=1)])
    ({'number': 1, 'kind': 'model', 'part': 'plan', 'input': 'Where?', 'output': 'Paris', 'output_tokens': 1},)
    """
    return tuple(_step(number, call) for number, call in _few(list(enumerate(calls, start=1))))


def cut_calls(calls: Sequence[TracedCall]) -> tuple[TracedCall, ...]:
    """The calls as far as they are kept, with their texts as far as these are, and numbers where some are left out."""
    return tuple(
        call.model_copy(
            update={
                **{name: cut_middle(getattr(call, name), MOST_CHARACTERS) for name in ("input", "text")},
                "number": number if len(calls) > MOST_STEPS else call.number,
            }
        )
        for number, call in _few(list(enumerate(calls, start=1)))
    )


def _few(calls: Sequence[T]) -> Sequence[T]:
    return calls if len(calls) <= MOST_STEPS else [*calls[: MOST_STEPS - _LAST], *calls[-_LAST:]]


def _step(number: int, call: TracedCall) -> StepResult:
    found = {
        "number": number,
        "kind": call.kind,
        "part": call.part,
        "name": call.name,
        "model": storable(call.model),
        "input": _kept(call.input),
        "output": _kept(call.text),
        "error": _kept(call.error),
        "seconds": call.seconds,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
    }
    return {name: value for name, value in found.items() if value not in ("", None, 0)}


def _kept(text: str) -> str:
    return storable(cut_middle(text, MOST_CHARACTERS))
