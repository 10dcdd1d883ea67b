"""`gpo spec ...` and `gpo trajectory ...`: the task spec as a file, and the search index of its scored prompts."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import exit_on_error, print_error
from flows.cli.options import Debug, SpecPath
from flows.cli.panels import IMPROVE, INSPECT

spec_group = typer.Typer(help="Write a task spec; show what one may hold.", no_args_is_help=True)
trajectory_group = typer.Typer(help="The index of scored prompts.", no_args_is_help=True)

commands = typer.Typer()
commands.add_typer(spec_group, name="spec", rich_help_panel=IMPROVE)
commands.add_typer(trajectory_group, name="trajectory", rich_help_panel=INSPECT)


@spec_group.command("init")
def write_spec(
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
        from gpo.progress import Note, listen

        with listen(lambda event: print_error(event.text) if isinstance(event, Note) else None):
            path = write_starter(name, data, Path.cwd(), force=force)
        typer.echo(f"Wrote {path}\nNext: read it, then `gpo optimize {path.name}`")


@spec_group.command("schema")
def print_schema(debug: Debug = False) -> None:
    """Print the JSON schema of the task spec."""
    with exit_on_error(debug=debug):
        from gpo.spec.task import TaskSpec

        typer.echo(json.dumps(TaskSpec.model_json_schema(), indent=2))


@trajectory_group.command("rebuild")
def rebuild_index(spec: SpecPath, debug: Debug = False) -> None:
    """Make the Chroma index of a task anew from the database."""
    with exit_on_error(debug=debug):
        from flows.stack.environment import join_stack
        from gpo.runs.job import load_job
        from gpo.runs.run import rebuild_trajectory
        from gpo.settings import load_settings

        join_stack(load_settings().home_for(spec).resolve())
        count = asyncio.run(rebuild_trajectory(load_job(spec)))
        typer.echo(f"{count} scored prompts indexed")
