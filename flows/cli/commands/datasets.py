"""`gpo dataset ...`: labelled rows kept under a name, version by version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import exit_on_error, print_error, print_json, program, stderr_console, stdout_console
from flows.cli.options import AsJson, DatasetName, DatasetReference, Debug, Home, VersionNote, Who
from flows.cli.panels import DATA

if TYPE_CHECKING:
    from gpo.datasets.registry import Datasets
    from gpo.datasets.version import DatasetVersion
    from tasks.announce import Announcement

dataset_group = typer.Typer(
    help="Datasets with versions: pushed once, kept for ever, their examples always in the same split.",
    no_args_is_help=True,
)

commands = typer.Typer()
commands.add_typer(dataset_group, name="dataset", rich_help_panel=DATA)


@dataset_group.command("push")
def push(
    name: DatasetName,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .jsonl, .json, .csv, .tsv, .yaml, .parquet or .xlsx file.")
    ],
    *,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="Field that fills the prompt's variable; repeat it for several."),
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Field with the right answer.")] = None,
    identifier: Annotated[str | None, typer.Option("--id", help="Field with a unique id; '' for none.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of text files; by default UTF-8, or UTF-16 by its mark.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Of .csv and .tsv files; by default as their header has it.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook with several sheets: which of them.")] = None,
    note: VersionNote = "",
    who: Who = None,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Keep a file's rows as the next version of a dataset, and tell Prefect.

    The rows are checked first, as a run would. Fields are guessed at the first push and remembered. Content that the
    newest version has already changes nothing. A version is kept even if Prefect cannot be told: that is a warning,
    and the same push again tells it.
    """
    with exit_on_error(debug=debug):
        from flows.cli.display.datasets import pushed_text, show_push, version_json
        from gpo.datasets.fetch import FileFormat, rows_of_file, stamp_of
        from gpo.datasets.registry import FieldNames, Origin
        from gpo.settings import user_name

        folder = _folder(home)
        written = FileFormat(encoding, delimiter, sheet)
        rows = rows_of_file(file, written)
        origin = Origin(str(file), user_name() if who is None else who, note, stamp_of(str(file), written))
        given = FieldNames(tuple(inputs or ()), reference, identifier)
        with show_push(stderr_console()) as on_progress:
            datasets = _datasets(folder)
            pushed = datasets.push(name, rows, origin, given, on_progress)
        status = None
        if not as_json:
            typer.echo(pushed_text(pushed))
        if pushed.version.announced_at is None:
            announcement = _announce(datasets, pushed.version, folder)
            status = announcement.status
            print_error(f"Warning: {announcement.text}" if status == "failed" else _sentence(announcement.text))
        if as_json:
            print_json({"is_new": pushed.is_new, "event": status, **version_json(pushed.version)})


@dataset_group.command("announce")
def announce_again(reference: DatasetReference, *, home: Home = None, debug: Debug = False) -> None:
    """Tell Prefect of a version again, as when no server could be reached at its push."""
    with exit_on_error(debug=debug):
        from gpo.datasets.version import parse_reference

        folder = _folder(home)
        datasets = _datasets(folder)
        announcement = _announce(datasets, datasets.get(*parse_reference(reference)), folder)
        print_error(_sentence(announcement.text))
        if announcement.status != "sent":
            raise typer.Exit(1)


@dataset_group.command("list")
def list_datasets(home: Home = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """List all datasets with their newest versions."""
    with exit_on_error(debug=debug):
        from flows.cli.display.datasets import print_datasets, version_json

        versions = _datasets(_folder(home)).all()
        if as_json:
            print_json([version_json(version) for version in versions])
        else:
            print_datasets(stdout_console(), versions)


@dataset_group.command("show")
def show(
    reference: DatasetReference,
    *,
    rows: Annotated[int, typer.Option(help="How many rows to show.", min=0)] = 3,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a version: fields, labels with their shares, what changed, some rows."""
    with exit_on_error(debug=debug):
        from flows.cli.display.datasets import print_version, version_json
        from gpo.datasets.lines import sample_of
        from gpo.datasets.version import parse_reference

        datasets = _datasets(_folder(home))
        version = datasets.get(*parse_reference(reference))
        sample = sample_of(datasets.rows(version), rows)
        if as_json:
            print_json({**version_json(version), "sample": sample})
        else:
            print_version(stdout_console(), version, sample, datasets.history(version.name))


@dataset_group.command("diff")
def diff(
    name: DatasetName,
    a: Annotated[str, typer.Argument(metavar="A", help="A version's number.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show which rows were added, removed and relabelled from version A to version B, and how the labels shifted."""
    with exit_on_error(debug=debug):
        from flows.cli.display.datasets import print_difference
        from gpo.datasets.version import parse_version

        difference = _datasets(_folder(home)).diff(name, parse_version(a), parse_version(b))
        if as_json:
            print_json(difference.model_dump(mode="json"))
        else:
            print_difference(stdout_console(), difference)


@dataset_group.command("export")
def export(
    reference: DatasetReference,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .jsonl, .json, .csv or .tsv file.")],
    *,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="For another tool, as .jsonl: openai-evals, openai-chat, langsmith, langfuse, braintrust, mlflow or "
            "promptfoo.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    for_spreadsheets: Annotated[
        bool,
        typer.Option("--for-spreadsheets", help="Put an apostrophe before a text that would be taken for a formula."),
    ] = False,
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Write a version's rows to a file."""
    with exit_on_error(debug=debug):
        from gpo.datasets.export import export as export_rows
        from gpo.datasets.version import parse_reference

        datasets = _datasets(_folder(home))
        version = datasets.get(*parse_reference(reference))
        rows = datasets.rows(version)
        export_rows(rows, version, file, form, force=force, for_spreadsheets=for_spreadsheets)
        typer.echo(f"Wrote {version.rows} rows of {version.label} to {file}")


@dataset_group.command("import")
def import_rows(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="langsmith, langfuse, braintrust, mlflow, promptfoo, openai-evals, openai-chat, squad, mmlu or arc.",
        ),
    ],
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The exported file.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The .jsonl file to write; by default SOURCE's name, here.")
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Turn an export of another tool, or a published file, into plain rows: a JSONL file."""
    with exit_on_error(debug=debug):
        from gpo.datasets.imports import import_file

        found = import_file(kind, source, file or Path(f"{source.name.partition('.')[0]}.jsonl"), force=force)
        if found.left_out:
            print_error(f"Left out {found.left_out} that cannot be used; the first: {found.reason}")
        said = f", {found.annotated} of them with what people said: the field `feedback`" if found.annotated else ""
        typer.echo(
            f"Wrote {found.rows} rows to {found.path}{said}\nNext: `{program()} spec init NAME --data {found.path}`"
        )


def _announce(datasets: "Datasets", version: "DatasetVersion", folder: Path) -> "Announcement":
    """Tell the Prefect server that hears of what happens in a state folder of a version."""
    from flows.stack.environment import find_api_url, prepare_prefect
    from tasks.announce import announce_and_record

    prepare_prefect(folder)
    return announce_and_record(datasets, version, find_api_url(folder))


def _folder(home: Path | None) -> Path:
    from gpo.settings import load_settings

    return (home or load_settings().home_here()).absolute()


def _datasets(folder: Path) -> "Datasets":
    from gpo.datasets.registry import Datasets
    from gpo.settings import load_settings

    return Datasets(load_settings(), folder)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
