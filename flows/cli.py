"""The command line `gpo`. Exit codes: 0 done, 1 failed, 2 the input was wrong, 130 interrupted."""

import asyncio
import importlib.metadata
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows import comparisons, production, stack_command
from flows.datasets import dataset_app
from flows.deploy import deploy
from flows.environment import join_stack, prepare
from flows.options import AsJson, Debug, Home, Seed, SpecPath, Verbose, WithUi, state_folder
from flows.prompts import prompt_app, serve_prompts
from flows.speaking import say, speaking

app = typer.Typer(
    name="gpo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
spec_app = typer.Typer(help="Write a task spec; show what one may hold.", no_args_is_help=True)
ui_app = typer.Typer(help="The local Prefect server that `--ui` starts.", no_args_is_help=True)
trajectory_app = typer.Typer(help="The index of scored prompts.", no_args_is_help=True)
app.add_typer(spec_app, name="spec")
app.add_typer(prompt_app, name="prompt")
app.add_typer(dataset_app, name="dataset")
app.add_typer(ui_app, name="ui")
app.add_typer(trajectory_app, name="trajectory")


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
        from flows.optimize_command import example, run_optimization

        run_optimization(example("review-sentiment"), seed, as_json=as_json, ui=ui, verbose=verbose)


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
        from flows.optimize_command import run_optimization

        run_optimization(spec, seed, as_json=as_json, ui=ui, verbose=verbose)


app.command()(comparisons.compare)
app.command()(comparisons.ablate)


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
    spec: Annotated[Path | None, typer.Argument(metavar="SPEC", help="Also check this spec and its models.")] = None,
    debug: Debug = False,
) -> None:
    """Check what a run needs: Python, packages, embedded models, state, Prefect; with SPEC, its data and models."""
    with speaking(debug=debug):
        from flows.doctor import examine

        if not examine(Console(), spec):
            raise typer.Exit(1)


app.command()(production.reoptimize)
app.command()(production.approve)
app.command()(production.reject)
app.command()(production.decisions)
app.command("serve-prompts")(serve_prompts)
app.command()(deploy)
app.command()(stack_command.up)
app.command()(stack_command.down)
app.command()(stack_command.status)
app.command()(stack_command.migrate)


@spec_app.command("schema")
def spec_schema() -> None:
    """Print the JSON schema of the task spec."""
    from gpo.spec import TaskSpec

    typer.echo(json.dumps(TaskSpec.model_json_schema(), indent=2))


@spec_app.command("init")
def spec_init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The task's name: lower case letters, digits, - and _.")],
    data: Annotated[
        Path,
        typer.Option(
            help="The labelled examples: a .jsonl, .json, .csv, .tsv or .parquet file, or a folder with train, dev "
            "(or eval, or validation) and test; the benchmarks of the paper are known by their folder's name."
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
def ui_start(home: Home = None, debug: Debug = False) -> None:
    """Start the local Prefect server of a state folder, or say where it runs."""
    with speaking(debug=debug):
        from flows.ui import ensure_server

        folder = state_folder(home)
        prepare(folder)
        typer.echo(ensure_server(folder).url)


@ui_app.command("stop")
def ui_stop(home: Home = None, debug: Debug = False) -> None:
    """Stop the local Prefect server of a state folder."""
    with speaking(debug=debug):
        from flows.ui import stop_server

        typer.echo("stopped" if stop_server(state_folder(home)) else "none runs")


@trajectory_app.command("rebuild")
def trajectory_rebuild(spec: SpecPath, debug: Debug = False) -> None:
    """Make the Chroma index of a task anew from the database."""
    with speaking(debug=debug):
        from gpo.run import place_of, rebuild_trajectory
        from gpo.settings import load_settings

        join_stack(load_settings().home_for(spec).resolve())
        count = asyncio.run(rebuild_trajectory(place_of(spec)))
        typer.echo(f"{count} scored prompts indexed")


def main() -> None:
    """Entry point of the command `gpo`."""
    app()


if __name__ == "__main__":
    main()
