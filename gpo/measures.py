"""What a run measures of both prompts besides their scores: how long they are, how fast and how dear their answers."""

from gpo.errors import SpecError
from gpo.gate_spec import MEASURES
from gpo.records import Candidate, Score, Usage
from gpo.spec import TaskSpec
from gpo.verdict import Measure

_CALLS = 1000


def measures_of(
    spec: TaskSpec, champion: tuple[Candidate, Score], challenger: tuple[Candidate, Score]
) -> dict[str, Measure | None]:
    """The measures by their names in `MEASURES`, in that order, from both prompts and their scores on the test split.

    None is what is not known of both; a cost is there only where the task model has a price.
    """
    theirs, ours = (_values(spec, *each) for each in (champion, challenger))
    found: dict[str, Measure | None] = {}
    for name in MEASURES:
        if name == "cost" and spec.models.task.price is None:
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


def _values(spec: TaskSpec, candidate: Candidate, score: Score) -> dict[str, float | None]:
    seconds = score.timing.mean
    return {
        "words": float(len(candidate.instruction.split())),
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
