"""How a command ends: its errors as one message and an exit code. 0 done, 1 failed, 2 the input was wrong."""

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from gpo.errors import GpoError, InputError

_KEY = re.compile(r"\b(sk|pk|key)-[\w-]{8,}")


@contextmanager
def speaking(*, debug: bool, pays: bool = False) -> Iterator[None]:
    """Turn errors into one message, or a traceback, and an exit code."""
    kept = " What was paid for is kept: the same command goes on from here." if pays else ""
    try:
        yield
    except KeyboardInterrupt:
        say(f"Interrupted.{kept}")
        raise typer.Exit(130) from None
    except GpoError as error:
        say(traceback.format_exc() if debug else f"Error: {error}")
        raise typer.Exit(2 if isinstance(error, InputError) else 1) from None
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001 - the last to hear of it
        text = traceback.format_exc() if debug else f"Error: {_unexpected(error)}; --debug shows where.{kept}"
        say(_KEY.sub("***", text))
        raise typer.Exit(1) from None
    except BaseException as error:
        # Prefect turns SIGTERM into an exception of its own, which this module must not import to catch.
        if type(error).__name__ != "TerminationSignal":
            raise
        say(f"Terminated.{kept}")
        raise typer.Exit(143) from None


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
    first = str(error).strip().partition("\n")[0].strip()[:300]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def say(text: str) -> None:
    """Print to stderr: stdout is for what was asked for."""
    typer.echo(text, err=True)
