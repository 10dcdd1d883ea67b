"""What a search aims at: the score alone, or several objectives, some of them with a weight or a bound.

objectives: [score, words]
objectives: {score:, words: at most 80, latency: 0.1}
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator

Objective = Literal["score", "words", "latency", "cost"]

UNITS: Mapping[Objective, str] = {
    "words": "words of the instruction",
    "latency": "seconds a call",
    "cost": "cost of 1,000 calls",
}
"""What is less in a better prompt, and in what it is counted."""

_BOUND = re.compile(r"at most\s+(\d+(?:\.\d+)?)")


def _read(value: object) -> object:
    """The objectives with what is said of each: nothing, what one unit costs in score, or a bound."""
    found = dict.fromkeys(value) if isinstance(value, list | tuple) else value
    if not isinstance(found, dict) or not found:
        return {} if value in ([], ()) else value
    if "score" not in found or len(found) < 2:
        raise ValueError(f"`objectives` names the score and at least one of {', '.join(UNITS)}")
    for name, aim in found.items():
        if name not in get_args(Objective):
            raise ValueError(f"`objectives` names '{name}'; allowed: {', '.join(get_args(Objective))}")
        if not _is_aim(name, aim):
            raise ValueError(
                f"`objectives.{name}` is {aim!r}; give nothing, a bound such as `at most 80`, or what one "
                f"of it costs in score, as 0.001; the score itself has none of these"
            )
    return found


def _is_aim(name: object, aim: object) -> bool:
    if aim is None:
        return True
    is_weight = isinstance(aim, int | float) and not isinstance(aim, bool) and aim > 0
    return name != "score" and (is_weight or (isinstance(aim, str) and _BOUND.fullmatch(aim.strip()) is not None))


Objectives = Annotated[Mapping[Objective, float | str | None], BeforeValidator(_read)]
"""Each objective with nothing, a weight or a bound; empty where the score alone counts."""


def bounds_of(objectives: Mapping[Objective, float | str | None]) -> dict[Objective, float]:
    """The most that a prompt may have of an objective, where that is said.

    >>> bounds_of({"score": None, "words": "at most 80", "cost": 0.5})
    {'words': 80.0}
    """
    found = {name: _BOUND.fullmatch(aim.strip()) for name, aim in objectives.items() if isinstance(aim, str)}
    return {name: float(match[1]) for name, match in found.items() if match}


def weights_of(objectives: Mapping[Objective, float | str | None]) -> dict[Objective, float]:
    """What one unit of an objective costs in score, where that is said.

    >>> weights_of({"score": None, "words": "at most 80", "cost": 0.5})
    {'cost': 0.5}
    """
    return {name: float(aim) for name, aim in objectives.items() if isinstance(aim, int | float)}


def check_objectives(objectives: Mapping[Objective, float | str | None], *, priced: bool) -> None:
    """Raise ValueError for an objective that cannot be measured: a cost without a price."""
    if "cost" in objectives and not priced:
        raise ValueError(
            "`optimizer.objectives` names `cost`, and `models.task` has no price: write `price: {input: ..., output: "
            "...}` at it, for a million tokens"
        )


def check_race(objectives: Mapping[Objective, float | str | None], accept: str) -> None:
    """Raise ValueError for several objectives with a race: by score alone, it drops what the front is to keep."""
    if objectives and accept == "race":
        raise ValueError(
            f"`objectives` names {', '.join(objectives)}, and `accept: race` drops a prompt that scores a little lower "
            "before it can be on their front; choose `accept: none` without `race_after`, or leave `objectives` out"
        )


def describe_objectives(objectives: Mapping[Objective, float | str | None]) -> str:
    """The objectives in words, and which prompt of their front goes to the gate.

    >>> describe_objectives({"score": None, "words": "at most 80", "cost": 0.5})
    'score, words (at most 80), cost (1 costs 0.5 in score); the best of all by that goes to the gate'
    """
    told = [name + _describe_aim(aim) for name, aim in objectives.items()]
    chosen = "the best of all by that" if weights_of(objectives) else "the best by score"
    return f"{', '.join(told)}; {chosen} goes to the gate"


def _describe_aim(aim: float | str | None) -> str:
    if aim is None:
        return ""
    return f" ({aim})" if isinstance(aim, str) else f" (1 costs {aim:g} in score)"
