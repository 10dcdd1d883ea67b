"""How commands print and end: tables on a terminal, lines with tabs in a pipe, errors as one message."""

import errno
import importlib.util
import json
import os
import select
import shlex
import shutil
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer
from rich.console import Console

from flows.cli.signals import Interrupted, handling, interrupt
from gpo.errors import PIPELINE, DatabaseUnusableError, GpoError, InputError
from gpo.formatting import printable, shorten_words
from gpo.redaction import mask_known, mask_secrets

if TYPE_CHECKING:
    from gpo.data.guessing.choices import ChoiceToMake

_FOLDED = frozenset({"aliases", "changes", "instruction", "note", "why"})
"""Columns that take several lines where the terminal is narrow; the others are cut."""


_NEEDS_PIPELINE = (
    "this needs the pipeline, and what is installed only reads prompts: "
    f"{PIPELINE}; without it there are `gpo prompt` and `gpo serve-prompts`"
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

CLOSED_PIPE = 141
"""Exit code where whoever read the output has gone, as of a program that SIGPIPE ended."""


class _Output(Console):
    """A console that leaves it to `exit_on_error` what happens when nobody reads the output any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def stdout_console(wide: int | None = None) -> Console:
    """Where what was asked for is printed: as wide as the terminal, or `wide` columns in a file or a pipe."""
    console = _Output()
    return console if console.is_terminal or wide is None else _Output(width=wide)


def stderr_console() -> Console:
    """Where is printed what a person may want to see in the meantime."""
    return _Output(stderr=True)


def program() -> str:
    """The command `gpo` as a person types it here: its path where the shell finds none, or another one."""
    called = Path(sys.argv[0])
    found = shutil.which("gpo")
    if called.name != "gpo" or (found is not None and Path(found).samefile(called)):
        return "gpo"
    return shlex.quote(str(called))


def as_typed(command: str) -> str:
    """A command that begins with `gpo`, so that it works as it stands where this one did."""
    return program() + command.removeprefix("gpo")


def format_time(console: Console, iso: str) -> str:
    """A time in UTC: to the minute for people, whole in a pipe."""
    return f"{iso[:10]} {iso[11:16]}" if console.is_terminal else iso


def print_json(content: object) -> None:
    """One line of JSON."""
    typer.echo(json.dumps(content, ensure_ascii=False))


def print_table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One row a line."""
    if not console.is_terminal:
        for row in (columns, *rows):
            # Not through Rich, which turns tabs into spaces.
            console.file.write("\t".join(row) + "\n")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold" if column in _FOLDED else "ellipsis")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


@contextmanager
def exit_on_error(*, debug: bool, pays: bool = False, light: bool = False) -> Iterator[None]:
    """Turn errors into one message, or a traceback, and an exit code.

    `debug` shows the traceback. `pays` says that what was paid for is kept. A `light` command needs no more than the
    base of the package; any other begins by looking for the pipeline. Where nobody reads the output any more, the
    command ends without a word.
    """
    kept = " What was paid for is kept: the same command goes on from here." if pays else ""
    try:
        with handling(interrupt):
            if not light:
                _check_pipeline()
            yield
        sys.stdout.flush()
    except Interrupted as signal:
        print_error(f"{signal.word}.{kept}")
        raise typer.Exit(signal.exit_code) from None
    except KeyboardInterrupt:
        print_error(f"Interrupted.{kept}")
        raise typer.Exit(130) from None
    except GpoError as error:
        print_error(mask_known(traceback.format_exc() if debug else f"Error: {shorten_words(str(error))}"))
        is_input = isinstance(error, InputError) or (isinstance(error, DatabaseUnusableError) and not pays)
        raise typer.Exit(2 if is_input else 1) from None
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001 - the last to hear of it
        if isinstance(error, BrokenPipeError) and _is_unread():
            raise typer.Exit(CLOSED_PIPE) from None
        if isinstance(error, ModuleNotFoundError) and not (debug or _has_pipeline()):
            # A light command that has more to do than usual, as with a database of an older version.
            print_error(f"Error: {_NEEDS_PIPELINE} ({error})")
            raise typer.Exit(2) from None
        told = _full_disk(error) or f"{_unexpected(error)}; --debug shows where."
        print_error(mask_secrets(traceback.format_exc()) if debug else f"Error: {told}{kept}")
        raise typer.Exit(1) from None


def _check_pipeline() -> None:
    if not _has_pipeline():
        raise InputError(_NEEDS_PIPELINE)


def _has_pipeline() -> bool:
    """Whether more is installed than what reads prompts."""
    return importlib.util.find_spec("prefect") is not None


def _is_unread() -> bool:
    """Whether stdout or stderr is a pipe that nobody reads. What is still to be written there is thrown away."""
    unread = [stream for stream in (sys.stdout, sys.stderr) if _has_no_reader(stream)]
    for stream in unread:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return bool(unread)


def _has_no_reader(stream: TextIO) -> bool:
    if not hasattr(select, "poll"):
        return True  # Windows: nothing else of a command writes to a pipe
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # no file of the system
        return False
    ends = select.poll()
    ends.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in ends.poll(0))


def _full_disk(error: Exception) -> str:
    """What to do where a file could not be written since the disk is full; empty for any other error."""
    if not isinstance(error, OSError) or error.errno not in _FULL:
        return ""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}: free some space, then run the same command again."


def _unexpected(error: Exception) -> str:
    # Models, Chroma and other registries have errors of their own: what is left of HTTP is Prefect's client. It is told
    # by its name, since httpx takes a while to import.
    if any(kind.__module__.startswith("httpx") for kind in type(error).__mro__):
        return (
            f"the Prefect server cannot be used ({_named(error)}): see that it runs at the address of PREFECT_API_URL, "
            "then run the same command again"
        )
    return _named(error)


def _named(error: Exception) -> str:
    first = mask_secrets(str(error)).strip().partition("\n")[0].strip()[:300]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def ask_person(question: "ChoiceToMake") -> str:
    """The answer of the person at the terminal, asked on stderr until it is one of the possible ones."""
    from rich.prompt import Prompt
    from rich.text import Text

    answers = list(question.answers)
    return Prompt.ask(Text(question.text), choices=answers, default=question.default, console=stderr_console())


def print_error(text: str) -> None:
    """Print to stderr: stdout is for what was asked for."""
    typer.echo(printable(text), err=True)
