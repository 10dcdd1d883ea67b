"""`gpo compare` and `gpo ablate`: which methods, on which tasks, at how many calls each."""

from pathlib import Path
from typing import Annotated

import typer

from flows.options import AsJson, Debug, Home, Verbose, WithUi
from flows.speaking import speaking

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
    with speaking(debug=debug, pays=True):
        from flows.compare_command import run_comparison
        from gpo.comparison_plan import Design, Sizes
        from gpo.grid import preset_arms, seeds_of

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
    with speaking(debug=debug, pays=True):
        from flows.compare_command import run_comparison
        from gpo.comparison_plan import Design, Sizes
        from gpo.grid import ablation_arms, seeds_of

        sizes = Sizes.given(calls=calls, dev=dev, test=test, train=train, candidates=candidates)
        arms = ablation_arms(table, full=full)
        design = Design(tasks=tuple(tasks), arms=arms, seeds=seeds_of(seeds), sizes=sizes, models=models)
        shown = {"dry_run": dry_run, "as_json": as_json, "ui": ui, "verbose": verbose}
        if not run_comparison(design, home=home, parallel=parallel, **shown):
            raise typer.Exit(1)
