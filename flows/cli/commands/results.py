"""`gpo results`: every example behind the scores of a run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import exit_on_error, print_error, stdout_console
from flows.cli.options import AsJson, Debug, Home, with_options
from flows.cli.panels import INSPECT

if TYPE_CHECKING:
    from gpo.runs.results.lookup import Located, Wanted
    from gpo.runs.results.store import Kind, ResultQuery, Results

commands = typer.Typer()


@dataclass(frozen=True)
class Filters:
    """Which examples are listed; of several filters, an example must pass all."""

    every: Annotated[bool, typer.Option("--all", help="List every example.")] = False
    fixed: Annotated[bool, typer.Option("--fixed", help="List those that were wrong before and are right now.")] = False
    broken: Annotated[bool, typer.Option("--broken", help="List those that were right before and are wrong now.")] = (
        False
    )
    wrong: Annotated[bool, typer.Option("--wrong", help="List those that are wrong, unread ones among them.")] = False
    unread: Annotated[bool, typer.Option("--unread", help="List those whose answer could not be read.")] = False
    failed: Annotated[bool, typer.Option("--failed", help="List those whose call failed: they have no score.")] = False
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", metavar="FIELD=VALUE", help="List those of a slice; repeat it for several fields."),
    ] = None
    limit: Annotated[int | None, typer.Option(min=1, help="List at most so many.")] = None
    right_from: Annotated[float, typer.Option(help="The score from which an answer counts as right.")] = 0.5


@commands.command(rich_help_panel=INSPECT)
@with_options(Filters)
def results(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id or the start of it, or a task or spec: its last run.")
    ],
    options: Filters,
    *,
    split: Annotated[str, typer.Option(help="`test`, `dev`, or `train` where a reflection is written.")] = "test",
    prompt: Annotated[
        str, typer.Option(help="`best`, `start`, or a candidate such as `s3c07`, by label or id.")
    ] = "best",
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write the listed examples, by default all, to a file for a sheet."),
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Show what a run's prompt got for each example, beside what the start got.

    By default a summary, and the first broken and fixed examples in full; with a filter, the examples that pass it.
    `--json` prints the summary as one object, and a list as one object a line. What you see of the test split is for
    you: a prompt that is changed by it is no longer proved by it.
    """
    with exit_on_error(debug=debug):
        from gpo.errors import InputError
        from gpo.runs.results.lookup import Wanted

        if csv is not None and as_json:
            raise InputError("--json and --csv are two ways to print the same; choose one")
        folder, name = _place(run, home)
        kinds = _kinds(options)
        wanted = Wanted(name, split, prompt, kinds, _slices(options.slices or []), options.right_from)
        with _located(folder, wanted) as (kept, located):
            if csv is not None:
                _write(kept, located.query, csv, options.limit)
            elif options.every or kinds or options.slices or options.limit is not None:
                _list(kept, located.query, options.limit, as_json=as_json)
            else:
                _summarize(kept, located, as_json=as_json)


def _place(run: str, home: Path | None) -> tuple[Path | None, str]:
    """The state folder to look in, None for the usual one, and the name to look for there."""
    path = Path(run)
    if path.suffix.casefold() not in (".yaml", ".yml"):
        return home, run
    from gpo.settings import load_settings
    from gpo.spec.file import load_spec

    return home or load_settings().home_for(path), load_spec(path).name


def _kinds(options: Filters) -> "frozenset[Kind]":
    from typing import get_args

    from gpo.runs.results.store import Kind

    return frozenset(kind for kind in get_args(Kind) if getattr(options, kind))


def _slices(given: list[str]) -> dict[str, str]:
    from gpo.errors import InputError

    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise InputError(f"--slice takes FIELD=VALUE, such as language=de, got '{each}'")
        found[name] = value
    return found


@contextmanager
def _located(home: Path | None, wanted: "Wanted") -> "Iterator[tuple[Results, Located]]":
    from gpo.database.engine import open_state
    from gpo.errors import InputError
    from gpo.runs.history import History
    from gpo.runs.results.lookup import find_results
    from gpo.runs.results.store import Results
    from gpo.settings import DATABASE_FILE, load_settings

    settings = load_settings()
    folder = (home or settings.home_here()).absolute()
    if not settings.has_database(folder):
        raise InputError(
            f"{folder} holds no {DATABASE_FILE}: give the spec in place of the run, or name the state folder, .gpo "
            "beside the spec, with --home or GPO_HOME"
        )
    with open_state(settings, folder) as engine:
        kept = Results(engine)
        yield kept, find_results(History(engine), kept, wanted)


def _write(kept: "Results", query: "ResultQuery", path: Path, limit: int | None) -> None:
    from gpo.errors import InputError
    from gpo.formatting import count
    from gpo.runs.results.files import write_results

    if path.suffix.casefold() != ".csv":
        raise InputError(f"--csv writes a file that ends in .csv, got '{path.name}'")
    number = write_results(path, islice(kept.each(query), limit), compared=True)
    print_error(f"{count(number, 'example')} written to {path}")


def _list(kept: "Results", query: "ResultQuery", limit: int | None, *, as_json: bool) -> None:
    from flows.cli.display.results import print_results
    from gpo.runs.results.files import write_json_lines

    found = kept.each(query)
    if as_json:
        # Not through Typer, which empties the buffer after each line.
        number = write_json_lines(sys.stdout, islice(found, limit), compared=True)
    else:
        number = print_results(stdout_console(), found, limit)
    if not number:
        print_error("No such example.")


def _summarize(kept: "Results", located: "Located", *, as_json: bool) -> None:
    from flows.cli.display.results import print_summary
    from gpo.runs.results.summary import summarize_results

    query = located.query
    summary = summarize_results(
        kept.each(query), before=query.before, labels=located.run.labels, set_metric=located.set_metric
    )
    if summary is not None:
        print_summary(stdout_console(), summary, located.label, as_json=as_json)
