"""Options that several commands have, so that they are called and explained alike everywhere."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The task spec, a YAML file.")]
PromptName = Annotated[str, typer.Argument(metavar="NAME", help="The prompt's name.")]
PromptReference = Annotated[str, typer.Argument(metavar="REF", help="An alias, a version's number, or `latest`.")]
DatasetName = Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")]
DatasetReference = Annotated[
    str, typer.Argument(metavar="NAME[@VERSION]", help="A dataset; by default its newest version.")
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, the start of one, or a task, whose last run it is.")
]

Seed = Annotated[int | None, typer.Option(help="Replaces the spec's seed; another seed, another search.")]
Home = Annotated[Path | None, typer.Option(help="The state folder; by default GPO_HOME, or .gpo in this folder.")]
SpecHome = Annotated[Path | None, typer.Option(help="The state folder; by default GPO_HOME, or .gpo beside the spec.")]
Alias = Annotated[str, typer.Option(help="The alias.")]
ExpectedVersion = Annotated[
    int | None, typer.Option(help="Fail if the alias does not point to this version; 0 for nowhere.", min=0)
]
Who = Annotated[str | None, typer.Option(help="Who does it; by default the user of this machine.")]
Why = Annotated[str, typer.Option(help="Why, for the prompt's history.")]
VersionNote = Annotated[str, typer.Option(help="A remark that is kept with the version.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ask anew, whatever the ledger holds.")]
SearchCalls = Annotated[
    int | None,
    typer.Option(
        "--calls",
        min=1,
        help="Task-model calls of the search; its steps fit themselves to them. Replaces `budget.max_task_calls`.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to stdout and nothing else.")]
WithUi = Annotated[bool, typer.Option("--ui", help="Keep the Prefect server up when the run is over.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show Prefect's log.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def with_options(group: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command every field of a dataclass as an option of its own, and hand it the dataclass as `options`.

    So options that commands share are written down once. A field is declared like a parameter of a command: its type
    annotated with `typer.Option` or `typer.Argument`, and its default.
    """
    hints = get_type_hints(group, include_extras=True)
    names = [field.name for field in fields(group)]
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=hints[field.name],
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
        )
        for field in fields(group)
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "options"]

        @wraps(command)
        def call(**given: Any) -> None:
            options = group(**{name: given.pop(name) for name in names})
            command(**given, options=options)

        # Typer reads a command's options from its signature.
        vars(call)["__signature__"] = signature.replace(parameters=[*own, *shared])
        return call

    return decorate
