"""`gpo spec ...` and `gpo trajectory ...`: the task spec as a file, and the search index of its scored prompts."""

import asyncio
import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import ask_person, exit_on_error, program
from flows.cli.options import Debug, SpecPath, with_options
from flows.cli.panels import IMPROVE, INSPECT

if TYPE_CHECKING:
    from gpo.data.guessing.choices import Ask, Choices, OnBadRow

spec_group = typer.Typer(help="Write a task spec; show what one may hold.", no_args_is_help=True)
trajectory_group = typer.Typer(help="The index of scored prompts.", no_args_is_help=True)

commands = typer.Typer()
commands.add_typer(spec_group, name="spec", rich_help_panel=IMPROVE)
commands.add_typer(trajectory_group, name="trajectory", rich_help_panel=INSPECT)


_NEXT = {"doctor": "checks all of it", "evaluate": "scores its prompt", "optimize": "improves it"}


class BadRow(StrEnum):
    """What becomes of a row that cannot be used."""

    stop = "stop"
    skip = "skip"


@dataclass(frozen=True)
class StarterOptions:
    """What a person says of their data; all else is guessed."""

    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="[VARIABLE=]COLUMN",
            help="Column that fills a variable of the prompt; repeat it for several. `inputs.text` is a path.",
        ),
    ] = None
    reference: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the right answer.")] = None
    kind: Annotated[
        str | None, typer.Option(help="How answers look: choice, labels, boolean, number, list, json, exact or free.")
    ] = None
    metric: Annotated[str | None, typer.Option(help="How answers are scored, such as exact_match.")] = None
    group: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column whose rows belong together and stay in one split."),
    ] = None
    split: Annotated[
        str | None,
        typer.Option(
            metavar="TRAIN,DEV,TEST|COLUMN", help="Three sizes, or the column that says which split a row is of."
        ),
    ] = None
    on_bad_row: Annotated[
        BadRow | None,
        typer.Option(help="What becomes of rows that cannot be used; by default they are left out and told."),
    ] = None
    encoding: Annotated[str | None, typer.Option(help="Of text files; by default found by trying.")] = None
    delimiter: Annotated[str | None, typer.Option(help="Of .csv and .tsv files; by default found by trying.")] = None
    sheet: Annotated[str | None, typer.Option(help="Of a workbook with several sheets: which of them.")] = None

    def choices(self) -> "Choices":
        """What the library is told."""
        from gpo.data.guessing.choices import Choices

        bad_row: OnBadRow | None = None
        if self.on_bad_row is not None:
            bad_row = "skip" if self.on_bad_row is BadRow.skip else "stop"
        return Choices(
            tuple(self.inputs or ()), self.reference, self.kind, self.metric, self.group, self.split, bad_row,
            self.encoding, self.delimiter, self.sheet,
        )  # fmt: skip


@spec_group.command("init")
@with_options(StarterOptions)
def write_spec(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The task's name: lower case letters, digits, - and _.")],
    data: Annotated[
        Path,
        typer.Option(
            help="The labelled examples: a .jsonl, .json, .csv, .tsv, .yaml, .parquet or .xlsx file, or a folder with "
            "train, dev (or eval, or validation) and test; the benchmarks of the paper are known by their folder."
        ),
    ],
    *,
    options: StarterOptions,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a spec that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Write a commented starter spec, NAME.yaml, from labelled data, and say what the data shows.

    What no option says is guessed from the rows and told. On a terminal, you are asked in doubt.
    """
    with exit_on_error(debug=debug):
        from flows.cli.display.starter import starter_text
        from gpo.data.starter import write_starter
        from gpo.progress import Note, listen

        # A large file takes its time, and what is waited for is said at once.
        with listen(lambda event: typer.echo(event.text, err=True) if isinstance(event, Note) else None):
            starter = write_starter(name, data, Path.cwd(), force=force, choices=options.choices(), ask=_asker())
        typer.echo(starter_text(starter))
        path = starter.path
        typer.echo(f"\nWrote {path}\nNext: put your prompt and your models into it, then")
        for command, does in _NEXT.items():
            typer.echo(f"  {f'{program()} {command} {path.name}':<{len(program()) + len(path.name) + 13}}{does}")


def _asker() -> "Ask":
    """Who answers questions: the person at the terminal, or nobody."""
    from gpo.data.guessing.choices import take_default

    return ask_person if sys.stdin.isatty() and sys.stderr.isatty() else take_default


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
