"""The results of a comparison: a row for each run, means over seeds with intervals, wins and losses, learning curves.

Scores are fractions of 1. An interval over seeds says how much the result depends on the luck of the search; the test
examples are the same for all seeds, so how much it depends on them shows in the paired intervals of the wins.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from gpo.comparison.arms import Arm
from gpo.comparison.cells import TaskPlan
from gpo.comparison.plan import Cell, Plan
from gpo.comparison.statistics import Spread, rounded, spread_over_seeds
from gpo.errors import GpoError
from gpo.formatting import printable
from gpo.gate.rule import paired_gain
from gpo.records import Interval, Record, Score, Usage
from gpo.runs.outcome import Outcome
from gpo.search.run_limits import search_usage

ALL_TASKS = "all tasks"

START = "start"
"""The start prompt, as an opponent."""


class CellRow(Record):
    """One run. `error` is set, and the numbers are None, where it failed.

    Calls and tokens are counted in full, whether they were paid for in this run or found in the ledger; `task_calls`
    are those of the search alone, which the budget is for. `cost` is in the currency of the models' prices, None
    without prices. `wall_s` is the time that the run took, with whatever the ledger saved.
    """

    task: str
    arm: str
    seed: int
    run_id: str | None = None
    start_dev: float | None = None
    start_test: float | None = None
    dev: float | None = None
    test: float | None = None
    test_low: float | None = None
    test_high: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    steps: int | None = None
    stopped: str | None = None
    evaluated: int | None = None
    task_calls: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    wall_s: float | None = None
    error: str | None = None
    spec: str = ""
    instruction: str | None = None


class CurvePoint(Record):
    """The best dev score of one run after so many task-model calls."""

    task: str
    arm: str
    seed: int
    calls: int
    best_dev: float


class Summary(Record):
    """One method on one task, or on all together: means over the seeds whose runs are all there."""

    task: str
    arm: str
    seeds: int
    failed: int
    test: Spread | None
    dev: Spread | None
    gain: Spread | None
    task_calls: float | None
    tokens: float | None
    cost: float | None
    wall_s: float | None


class Duel(Record):
    """One method against another, or against the start prompt: pairs of equal task and seed, by mean test score.

    The mean is that of the examples which both have a score of: a call that failed decides nothing.

    Of the wins and losses, the clear ones are those whose paired 95% interval leaves out 0; where the examples come in
    groups, it is by group.
    """

    arm: str
    against: str
    wins: int
    ties: int
    losses: int
    clear_wins: int
    clear_losses: int


class Comparison(Record):
    """A whole comparison, for the reports and for other programs. `schema_version` grows when a field changes."""

    schema_version: Literal[1] = 1
    id: str
    title: str
    reference: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    tasks: tuple[TaskPlan, ...]
    cells: tuple[CellRow, ...]
    summary: tuple[Summary, ...]
    duels: tuple[Duel, ...]
    curves: tuple[CurvePoint, ...]

    @property
    def failed(self) -> tuple[CellRow, ...]:
        """The runs that failed."""
        return tuple(row for row in self.cells if row.error is not None)

    def summaries_of(self, task: str) -> tuple[Summary, ...]:
        """The summary of one task, or of `ALL_TASKS`, one row a method."""
        return tuple(row for row in self.summary if row.task == task)


class ComparisonError(GpoError):
    """Some runs of a comparison failed; `comparison` has the results of the others."""

    def __init__(self, message: str, comparison: Comparison) -> None:
        super().__init__(message)
        self.comparison = comparison


def compare_outcomes(plan: Plan, outcomes: Mapping[Cell, Outcome], errors: Mapping[Cell, str]) -> Comparison:
    """The results of a plan from the outcomes and errors of its runs."""
    rows = tuple(_cell_row(cell, outcomes.get(cell), errors.get(cell)) for cell in plan.cells)
    tasks = [task.name for task in plan.tasks]
    groups = [(ALL_TASKS, tasks), *((name, [name]) for name in tasks)] if len(tasks) > 1 else [(tasks[0], tasks)]
    opponents = [*([plan.reference] if len(plan.arms) > 1 else []), START]
    return Comparison(
        id=plan.id,
        title=plan.title,
        reference=plan.reference,
        arms=plan.arms,
        seeds=plan.seeds,
        tasks=plan.tasks,
        cells=rows,
        summary=tuple(_summarise(title, names, arm, rows) for title, names in groups for arm in plan.arms),
        duels=tuple(
            duel(arm.name, opponent, outcomes) for opponent in opponents for arm in plan.arms if arm.name != opponent
        ),
        curves=tuple(
            point for cell in plan.cells if cell in outcomes for point in learning_curve(cell, outcomes[cell])
        ),
    )


def _cell_row(cell: Cell, outcome: Outcome | None, error: str | None) -> CellRow:
    spec = str(cell.spec)
    if outcome is None:
        return CellRow(task=cell.task, arm=cell.arm, seed=cell.seed, error=error or "was not run", spec=spec)
    total = sum(outcome.usage.values(), Usage())
    low, high = outcome.best_test.interval()
    return CellRow(
        task=cell.task,
        arm=cell.arm,
        seed=cell.seed,
        run_id=outcome.run_id,
        start_dev=rounded(outcome.start.score.mean),
        start_test=rounded(outcome.start_test.mean),
        dev=rounded(outcome.best.score.mean),
        test=rounded(outcome.best_test.mean),
        test_low=rounded(low),
        test_high=rounded(high),
        gain=rounded(outcome.gain.value),
        gain_low=rounded(outcome.gain.low),
        gain_high=rounded(outcome.gain.high),
        steps=outcome.steps,
        stopped=outcome.stopped,
        evaluated=outcome.evaluated,
        task_calls=search_usage([outcome.start.score], outcome.history)["task"].calls,
        input_tokens=total.input_tokens,
        output_tokens=total.output_tokens,
        cost=None if outcome.cost is None else rounded(outcome.cost),
        wall_s=outcome.wall_s,
        spec=spec,
        instruction=printable(outcome.best.candidate.instruction),
    )


def learning_curve(cell: Cell, outcome: Outcome) -> list[CurvePoint]:
    """The best dev score so far after the start prompt and after each candidate, against task-model calls."""
    points: list[CurvePoint] = []
    calls, best = 0, 0.0

    def add(score: Score) -> None:
        nonlocal calls, best
        calls += search_usage([score], ())["task"].calls
        best = max(best, score.mean) if score.complete else best
        points.append(CurvePoint(task=cell.task, arm=cell.arm, seed=cell.seed, calls=calls, best_dev=rounded(best)))

    add(outcome.start.score)
    for step in outcome.history:
        calls += step.usage.get("task", Usage()).calls  # what a reflection was written from
        for item in step.scored:
            add(item.score)
    return points


def _summarise(title: str, tasks: Sequence[str], arm: Arm, rows: Iterable[CellRow]) -> Summary:
    """A method's means over seeds. With several tasks, a seed counts where all of them are there, by their mean."""
    own = [row for row in rows if row.arm == arm.name and row.task in tasks]
    by_seed: dict[int, list[CellRow]] = {}
    for row in own:
        if row.error is None:
            by_seed.setdefault(row.seed, []).append(row)
    whole = [group for group in by_seed.values() if len(group) == len(tasks)]

    def means(field: str) -> list[float]:
        values = [[getattr(row, field) for row in group] for group in whole]
        return [math.fsum(group) / len(group) for group in values if None not in group]

    def mean(field: str) -> float | None:
        values = means(field)
        return rounded(math.fsum(values) / len(values)) if values and len(values) == len(whole) else None

    written, read = mean("output_tokens"), mean("input_tokens")
    return Summary(
        task=title,
        arm=arm.name,
        seeds=len(whole),
        failed=sum(row.error is not None for row in own),
        test=spread_over_seeds(means("test")),
        dev=spread_over_seeds(means("dev")),
        gain=spread_over_seeds(means("gain")),
        task_calls=mean("task_calls"),
        tokens=None if written is None or read is None else written + read,
        cost=mean("cost"),
        wall_s=mean("wall_s"),
    )


def duel(arm: str, against: str, outcomes: Mapping[Cell, Outcome]) -> Duel:
    """Wins, ties and losses over the pairs of equal task and seed that both have."""
    results = {(cell.task, cell.seed, cell.arm): outcome for cell, outcome in outcomes.items()}
    counts = dict.fromkeys(("wins", "ties", "losses", "clear_wins", "clear_losses"), 0)
    for (task, seed, name), outcome in results.items():
        if name != arm:
            continue
        if against == START:
            other = outcome.start_test
        elif (rival := results.get((task, seed, against))) is not None:
            other = rival.best_test
        else:
            continue
        for result in _clear_results(paired_gain(outcome.best_test, other, outcome.groups)):
            counts[result] += 1
    return Duel(arm=arm, against=against, **counts)


def _clear_results(gain: Interval) -> list[str]:
    if not rounded(gain.value):
        return ["ties"]
    name = "wins" if gain.value > 0 else "losses"
    is_clear = gain.low > 0 if name == "wins" else gain.high < 0
    return [name, f"clear_{name}"] if is_clear else [name]
