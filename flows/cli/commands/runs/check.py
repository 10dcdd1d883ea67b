"""`gpo check`: whether the prompt of the working tree may replace the one in production, by the word of the gate."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import exit_on_error, print_json, stderr_console, stdout_console
from flows.cli.options import AsJson, Debug, SpecHome, SpecPath
from flows.cli.panels import PRODUCTION
from flows.cli.state import open_state_folder

commands = typer.Typer()


@commands.command(rich_help_panel=PRODUCTION)
def check(
    spec: SpecPath,
    *,
    against: Annotated[str, typer.Option(metavar="REF", help="An alias, a version's number, or `latest`.")] = (
        "production"
    ),
    prompt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A text file with the prompt; by default the spec's own.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write test results in the format of JUnit.")] = (
        None
    ),
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a summary for a pull request.")] = None,
    home: SpecHome = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Ask the gate whether the prompt of the working tree may replace the one in production.

    Both are scored on the locked test split, without a search; answers in the ledger are not paid for again. It counts
    as a use of the test split and of the alias, by which it is held to the error budget. Nothing is promoted.

    Example: `gpo check tickets.yaml --prompt prompts/tickets.txt --markdown summary.md`
    """
    with exit_on_error(debug=debug, pays=True):
        from flows.cli.display.checked.check import check_json, print_check
        from flows.cli.display.run import Display
        from flows.cli.interrupts import run_interruptibly
        from gpo.models.sharing import share_answers
        from gpo.production.check import check_prompt
        from gpo.production.decision_log import Production
        from gpo.progress import listen
        from gpo.report.checks.junit import check_junit
        from gpo.report.checks.markdown import check_markdown
        from gpo.report.checks.told import EXIT_CODES
        from gpo.runs.job import load_job
        from gpo.runs.score import with_instruction

        for file in filter(None, (junit, markdown)):
            _check_writable(file)
        job = load_job(spec, home=home)
        if prompt is not None:
            job = with_instruction(job, _read_prompt(prompt))
        with (
            open_state_folder(job.home) as engine,
            share_answers(),
            Display(stderr_console()) as display,
            listen(display),
        ):
            checked = run_interruptibly(lambda: check_prompt(job, Production(engine), against), display.tell)
        for path, text in ((junit, check_junit), (markdown, check_markdown)):
            if path is not None:
                _write(path, text(checked))
        if as_json:
            print_json(check_json(checked))
        else:
            print_check(stdout_console(), checked)
        raise typer.Exit(EXIT_CODES[checked.outcome])


def _read_prompt(path: Path) -> str:
    from gpo.errors import PromptError

    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise PromptError(f"{path}: the prompt cannot be read: {why}") from None


def _check_writable(path: Path) -> None:
    """Before anything is paid: whether the file can be written in the end."""
    from gpo.files import check_writable

    with _told_of(path):
        check_writable(path)


def _write(path: Path, text: str) -> None:
    from gpo.files import write_whole

    with _told_of(path):
        write_whole(path, text)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    from gpo.errors import InputError

    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
