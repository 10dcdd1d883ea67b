"""`gpo read`: how texts are read and scored, and by which rule. Calls no model."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import exit_on_error, print_json
from flows.cli.options import Debug
from flows.cli.panels import INSPECT
from gpo.errors import InputError

commands = typer.Typer()

STDIN = "-"


@commands.command(rich_help_panel=INSPECT)
def read(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The task spec; `-` with --json: cases from stdin.")],
    *,
    text: Annotated[str | None, typer.Option(help="The text to read; by default stdin.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file with the text to read.")] = None,
    reference: Annotated[str | None, typer.Option(help="The right answer, to score the text by.")] = None,
    question: Annotated[str, typer.Option(help="The question, where it lists options.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON to stdout and nothing else.")] = False,
    cut: Annotated[bool, typer.Option("--cut", help="The token limit ended the text.")] = False,
    debug: Debug = False,
) -> None:
    """Show how a text is read and scored, and by which rule.

    `gpo read --json -` takes one case a line on stdin: an object with `answer`, `metric`, `text` and `reference` as in
    a spec and its data, and, if need be, `question` and `cut`. It prints one line for each in order, with `answer`
    (null where the text states none or cannot be read), `rule`, `weak` and `score`, or `error` for what is no case.
    """
    with exit_on_error(debug=debug):
        if spec == STDIN:
            if not as_json or text is not None or file is not None:
                raise InputError(
                    "`-` reads cases from stdin and goes with --json alone; name a spec for --text or --file"
                )
            with _text_of_stdin():
                for line in _read_cases(sys.stdin):
                    print_json(line)
            return
        from flows.cli.display.reading import reading_json, reading_lines
        from gpo.scoring.case import Case, score_case
        from gpo.spec.file import load_spec

        task = load_spec(Path(spec))
        case = Case(
            answer=task.answer,
            metric=task.metric,
            text=_given_text(text, file),
            reference=reference,
            question=question,
            cut=cut,
        )
        reading, result = score_case(case)
        if as_json:
            print_json(reading_json(reading, result))
        else:
            typer.echo("\n".join(reading_lines(case, reading, result)))


def _read_cases(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    from flows.cli.display.reading import reading_json
    from gpo.errors import GpoError
    from gpo.scoring.case import parse_case, score_case

    for line in lines:
        if not line.strip():
            continue
        try:
            yield reading_json(*score_case(parse_case(line)))
        except (GpoError, ValueError, RecursionError) as error:
            yield {"answer": None, "rule": "", "score": None, "error": str(error)}


@contextmanager
def _text_of_stdin() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(f"stdin: cannot be read: {error}; send text in {error.encoding.upper()}") from None


def _given_text(text: str | None, file: Path | None) -> str:
    if text is not None and file is not None:
        raise InputError("give the text by --text or by --file, not by both")
    if text is not None:
        return text
    if file is None:
        with _text_of_stdin():
            return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}; name a text file in UTF-8") from None
