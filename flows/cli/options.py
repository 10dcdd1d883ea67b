"""Options that several commands have, so that they are called and explained alike everywhere."""

from pathlib import Path
from typing import Annotated

import typer

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The task spec, a YAML file.")]
Seed = Annotated[int | None, typer.Option(help="Replaces the spec's seed; another seed, another search.")]
Home = Annotated[Path | None, typer.Option(help="The state folder; by default GPO_HOME, or .gpo in this folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to stdout and nothing else.")]
WithUi = Annotated[bool, typer.Option("--ui", help="Start (or reuse) a local Prefect server and print the run's page.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show Prefect's log.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
