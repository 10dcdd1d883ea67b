"""The Pareto front of a run with several objectives, as a table: what each prompt that no other beats has of them."""

from gpo.formatting import fraction, shorten
from gpo.runs.outcome import Outcome
from gpo.search.objectives.front import Standpoint
from gpo.spec.search.objectives import UNITS

_DIGITS = "{:.4g}"


def front_head(outcome: Outcome) -> tuple[str, ...]:
    """The head of the table; empty where the score alone counts."""
    if not outcome.front:
        return ()
    return ("Candidate", *(_NAMES.get(name, name) for name in outcome.front[0].values), "Instruction")


def front_rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """A row for each prompt of the front, the best score first; the one that goes to the gate is marked.

    The score is the one that counts: where the method tells luck from quality, what is expected of the prompt.
    """
    return [(_name(outcome, each), *_values(each), shorten(each.candidate.instruction)) for each in outcome.front]


def describe_front(outcome: Outcome) -> str:
    """How many prompts are on the front and which one goes to the gate; empty where the score alone counts."""
    if not outcome.front:
        return ""
    best = outcome.best.candidate
    if best.id == outcome.start.candidate.id:
        return (
            "No new prompt goes to the gate: the start is the best of those within the bounds, or none is within them"
        )
    counted = "the score is what is expected of each, and the charts have that of dev" if outcome.expected else ""
    return "; ".join(filter(None, [f"{best.label} goes to the gate", "the others are there to choose from", counted]))


_NAMES = {"score": "Score", **{str(name): unit.capitalize() for name, unit in UNITS.items()}}


def _name(outcome: Outcome, each: Standpoint) -> str:
    candidate = each.candidate
    label = "start" if candidate.id == outcome.start.candidate.id else candidate.label
    return f"{label} (to the gate)" if candidate.id == outcome.best.candidate.id and label != "start" else label


def _values(each: Standpoint) -> list[str]:
    shown = {name: "-" if value is None else _DIGITS.format(value) for name, value in each.values.items()}
    return [fraction(each.values["score"] or 0.0), *(text for name, text in shown.items() if name != "score")]
