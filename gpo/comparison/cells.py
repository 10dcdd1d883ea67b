"""The cells of a comparison: the spec of each, from the task's spec and a method, with equal calls for all."""

from typing import Any

from pydantic import ValidationError

from gpo.comparison.arms import Arm
from gpo.errors import InputError
from gpo.records import Record
from gpo.search.plan import fit_to_calls
from gpo.search.run_limits import SplitSizes
from gpo.spec.method import SIZES, Method, OptimizerSpec
from gpo.spec.task import BudgetSpec, TaskSpec


class TaskPlan(Record):
    """What the cells of a task share: split sizes, and task-model calls of a search.

    `candidates` of a step are the same for all methods where they were given; None: each has its own.
    """

    name: str
    dev: int
    test: int
    train: int
    candidates: int | None = None
    calls: int

    @property
    def sizes(self) -> SplitSizes:
        """The sizes of the splits."""
        return SplitSizes(train=self.train, dev=self.dev, test=self.test)


def cell_spec(spec: TaskSpec, arm: Arm, task: TaskPlan) -> TaskSpec:
    """The spec of a task's cells with one method: equal calls for all, and each method as its users have it.

    What the task's spec gives for all methods stays, a race for those without a test of their own; the method that it
    names and its sizes give way to the arm's. Steps and patience follow from the calls. A limit on tokens or money
    stays; one on all calls together gives way, as it would cut methods short unequally.

    Raises:
        InputError: the method does not go with the rest of the task's `optimizer`.
    """
    given = {name: value for name, value in dict(spec.optimizer).items() if name not in _OF_THE_ARM}
    sizes = {**SIZES.get(arm.preset, {}), **_own_sizes(spec.optimizer)}
    method = {**dict(arm.method), "preset": arm.preset, **_own_race(spec.optimizer, arm, task)}
    if task.candidates is not None:
        sizes = {**sizes, "candidates": task.candidates}
    try:
        optimizer = OptimizerSpec.model_validate({**given, **sizes, **method})
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"{spec.name} with the method {arm.name}: {problem}; or leave that method out") from None
    budget = BudgetSpec(max_task_calls=task.calls, max_tokens=spec.budget.max_tokens, max_cost=spec.budget.max_cost)
    gate = spec.gate.model_copy(update={"stop_early": False})  # all cells are compared on the same examples
    own = spec.model_copy(update={"optimizer": optimizer, "budget": budget, "gate": gate, "seed": 0})
    return fit_to_calls(own, task.sizes).spec


_OF_THE_ARM = {*Method.model_fields, "preset", "race_after", "candidates", "batch", "k", "max_steps", "patience"}


def _own_sizes(options: OptimizerSpec) -> dict[str, int]:
    """The sizes that a spec gives itself, and not by naming a preset."""
    usual = OptimizerSpec(preset=options.preset)
    return {
        name: getattr(options, name)
        for name in ("candidates", "batch", "k")
        if getattr(options, name) != getattr(usual, name)
    }


def _own_race(options: OptimizerSpec, arm: Arm, task: TaskPlan) -> dict[str, Any]:
    """The race of the task's spec, for a method that has no test of its own, where it can end a candidate early."""
    first = options.race_after
    races = first is not None and not arm.method.tries_cases and 2 * first < task.dev
    return {"accept": "race", "race_after": first} if races else {"race_after": None}
