"""What a person sees of a comparison: its plan, how it goes (a line a run, on a terminal a bar), and its results."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import NamedTuple, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from flows.cli.display.live import LiveDisplay
from gpo import formatting
from gpo.comparison.plan import Cell, Plan
from gpo.comparison.progress import InRun, RunBegan, RunEnded
from gpo.comparison.results import ALL_TASKS, Comparison, Summary
from gpo.comparison.statistics import Spread
from gpo.evaluation.calls import example_calls
from gpo.progress import Answered, Began, Dropped, Event, Note
from gpo.report.comparison import main_finding
from gpo.report.curves import INSTALL, can_plot
from gpo.runs.outcome import Outcome

_SURE = 0.02
"""Share of the work from which on the time that is left is worth telling."""


@dataclass
class ComparisonDisplay(LiveDisplay):
    """Hears the events of a comparison. Work is counted in task-model calls, those from the ledger among them."""

    console: Console
    plan: Plan
    done: frozenset[Cell]
    """Cells that were run before."""
    started: float = 0.0
    _asked: dict[int, int] = field(default_factory=dict, init=False)
    _phases: dict[int, str] = field(default_factory=dict, init=False)
    _ended: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._ended = len(self.done)
        self._total = _calls_left(self.plan, self.done)
        self._progress = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[times]}", style="dim"),
            console=self.console,
        )
        self._bar = self._progress.add_task("checking", total=self._total or None, times="")

    def __enter__(self) -> Self:
        self.console.print(Text(work(self.plan, self.done)), soft_wrap=True)
        return super().__enter__()

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case RunBegan(number):
                self.started = self.started or monotonic()
                self._asked[number], self._phases[number] = 0, ""
            case InRun(number, Began(phase, _)):
                self._phases[number] = phase
            case InRun(number, Answered(_, count) | Dropped(count)):
                self._asked[number] += count
            case RunEnded(number, outcome, error):
                self._ended += 1
                self._asked[number] = _calls(self.plan, self.plan.cells[number])
                self._phases.pop(number, None)
                self._line(number, outcome, error)
            case Note(text) | InRun(_, Note(text)):
                # Each run says where to watch it, and those of a comparison are on one page.
                if self._live is None or not text.startswith("watch it"):
                    self.console.print(Text(formatting.printable(text), style="yellow"), soft_wrap=True)
        self._refresh()

    def _share(self) -> float:
        asked = sum(min(count, _calls(self.plan, self.plan.cells[number])) for number, count in self._asked.items())
        return asked / self._total if self._total else 1.0

    def _times(self) -> str:
        if not self.started:
            return ""
        elapsed, share = monotonic() - self.started, self._share()
        left = f", about {formatting.duration(elapsed * (1 - share) / share)} left" if _SURE < share < 1 else ""
        return f"{formatting.duration(elapsed)} elapsed{left}"

    def _panel(self) -> Progress:
        return self._progress

    def _refresh(self) -> None:
        under_way = [f"{_name(self.plan.cells[number])} {phase}" for number, phase in self._phases.items()]
        text = under_way[0] if len(under_way) == 1 else f"{len(under_way)} runs under way"
        self._progress.update(
            self._bar,
            description=f"{self._ended}/{len(self.plan.cells)}  {text if under_way else ''}",
            completed=self._share() * self._total,
            times=self._times(),
        )

    def _line(self, number: int, outcome: Outcome | None, error: str | None) -> None:
        cell, cells = self.plan.cells[number], self.plan.cells
        widths = [max(len(getattr(each, name)) for each in cells) for name in ("task", "arm")]
        place = f"{self._ended:>{len(str(len(cells)))}}/{len(cells)}"
        line = Text(f"{place}  {cell.task:<{widths[0]}}  {cell.arm:<{widths[1]}}  seed {cell.seed:<2}  ")
        if outcome is None:
            line.append(f"failed: {formatting.printable(error or '')}", style="red")
        else:
            line.append(f"dev {formatting.fraction(outcome.best.score.mean)}  ")
            line.append(f"test {formatting.fraction(outcome.best_test.mean)}", style="bold")
            line.append(f"  gain {formatting.signed(outcome.gain.value):>6}  ")
            line.append(f"in {formatting.duration(outcome.wall_s)}", style="dim")
        if self._live is None:
            line.append(f"  ({self._times()})")
        self.console.print(line, soft_wrap=True)


def work(plan: Plan, done: frozenset[Cell]) -> str:
    """What there is to do, in words."""
    before = f", {len(done)} of them finished before" if done else ""
    calls = formatting.count(_calls_left(plan, done), "task-model call")
    to_go = f"; at most {calls} to go" if len(done) < len(plan.cells) else ""
    return f"{plan.title}: {formatting.count(len(plan.cells), 'run')}{before}{to_go}"


def _calls_left(plan: Plan, done: frozenset[Cell]) -> int:
    return sum(_calls(plan, cell) for cell in plan.cells if cell not in done)


def _calls(plan: Plan, cell: Cell) -> int:
    """The search, and the final comparison."""
    task = plan.task(cell.task)
    return task.calls + 2 * task.test * example_calls(plan.specs[cell.spec])["task"]


def _name(cell: Cell) -> str:
    return f"{cell.task} {cell.arm} seed {cell.seed}"


def print_plan(console: Console, whole: Plan, done: frozenset[Cell]) -> None:
    """What a comparison would run, and what that takes at most."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("task", overflow="fold")
    table.add_column("method", overflow="fold")
    for name in ("seeds", "steps", "calls each", "to run"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in _planned(whole, done):
        counts = (f"{row.seeds}", f"{row.steps}", f"{row.calls_each:,}", f"{row.to_run}")
        table.add_row(row.task, row.method, *counts)
    console.print(table)
    console.print(Text(f"\n{work(whole, done)}"))


def plan_json(whole: Plan, done: frozenset[Cell]) -> dict[str, object]:
    """The same as JSON."""
    return {"runs": [row._asdict() for row in _planned(whole, done)], "told": work(whole, done)}


class _Planned(NamedTuple):
    task: str
    method: str
    seeds: int
    steps: int
    calls_each: int
    to_run: int


def _planned(whole: Plan, done: frozenset[Cell]) -> Iterator[_Planned]:
    """The runs of each task with each method."""
    for task in whole.tasks:
        for arm in whole.arms:
            cells = [cell for cell in whole.cells if (cell.task, cell.arm) == (task.name, arm.name)]
            steps = whole.specs[cells[0].spec].optimizer.max_steps
            left = sum(cell not in done for cell in cells)
            yield _Planned(task.name, arm.name, len(cells), steps, task.calls, left)


def print_comparison(console: Console, comparison: Comparison, folder: Path) -> None:
    """The end of a comparison: the means, the wins, the finding, and where the files are."""
    scope = ALL_TASKS if len(comparison.tasks) > 1 else comparison.tasks[0].name
    console.print()
    console.print(Text(scope, style="bold"))
    console.print(_means(comparison, scope))
    console.print()
    console.print(Text(main_finding(comparison).replace("**", "")))
    for row in comparison.failed:
        console.print(Text(f"failed: {row.task} {row.arm} seed {row.seed}: {row.error}", style="red"), soft_wrap=True)
    if comparison.failed:
        console.print(Text("The same command runs what failed again, and nothing else."))
    if not can_plot():
        console.print(Text(INSTALL), soft_wrap=True)
    console.print()
    console.print(Text(f"files   {folder}"), soft_wrap=True)


def _means(comparison: Comparison, scope: str) -> Table:
    """The means of one task, or of all; wins, ties and losses are those of all."""
    rows = comparison.summaries_of(scope)
    is_interval = {row.test.kind for row in rows if row.test} == {"interval"}
    opponents = list(dict.fromkeys(each.against for each in comparison.duels))
    duels = {(each.arm, each.against): f"{each.wins}-{each.ties}-{each.losses}" for each in comparison.duels}
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("method", no_wrap=True)
    for name in ("test", "95% interval" if is_interval else "range", "dev", "gain", "task calls"):
        table.add_column(name, justify="left" if name in ("95% interval", "range") else "right", no_wrap=True)
    for opponent in opponents:
        table.add_column(f"vs {opponent}", justify="right", no_wrap=True)
    best = max((row.test.mean for row in rows if row.test), default=None)
    for row in rows:
        style = "bold" if row.test and row.test.mean == best else ""
        table.add_row(row.arm, *_cells(row), *(duels.get((row.arm, each), "-") for each in opponents), style=style)
    return table


def _cells(row: Summary) -> list[str]:
    def mean(spread: Spread | None) -> str:
        return "-" if spread is None else formatting.fraction(spread.mean)

    return [
        mean(row.test),
        formatting.interval(row.test.low, row.test.high) if row.test else "-",
        mean(row.dev),
        formatting.signed(row.gain.mean) if row.gain else "-",
        "-" if row.task_calls is None else f"{round(row.task_calls):,}",
    ]
