"""The command line `gpo`. Exit codes: 0 done, 1 failed, 2 the input was wrong, 130 interrupted."""

import asyncio
import importlib.metadata
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.environment import api_url, prepare
from flows.prompts import prompt_app, serve_prompts
from flows.speaking import say, speaking
from gpo.errors import InputError

if TYPE_CHECKING:
    from gpo.records import Outcome
    from gpo.run import Place

app = typer.Typer(
    name="gpo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
spec_app = typer.Typer(help="Write and check task specs.", no_args_is_help=True)
ui_app = typer.Typer(help="The local Prefect server that `--ui` starts.", no_args_is_help=True)
trajectory_app = typer.Typer(help="The index of scored prompts.", no_args_is_help=True)
app.add_typer(spec_app, name="spec")
app.add_typer(ui_app, name="ui")
app.add_typer(trajectory_app, name="trajectory")
app.add_typer(prompt_app, name="prompt")
app.command("serve-prompts")(serve_prompts)

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The task spec, a YAML file.")]
Seed = Annotated[int | None, typer.Option(help="Replaces the spec's seed; another seed, another search.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else.")]
WithUi = Annotated[bool, typer.Option("--ui", help="Start (or reuse) a local Prefect server and print the run's page.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show Prefect's log.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        version = importlib.metadata.version("gpo-pipeline")
    except importlib.metadata.PackageNotFoundError:
        version = "of a folder that is not installed"
    typer.echo(f"gpo {version}")
    raise typer.Exit


@app.callback()
def gpo(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Improve a production prompt with GPO, prove the gain on unseen data, watch every step in Prefect."""
    del version


@app.command()
def demo(
    seed: Seed = None, as_json: AsJson = False, ui: WithUi = False, verbose: Verbose = False, debug: Debug = False
) -> None:
    """Improve the prompt of the bundled example, with models that need no key and no network.

    Takes a few minutes on two cores. Killed at any moment, the same command goes on where it stopped.
    """
    with speaking(debug=debug, pays=True):
        _optimize(example("review-sentiment"), seed, as_json=as_json, ui=ui, verbose=verbose)


@app.command()
def optimize(
    spec: SpecPath,
    *,
    seed: Seed = None,
    as_json: AsJson = False,
    ui: WithUi = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Improve the prompt of a task spec and prove the gain on its locked test split.

    State lives in `.gpo/` next to the spec, or in `GPO_HOME`. Run it again: nothing is paid for twice.
    """
    with speaking(debug=debug, pays=True):
        _optimize(spec, seed, as_json=as_json, ui=ui, verbose=verbose)


def _optimize(spec: Path, seed: int | None, *, as_json: bool, ui: bool, verbose: bool) -> None:
    from flows.display import Display, print_outcome
    from gpo.conclusion import report_path
    from gpo.progress import listening
    from gpo.report import summary_json
    from gpo.run import place_of
    from gpo.tally import counting_together

    place = place_of(spec, seed)
    errors = Console(stderr=True)
    prepare(place.home, verbose=verbose)
    with counting_together(), Display(errors) as display, listening(display):
        outcome = asyncio.run(_checked_and_optimized(place, spec, seed, ui=ui))
    report = str(report_path(place.home, outcome.run_id))
    if as_json:
        typer.echo(json.dumps(summary_json(outcome, report), ensure_ascii=False))
    else:
        print_outcome(Console(), place.spec, outcome, report)


async def _checked_and_optimized(place: "Place", spec: Path, seed: int | None, *, ui: bool) -> "Outcome":
    """The check and the run in one event loop: model clients are shared in a process, and bound to their first loop."""
    from gpo.preflight import preflight
    from gpo.progress import Note, emit

    await preflight(place)
    if ui:
        await asyncio.to_thread(_attach_ui, place.home)
    emit(Note("starting Prefect"))
    # Prefect reads its environment, which is complete now, as it is imported.
    from flows.optimize import optimize_prompt

    return await optimize_prompt(spec, seed)


def _attach_ui(home: Path) -> None:
    """Send this run to a Prefect server with pages: the user's own if one is configured, else a local one."""
    if api_url():
        return
    from flows.ui import ensure_server

    server = ensure_server(home)
    os.environ["PREFECT_API_URL"] = f"{server.url}/api"
    os.environ["PREFECT_UI_URL"] = server.url


def example(name: str) -> Path:
    """The spec of a bundled example: in place in a clone, else copied to the working folder once.

    Raises:
        InputError: no such example.
    """
    here = Path(__file__).resolve().parent.parent
    for folder, in_place in ((here / "examples" / name, True), (here / "gpo" / "examples" / name, False)):
        if not (folder / "spec.yaml").exists():
            continue
        if in_place:
            return folder / "spec.yaml"
        target = Path.cwd() / name
        if not target.exists():
            shutil.copytree(folder, target, ignore=shutil.ignore_patterns(".gpo"))
            say(f"Copied the example to {target}")
        return target / "spec.yaml"
    raise InputError(f"no example named {name} is installed")


Tasks = Annotated[list[Path], typer.Argument(metavar="TASK", help="Task specs, or folders of a benchmark.")]
Seeds = Annotated[str, typer.Option(help="How many, such as `3`, or which: `0,1,2`; `7,` is seed 7 alone.")]
Calls = Annotated[
    int | None, typer.Option(help="Task-model calls of each search; by default what the spec's own steps take.")
]
Dev = Annotated[int | None, typer.Option(help="Dev examples, for all tasks.")]
Test = Annotated[int | None, typer.Option(help="Test examples, for all tasks.")]
Train = Annotated[int | None, typer.Option(help="Training examples, for all tasks.")]
Candidates = Annotated[int | None, typer.Option(help="Candidates of a step, for all tasks.")]
ModelsFile = Annotated[
    Path | None, typer.Option("--models", help="A YAML file whose `models:` replace the specs'; another spec will do.")
]
Home = Annotated[Path | None, typer.Option(help="The state folder; else `GPO_HOME`, else `.gpo/` here.")]
Parallel = Annotated[int, typer.Option(help="Runs at a time.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be run; write nothing, call nothing.")]


@app.command("compare")
def compare_methods(
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
        attach = _attach_ui if ui else None
        shown = {"dry_run": dry_run, "as_json": as_json, "verbose": verbose}
        if not run_comparison(design, home=home, parallel=parallel, attach=attach, **shown):
            raise typer.Exit(1)


@app.command()
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
        attach = _attach_ui if ui else None
        shown = {"dry_run": dry_run, "as_json": as_json, "verbose": verbose}
        if not run_comparison(design, home=home, parallel=parallel, attach=attach, **shown):
            raise typer.Exit(1)


@app.command()
def evaluate(
    spec: SpecPath,
    instruction: Annotated[
        str | None, typer.Option(help="The instruction to score; by default the one the spec starts from.")
    ] = None,
    split: Annotated[str, typer.Option(help="`dev`, `train` or `test`; looking at `test` often wears it out.")] = "dev",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Score one instruction on a split, with a 95% interval."""
    with speaking(debug=debug, pays=True):
        from flows.display import Display
        from flows.evaluate import print_score, score_instruction
        from gpo.progress import listening

        with Display(Console(stderr=True)) as display, listening(display):
            measured = asyncio.run(score_instruction(spec, instruction, split))
        print_score(measured, as_json=as_json)


@app.command()
def presets(as_json: AsJson = False) -> None:
    """List the published methods that `optimizer` can start from."""
    from flows.explain import print_presets

    print_presets(as_json=as_json)


@app.command()
def explain(
    spec: SpecPath,
    step: Annotated[
        int | None, typer.Option(help="Which step; by default the last one of a run, else the second.")
    ] = None,
    seed: Seed = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what the optimizer model is shown in a step, and which option put each part there. Calls no model."""
    with speaking(debug=debug):
        from flows.explain import print_explanation
        from gpo.explanation import explain as explained
        from gpo.run import place_of

        print_explanation(asyncio.run(explained(place_of(spec, seed), step)), as_json=as_json)


@app.command()
def doctor(
    spec: Annotated[Path | None, typer.Argument(metavar="[SPEC]", help="Also check this spec and its models.")] = None,
    debug: Debug = False,
) -> None:
    """Check what a run needs: Python, packages, embedded models, state, Prefect; with SPEC, its data and models."""
    with speaking(debug=debug):
        from flows.doctor import examine

        if not examine(Console(), spec):
            raise typer.Exit(1)


@spec_app.command("schema")
def spec_schema() -> None:
    """Print the JSON schema of the task spec."""
    from gpo.spec import TaskSpec

    typer.echo(json.dumps(TaskSpec.model_json_schema(), indent=2))


@spec_app.command("init")
def spec_init(
    name: Annotated[str, typer.Argument(help="The task's name: lower case letters, digits, - and _.")],
    data: Annotated[
        Path,
        typer.Option(
            help="The labelled examples: a .jsonl, .json, .csv, .tsv or .parquet file, or a folder with train, dev (or "
            "eval) and test; the benchmarks of the paper are known by their folder's name."
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Overwrite a spec that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Write a commented starter spec, NAME.yaml, from labelled data."""
    with speaking(debug=debug):
        from gpo.progress import Note, listening
        from gpo.starter import write_starter

        with listening(lambda event: say(event.text) if isinstance(event, Note) else None):
            path = write_starter(name, data, Path.cwd(), force=force)
        typer.echo(f"Wrote {path}\nNext: read it, then `gpo optimize {path.name}`")


@ui_app.command("start")
def ui_start(
    home: Annotated[Path, typer.Option(help="The state folder.")] = Path(".gpo"), debug: Debug = False
) -> None:
    """Start the local Prefect server of a state folder, or say where it runs."""
    with speaking(debug=debug):
        from flows.ui import ensure_server

        prepare(home)
        typer.echo(ensure_server(home.resolve()).url)


@ui_app.command("stop")
def ui_stop(home: Annotated[Path, typer.Option(help="The state folder.")] = Path(".gpo"), debug: Debug = False) -> None:
    """Stop the local Prefect server of a state folder."""
    with speaking(debug=debug):
        from flows.ui import stop_server

        typer.echo("stopped" if stop_server(home.resolve()) else "none runs")


@trajectory_app.command("rebuild")
def trajectory_rebuild(spec: SpecPath, debug: Debug = False) -> None:
    """Make the Chroma index of a task anew from the database."""
    with speaking(debug=debug):
        from gpo.run import place_of, rebuild_trajectory

        count = asyncio.run(rebuild_trajectory(place_of(spec)))
        typer.echo(f"{count} scored prompts indexed")


def main() -> None:
    """Entry point of the command `gpo`."""
    app()


if __name__ == "__main__":
    main()
