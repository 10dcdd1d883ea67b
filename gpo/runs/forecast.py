"""What a run is going to take, before its first call: calls, tokens, cost and time, and how sure that is."""

import math
from collections.abc import Mapping
from typing import get_args

from gpo.data.splits import load_splits
from gpo.database.engine import open_state
from gpo.evaluation.calls import Calls, example_calls
from gpo.evaluation.few_shot import demonstrations
from gpo.evaluation.list_prices import list_cost
from gpo.models.clients.rate import NO_LIMITS, Server, limits_of, server_of
from gpo.models.ledger_admin import MeanCall, mean_calls
from gpo.records import Record, Splits, Usage
from gpo.runs.job import Job
from gpo.search.plan import describe_aims, fit_to_calls, likely_steps, search_calls
from gpo.search.run_limits import PROBES, calls_of_step, sizes_of, total_calls
from gpo.spec.models import ModelRole
from gpo.spec.task import TaskSpec
from gpo.template import as_text, render

_SEEN = 20
"""Dev examples by whose length that of a question is judged."""

_BYTES_A_TOKEN = 4
_GUESSED_ANSWER = 40
"""Tokens of an answer where no model has given one yet."""


class Forecast(Record):
    """What a run is going to take, at the most: a search may end before, and the ledger may have answers already.

    `search` and `proof` are calls by role. `usage` has calls and tokens by role. `cost` is None where no model has a
    price, `seconds` where no answer of these models is kept. `least_seconds` is what the limits of a minute alone take,
    of the server that is waited for the longest; None where there is no limit. `known` counts the kept answers that
    tokens and time go by; 0: they go by the length of the texts. `told` says how the search was fitted to its calls, if
    it was. `list_cost` is the cost in US dollars by list prices, where the spec names no price and all models are
    listed.
    """

    steps: int
    search: Mapping[str, int]
    proof: Mapping[str, int]
    usage: Mapping[str, Usage]
    cost: float | None
    seconds: float | None
    known: int
    told: str = ""
    aims: tuple[str, ...] = ()
    list_cost: float | None = None
    least_seconds: float | None = None


def forecast(job: Job) -> Forecast:
    """What a run of the job is going to take. Reads the data and the ledger; calls nothing and writes nothing.

    Raises:
        InputError: what is wrong with the data.
        StateError: the database cannot be used.
    """
    splits = load_splits(job.spec)
    fitted = fit_to_calls(job.spec, sizes_of(splits))
    spec, sizes = fitted.spec, sizes_of(splits)
    steps = likely_steps(spec, sizes)
    search, proof = _search_calls(spec, splits, steps), _times(example_calls(spec), 2 * sizes.test)
    kept = _kept(job)
    guessed = _guess(spec, splits)
    usage: dict[str, Usage] = {}
    known = 0
    for role, calls in total_calls([search, proof]).items():
        mean = kept.get(role)
        known += mean.answers if mean else 0
        tokens_in, tokens_out = (mean.input_tokens, mean.output_tokens) if mean else guessed[role]
        usage[role] = Usage(
            calls=calls, input_tokens=math.ceil(calls * tokens_in), output_tokens=math.ceil(calls * tokens_out)
        )
    cost = spec.models.cost(usage)
    seconds, least = _times_of(spec, usage, kept)
    return Forecast(
        steps=steps,
        search=search,
        proof=proof,
        usage=usage,
        cost=cost,
        list_cost=list_cost(spec.models, usage, get_args(ModelRole)) if cost is None else None,
        seconds=seconds,
        least_seconds=least,
        known=known,
        told=fitted.told,
        aims=describe_aims(spec.optimizer, spec.few_shot),
    )


def _times_of(
    spec: TaskSpec, usage: Mapping[str, Usage], kept: Mapping[ModelRole, MeanCall]
) -> tuple[float | None, float | None]:
    """About how long the calls take, and how long at the least by the limits of a minute; None where nobody knows.

    Roles of one server share its limit, so their calls are counted together. Of several servers the slowest alone is
    certain: while one is asked, the others' minutes pass.
    """
    limits, seconds, waits = limits_of(spec.models), 0.0, [0.0]
    by_server: dict[Server, list[ModelRole]] = {}
    for role in get_args(ModelRole):
        if role in usage:
            by_server.setdefault(server_of(spec.models.of(role)), []).append(role)
    for server, roles in by_server.items():
        total = sum((usage[role] for role in roles), Usage())
        tokens = total.input_tokens + total.output_tokens
        waits.append(limits.get(server, NO_LIMITS).seconds(total.calls, tokens))
        # Not a number stays so: it is no less than the limit.
        seconds += max(sum(_seconds(spec, role, kept, usage[role].calls) for role in roles), waits[-1])
    return None if math.isnan(seconds) else seconds, max(waits) or None


def _seconds(spec: TaskSpec, role: ModelRole, kept: Mapping[ModelRole, MeanCall], calls: int) -> float:
    """About how long the calls of a role take, as many side by side as may be; NaN where no time is known."""
    mean = kept.get(role)
    if mean is None or mean.seconds is None:
        return math.nan
    return calls * mean.seconds / spec.models.of(role).max_concurrency


def _search_calls(spec: TaskSpec, splits: Splits, steps: int) -> dict[ModelRole, int]:
    """The calls of the search by role; a cap on those of the task model is what they come to."""
    start = _times(example_calls(spec), len(splits.dev))
    found = total_calls([start, {"optimizer": PROBES}, _times(calls_of_step(spec, len(splits.dev)), steps)])
    cap = search_calls(spec, sizes_of(splits))
    return dict(found) if cap is None else {**found, "task": min(cap, found["task"])}


def _times(calls: Calls, times: int) -> dict[ModelRole, int]:
    return {role: number * times for role, number in calls.items()}


def _kept(job: Job) -> dict[ModelRole, MeanCall]:
    """What calls of the spec's models took so far, by role."""
    if not job.settings.has_database(job.home):
        return {}
    with open_state(job.settings, job.home) as engine:
        means = mean_calls(engine)
    names = {role: job.spec.models.of(role).model.rpartition(":")[2] for role in get_args(ModelRole)}
    found = {role: [mean for mean in means if mean.role == role and name in mean.model] for role, name in names.items()}
    return {role: max(each, key=lambda mean: mean.answers) for role, each in found.items() if each}


def _guess(spec: TaskSpec, splits: Splits) -> dict[ModelRole, tuple[float, float]]:
    """Tokens of a call by role, in and out, by the length of the texts."""
    seen, shown = splits.dev[:_SEEN], demonstrations(spec, splits)
    if spec.optimizer.searches_demonstrations:  # as many as there may be
        shown = (*shown, *splits.train)[: max(spec.few_shot, spec.optimizer.max_demonstrations)]
    asked = (render(spec.prompt.template, spec.prompt.instruction, each.inputs, shown) for each in seen)
    length = sum(len(as_text(messages).encode("utf-8", "replace")) for messages in asked)
    task = length / max(1, len(seen)) / _BYTES_A_TOKEN
    optimizer = task * (1 + spec.optimizer.examples)
    return {
        "task": (task, _GUESSED_ANSWER),
        "judge": (task + 2 * _GUESSED_ANSWER, _GUESSED_ANSWER),
        "optimizer": (optimizer, len(spec.prompt.instruction) / _BYTES_A_TOKEN + _GUESSED_ANSWER),
    }
