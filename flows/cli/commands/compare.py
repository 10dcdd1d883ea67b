"""`gpo compare` and `gpo ablate`: the plan, its check, the flow, and what they print."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.console import exit_on_error, print_json
from flows.cli.display.comparison import ComparisonDisplay, work
from flows.cli.options import AsJson, Debug, Home, Verbose, WithUi
from flows.stack.environment import prepare
from flows.stack.ui import start_prefect
from gpo import formatting
from gpo.comparison.plan import Cell, Design, Plan, comparison_home, find_finished, plan
from gpo.comparison.results import ALL_TASKS, Comparison, ComparisonError, Spread, Summary, compare_outcomes
from gpo.errors import InputError
from gpo.progress import listening
from gpo.report.comparison import main_finding, write_files
from gpo.report.curves import INSTALL, can_plot
from gpo.runs.preflight import preflight
from gpo.settings import load_settings

_MOST_AT_ONCE = 64

_WIDE = 400


def run_comparison(
    design: Design,
    *,
    home: Path | None,
    parallel: int,
    dry_run: bool,
    as_json: bool,
    ui: bool,
    verbose: bool,
) -> bool:
    """Run a design and print the result; returns whether all of its runs have one.

    `dry_run` only prints what would be run. `ui` sends the flow to a Prefect server with pages.

    Raises:
        InputError: what is wrong with the design, the data or the models; nothing was run.
    """
    if not 1 <= parallel <= _MOST_AT_ONCE:
        raise InputError(f"--parallel: received {parallel}; give a number from 1 to {_MOST_AT_ONCE}")
    whole = plan(design, comparison_home(home))
    outcomes = find_finished(whole)
    done = frozenset(outcomes)
    if dry_run:
        print_plan(_stdout(), whole, done)
        return True
    prepare(whole.home, verbose=verbose)
    with ComparisonDisplay(Console(stderr=True), whole, done) as display, listening(display):
        if len(done) < len(whole.cells):
            comparison = asyncio.run(_checked_and_compared(design, whole, done, parallel, ui=ui))
        else:
            # Nothing is left that a flow would do, and starting Prefect takes longer than all of this.
            comparison = compare_outcomes(whole, outcomes, {})
            write_files(whole.folder, comparison)
    if as_json:
        content = {**comparison.model_dump(mode="json"), "folder": str(whole.folder)}
        print_json(content)
    else:
        print_comparison(_stdout(), comparison, whole.folder)
    return not comparison.failed


async def _checked_and_compared(
    design: Design, whole: Plan, done: frozenset[Cell], parallel: int, *, ui: bool
) -> Comparison:
    """The check and the flow in one event loop: clients are shared in a process, and bound to their first loop."""
    settings = load_settings()
    first = {cell.task: cell for cell in reversed(whole.cells) if cell not in done}
    with listening(lambda _: None):
        for cell in first.values():
            await preflight(whole.job(cell, settings))
    await start_prefect(whole.home, ui=ui)
    # Prefect reads its environment, which is complete now, as it is imported.
    from flows.compare import compare

    try:
        return await compare(design, whole.home, parallel)
    except ComparisonError as error:
        return error.comparison


def _stdout() -> Console:
    """As wide as the terminal is; what goes into a file or a pipe is not cut."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)


