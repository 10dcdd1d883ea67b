"""The command line `gpo`. Exit codes: 0 done, 1 failed, 2 the input was wrong, 130 interrupted."""

import asyncio
import importlib.metadata
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.cli.commands import compare, production, read, stack
from flows.cli.commands.datasets import dataset_app
from flows.cli.commands.deploy import deploy
from flows.cli.commands.prompts import prompt_app, serve_prompts
from flows.cli.console import exit_on_error, print_error
from flows.cli.options import AsJson, Debug, Home, Seed, SpecPath, Verbose, WithUi
from flows.cli.state import state_folder
from flows.stack.environment import join_stack, prepare

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
app.add_typer(read.commands)


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
    with exit_on_error(debug=debug, pays=True):
        from flows.cli.commands.optimize import example, run_optimization

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
    with exit_on_error(debug=debug, pays=True):
        from flows.cli.commands.optimize import run_optimization

        run_optimization(spec, seed, as_json=as_json, ui=ui, verbose=verbose)


app.command()(compare.compare)
app.command()(compare.ablate)


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
    with exit_on_error(debug=debug, pays=True):
        from flows.cli.commands.evaluate import print_score
        from flows.cli.display.run import Display
        from gpo.progress import listening
        from gpo.runs.score import score_instruction

        with Display(Console(stderr=True)) as display, listening(display):
            measured = asyncio.run(score_instruction(spec, instruction, split))
        print_score(measured, as_json=as_json)


@app.command()
def presets(as_json: AsJson = False) -> None:
    """List the published methods that `optimizer` can start from."""
    from flows.cli.commands.explain import print_presets

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
    with exit_on_error(debug=debug):
        from flows.cli.commands.explain import print_explanation
        from gpo.runs.explain import explain as explained
        from gpo.runs.run import load_job

        print_explanation(asyncio.run(explained(load_job(spec, seed), step)), as_json=as_json)


@app.command()
def doctor(
    spec: Annotated[Path | None, typer.Argument(metavar="SPEC", help="Also check this spec and its models.")] = None,
    debug: Debug = False,
) -> None:
    """Check what a run needs: Python, packages, embedded models, state, Prefect; with SPEC, its data and models."""
    with exit_on_error(debug=debug):
        from flows.cli.commands.doctor import examine

        if not examine(Console(), spec):
            raise typer.Exit(1)


app.command()(production.reoptimize)
app.command()(production.approve)
app.command()(production.reject)
app.command()(production.decisions)
app.command("serve-prompts")(serve_prompts)
app.command()(deploy)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(stack.migrate)


@spec_app.command("schema")
def spec_schema() -> None:
    """Print the JSON schema of the task spec."""
    from gpo.spec.task import TaskSpec

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
    with exit_on_error(debug=debug):
        from gpo.data.starter import write_starter
        from gpo.progress import Note, listening

        with listening(lambda event: print_error(event.text) if isinstance(event, Note) else None):
            path = write_starter(name, data, Path.cwd(), force=force)
        typer.echo(f"Wrote {path}\nNext: read it, then `gpo optimize {path.name}`")


@ui_app.command("start")
def ui_start(home: Home = None, debug: Debug = False) -> None:
    """Start the local Prefect server of a state folder, or say where it runs."""
    with exit_on_error(debug=debug):
        from flows.stack.ui import ensure_server

        folder = state_folder(home)
        prepare(folder)
        typer.echo(ensure_server(folder).url)


@ui_app.command("stop")
def ui_stop(home: Home = None, debug: Debug = False) -> None:
    """Stop the local Prefect server of a state folder."""
    with exit_on_error(debug=debug):
        from flows.stack.ui import stop_server

        typer.echo("stopped" if stop_server(state_folder(home)) else "none runs")


@trajectory_app.command("rebuild")
def trajectory_rebuild(spec: SpecPath, debug: Debug = False) -> None:
    """Make the Chroma index of a task anew from the database."""
    with exit_on_error(debug=debug):
        from gpo.runs.run import load_job, rebuild_trajectory
        from gpo.settings import load_settings

        join_stack(load_settings().home_for(spec).resolve())
        count = asyncio.run(rebuild_trajectory(load_job(spec)))
        typer.echo(f"{count} scored prompts indexed")


def main() -> None:
    """Entry point of the command `gpo`."""
    app()


if __name__ == "__main__":
    main()
