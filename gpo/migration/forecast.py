"""What a migration is going to take, at the most, before its first call: for each model, and for all of them."""

import math
from collections.abc import Sequence
from typing import get_args

from gpo.evaluation.calls import example_calls
from gpo.evaluation.list_prices import list_cost
from gpo.migration.plan import MigrationPlan
from gpo.records import Record, Usage, UsageByRole
from gpo.runs.forecast import Forecast, forecast
from gpo.spec.models import ModelRole
from gpo.spec.task import TaskSpec


class ModelForecast(Record):
    """Calls and tokens by role of one model: for its scores on dev and test, and, at the most, for its search."""

    model: str
    scores: UsageByRole
    search: UsageByRole
    cost: float | None


class MigrationForecast(Record):
    """What a migration is going to take, at the most; the present model is the first. Costs are None without a price.

    `known` counts the kept answers that tokens go by; 0: they go by the length of the texts.
    """

    models: tuple[ModelForecast, ...]
    calls: int
    cost: float | None
    known: int


def forecast_migration(plan: MigrationPlan) -> MigrationForecast:
    """What a migration is going to take. Reads the ledger; calls nothing and writes nothing.

    Raises:
        StateError: the database cannot be used.
    """
    whole = [forecast(plan.job_of(plan.contender(place).spec, searches=True)) for place in range(len(plan.models))]
    parts = [_of_model(plan, place, found) for place, found in enumerate(whole)]
    costs = [part.cost for part in parts if part.cost is not None]
    return MigrationForecast(
        models=tuple(parts),
        calls=sum(_calls([part.scores, part.search]) for part in parts),
        cost=math.fsum(costs) if costs else None,
        known=sum(found.known for found in whole),
    )


def _of_model(plan: MigrationPlan, place: int, found: Forecast) -> ModelForecast:
    spec = plan.contender(place).spec
    scored: dict[str, Usage] = {
        role: _scaled(found.usage[role], number * (len(plan.splits.dev) + len(plan.splits.test)))
        for role, number in example_calls(spec).items()
    }
    searched: UsageByRole = {}
    if place and plan.optimize != "none":
        # The search scores the start on dev, and proves start and best on test: what the pair needs is among that.
        rest = {role: usage.calls - scored.get(role, Usage()).calls for role, usage in found.usage.items()}
        searched = {role: _scaled(found.usage[role], calls) for role, calls in rest.items() if calls > 0}
    return ModelForecast(model=plan.names[place], scores=scored, search=searched, cost=_cost(spec, [scored, searched]))


def _scaled(usage: Usage, calls: int) -> Usage:
    share = calls / max(1, usage.calls)
    return Usage(
        calls=calls,
        input_tokens=math.ceil(usage.input_tokens * share),
        output_tokens=math.ceil(usage.output_tokens * share),
    )


def _calls(parts: Sequence[UsageByRole]) -> int:
    return sum(usage.calls for part in parts for usage in part.values())


def _cost(spec: TaskSpec, parts: Sequence[UsageByRole]) -> float | None:
    usage: dict[str, Usage] = {}
    for part in parts:
        for role, each in part.items():
            usage[role] = usage.get(role, Usage()) + each
    known = spec.models.cost(usage)
    return list_cost(spec.models, usage, get_args(ModelRole)) if known is None else known