def print_plan(console: Console, whole: Plan, done: frozenset[Cell]) -> None:
    """What a comparison would run, and what that takes at most."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("task", overflow="fold")
    table.add_column("method", overflow="fold")
    for name in ("seeds", "steps", "calls each", "to run"):
        table.add_column(name, justify="right", no_wrap=True)
    for task in whole.tasks:
        for arm in whole.arms:
            cells = [cell for cell in whole.cells if (cell.task, cell.arm) == (task.name, arm.name)]
            steps = whole.specs[cells[0].spec].optimizer.max_steps
            left = sum(cell not in done for cell in cells)
            table.add_row(task.name, arm.name, str(len(cells)), str(steps), f"{task.calls:,}", str(left))
    console.print(table)
    console.print(Text(f"\n{work(whole, done)}"))


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
    rows = comparison.of(scope)
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


Tasks = Annotated[list[Path], typer.Argument(metavar="TASK", help="Task specs, or folders of a benchmark.")]

Seeds = Annotated[str, typer.Option(help="How many seeds, as `3`; or which, with a comma, as `0,1,2` or `7,`.")]

Calls = Annotated[
    int | None,
    typer.Option(help="Task-model calls that each search may make; by default what the steps of its spec take."),
]

Dev = Annotated[int | None, typer.Option(help="Dev examples, for all tasks.")]

Test = Annotated[int | None, typer.Option(help="Test examples, for all tasks.")]

Train = Annotated[int | None, typer.Option(help="Training examples, for all tasks.")]

Candidates = Annotated[int | None, typer.Option(help="Candidates of a step, for all tasks.")]

ModelsFile = Annotated[
    Path | None, typer.Option("--models", help="A YAML file whose `models:` replace the specs'; another spec will do.")
]

Parallel = Annotated[int, typer.Option(help="Runs at a time.")]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be run; write nothing, call nothing.")]


def compare(
    tasks: Tasks,
    *,
    presets: Annotated[str, typer.Option(help="`all`, or some: `gpo,opro`. `gpo presets` lists them.")] = "all",
    seeds: Seeds = "3",
    calls: Calls = None,
    dev: Dev = None,
    test: Test = None,
    train: Train = None,
    candidates: Candidates = None,
    models: ModelsFile = None,
    home: Home = None,
    parallel: Parallel = 1,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    ui: WithUi = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Compare published methods on your tasks, each with the same calls of the task model.

    Every preset on every task with every seed: same start prompt, splits and models. Writes a report, tables and the
    learning curves into the state folder. Killed at any moment, the same command goes on; finished runs are found.

    Example: `gpo compare a.yaml b.yaml --presets gpo,opro --seeds 3 --calls 800`
    """
    with exit_on_error(debug=debug, pays=True):
        from gpo.comparison.arms import preset_arms, seeds_of
        from gpo.comparison.plan import Design, Sizes

        sizes = Sizes.given(calls=calls, dev=dev, test=test, train=train, candidates=candidates)
        arms = preset_arms(presets)
        design = Design(tasks=tuple(tasks), arms=arms, seeds=seeds_of(seeds), sizes=sizes, models=models)
        shown = {"dry_run": dry_run, "as_json": as_json, "ui": ui, "verbose": verbose}
        if not run_comparison(design, home=home, parallel=parallel, **shown):
            raise typer.Exit(1)


def ablate(
    tasks: Tasks,
    *,
    table: Annotated[
        str, typer.Option(help="`2`: information and trajectory; `3`: edit distance and refinement; or `all`.")
    ] = "all",
    full: Annotated[
        bool, typer.Option("--full", help="All combinations of a table's choices, not one by one.")
    ] = False,
    seeds: Seeds = "3",
    calls: Calls = None,
    dev: Dev = None,
    test: Test = None,
    train: Train = None,
    candidates: Candidates = None,
    models: ModelsFile = None,
    home: Home = None,
    parallel: Parallel = 1,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    ui: WithUi = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Vary the parts of GPO one at a time, as the tables of its paper do, on equal calls of the task model.

    What each part is worth on your tasks: what the optimizer model is told, which earlier prompts it sees, how many
    words it may change, whether it edits or writes anew. Otherwise like `gpo compare`.

    Example: `gpo ablate a.yaml --table 2 --seeds 3 --calls 800`
    """
    with exit_on_error(debug=debug, pays=True):
        from gpo.comparison.arms import ablation_arms, seeds_of
        from gpo.comparison.plan import Design, Sizes

        sizes = Sizes.given(calls=calls, dev=dev, test=test, train=train, candidates=candidates)
        arms = ablation_arms(table, full=full)
        design = Design(tasks=tuple(tasks), arms=arms, seeds=seeds_of(seeds), sizes=sizes, models=models)
        shown = {"dry_run": dry_run, "as_json": as_json, "ui": ui, "verbose": verbose}
        if not run_comparison(design, home=home, parallel=parallel, **shown):
            raise typer.Exit(1)
