"""`gpo compare` and `gpo ablate`: many runs side by side, each with the same calls of the task model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import exit_on_error, print_json, stderr_console, stdout_console
from flows.cli.options import AsJson, Debug, Home, Verbose, WithUi, with_options
from flows.cli.panels import IMPROVE

if TYPE_CHECKING:
    from flows.stack.ui import RunServer
    from gpo.comparison.arms import Arm
    from gpo.comparison.plan import Cell, Design, Plan
    from gpo.comparison.results import Comparison
    from gpo.runs.outcome import Outcome

commands = typer.Typer()

_MOST_AT_ONCE = 64
_WIDE = 400

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


@dataclass(frozen=True)
class ComparisonOptions:
    """What `compare` and `ablate` have in common: the tasks, how much each run may do, and how the result is shown."""

    tasks: Tasks
    seeds: Seeds = "3"
    calls: Calls = None
    dev: Dev = None
    test: Test = None
    train: Train = None
    candidates: Candidates = None
    models: ModelsFile = None
    home: Home = None
    parallel: Parallel = 1
    dry_run: DryRun = False
    as_json: AsJson = False
    ui: WithUi = False
    verbose: Verbose = False
    debug: Debug = False

    def design(self, arms: "Sequence[Arm]") -> "Design":
        """These methods on the tasks, with the seeds and sizes that were given.

        Raises:
            InputError: a seed or a size is out of its range.
        """
        from gpo.comparison.arms import parse_seeds
        from gpo.comparison.plan import Design, Sizes

        sizes = Sizes.from_options(
            calls=self.calls, dev=self.dev, test=self.test, train=self.train, candidates=self.candidates
        )
        return Design(
            tasks=tuple(self.tasks), arms=tuple(arms), seeds=parse_seeds(self.seeds), sizes=sizes, models=self.models
        )


@commands.command(rich_help_panel=IMPROVE)
@with_options(ComparisonOptions)
def compare(
    *,
    presets: Annotated[str, typer.Option(help="`all`, or some: `gpo,opro`. `gpo presets` lists them.")] = "all",
    options: ComparisonOptions,
) -> None:
    """Compare methods on your tasks, each with the same calls of the task model, and as its users run it.

    Every preset on every task with every seed: same start prompt, splits and models. Writes a report, tables and the
    learning curves into the state folder. Killed at any moment, the same command goes on; finished runs are found.

    Example: `gpo compare a.yaml b.yaml --presets gpo,opro --seeds 3 --calls 800`
    """
    with exit_on_error(debug=options.debug, pays=True):
        from gpo.comparison.arms import preset_arms

        run_comparison(options.design(preset_arms(presets)), options)


@commands.command(rich_help_panel=IMPROVE)
@with_options(ComparisonOptions)
def ablate(
    *,
    table: Annotated[
        str, typer.Option(help="`2`: information and trajectory; `3`: edit distance and refinement; or `all`.")
    ] = "all",
    full: Annotated[
        bool, typer.Option("--full", help="All combinations of a table's choices, not one by one.")
    ] = False,
    options: ComparisonOptions,
) -> None:
    """Vary the parts of GPO one at a time, as the tables of its paper do, on equal calls of the task model.

    What each part is worth on your tasks: what the optimizer model is told, which earlier prompts it sees, how many
    words it may change, whether it edits or writes anew. Otherwise like `gpo compare`.

    Example: `gpo ablate a.yaml --table 2 --seeds 3 --calls 800`
    """
    with exit_on_error(debug=options.debug, pays=True):
        from gpo.comparison.arms import ablation_arms

        run_comparison(options.design(ablation_arms(table, full=full)), options)


def run_comparison(design: "Design", options: ComparisonOptions) -> None:
    """Run a design and print the result; with `dry_run` only print what would be run.

    Raises:
        InputError: what is wrong with the design, the data or the models; nothing was run.
        typer.Exit: with code 1; some of the runs failed.
    """
    from flows.cli.display.comparison import plan_json, print_comparison, print_plan
    from gpo.comparison.plan import comparison_home, find_finished, plan_comparison
    from gpo.database.writable import before_paying
    from gpo.errors import InputError

    if not 1 <= options.parallel <= _MOST_AT_ONCE:
        raise InputError(f"--parallel: received {options.parallel}; give a number from 1 to {_MOST_AT_ONCE}")
    with before_paying():
        whole = plan_comparison(design, comparison_home(options.home))
        finished = find_finished(whole)
    if options.dry_run and options.as_json:
        print_json(plan_json(whole, frozenset(finished)))
        return
    if options.dry_run:
        print_plan(stdout_console(_WIDE), whole, frozenset(finished))
        return
    comparison = _complete(design, whole, finished, options)
    if options.as_json:
        print_json({**comparison.model_dump(mode="json"), "folder": str(whole.folder)})
    else:
        print_comparison(stdout_console(_WIDE), comparison, whole.folder)
    if comparison.failed:
        raise typer.Exit(1)


def _complete(
    design: "Design", whole: "Plan", outcomes: "Mapping[Cell, Outcome]", options: ComparisonOptions
) -> "Comparison":
    """Run what is not finished yet, showing how it goes."""
    from flows.cli.display.comparison import ComparisonDisplay
    from flows.cli.interrupts import run_interruptibly
    from flows.stack.environment import prepare_prefect
    from flows.stack.ui import run_server
    from gpo.comparison.results import compare_outcomes
    from gpo.models.sharing import share_answers
    from gpo.progress import listen
    from gpo.report.comparison import write_files

    done = frozenset(outcomes)
    prepare_prefect(whole.home, verbose=options.verbose)
    with ComparisonDisplay(stderr_console(), whole, done) as display, listen(display):
        if len(done) < len(whole.cells):
            with share_answers(), run_server(whole.home, keep=options.ui) as server:
                return run_interruptibly(
                    lambda: _check_and_compare(design, whole, done, options.parallel, server), display.tell
                )
        # Nothing is left that a flow would do, and starting Prefect takes longer than all of this.
        comparison = compare_outcomes(whole, outcomes, {})
        write_files(whole.folder, comparison)
        return comparison


async def _check_and_compare(
    design: "Design", whole: "Plan", done: "frozenset[Cell]", parallel: int, server: "RunServer"
) -> "Comparison":
    """The check and the flow in one event loop: clients are shared in a process, and bound to their first loop."""
    from flows.cli.starting import start_prefect
    from gpo.comparison.results import ComparisonError
    from gpo.progress import Note, current_listener, listen
    from gpo.runs.preflight import preflight
    from gpo.settings import load_settings

    settings = load_settings()
    first = {cell.task: cell for cell in reversed(whole.cells) if cell not in done}
    tell = current_listener()
    # Of the check a person is told what is noteworthy, and not how far it is.
    with listen(lambda event: tell(event) if tell is not None and isinstance(event, Note) else None):
        for cell in first.values():
            await preflight(whole.job(cell, settings))
    flow = await start_prefect(server, "flows.compare")
    try:
        comparison: Comparison = await flow.compare_design(design, whole.home, parallel)
    except ComparisonError as error:
        return error.comparison
    return comparison
