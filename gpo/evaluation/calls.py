"""How many model calls the scoring of an example takes."""

from collections.abc import Mapping

from gpo.scoring.spec import is_judged
from gpo.spec.models import ModelRole
from gpo.spec.task import TaskSpec

_JUDGED_TWICE = 2

Calls = Mapping[ModelRole, int]
"""Numbers of calls by the role of the model."""


def example_calls(spec: TaskSpec) -> Calls:
    """The most calls that scoring one example can need: the answer, its extraction, and a grade asked for twice.

    How many a program makes is known only after it ran: it is planned with what its spec says.
    """
    task = 1 if spec.answer.extract is None else 2
    if spec.target is not None:
        task = spec.calls_of_target
    return {"task": task, "judge": _JUDGED_TWICE} if is_judged(spec.metric) else {"task": task}


def calls_an_example(spec: TaskSpec) -> int:
    """The most calls of all models that scoring one example can need."""
    return sum(example_calls(spec).values())
