"""Whether answers can be kept: looked at before the first of them is paid for."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, delete, insert

from gpo.database.engine import utc_now, write_transaction
from gpo.database.tables import calls
from gpo.errors import InputError, StateError
from gpo.files import real_path
from gpo.settings import DATABASE_FILE

ROOM_BYTES = 4_000_000
"""What a folder must have room for: the answers of a small run."""

PARTS = frozenset(
    {
        *(DATABASE_FILE, "prefect.db", "results", "reports", "comparisons", "datasets", "logs"),
        *("chroma", "chroma-server", "prefect", "prefect-runs", "prefect-users"),
    }
)
"""What a state folder holds of ours; whatever else lies there, `lost+found` of a disk say, is nobody's matter here."""

_TRIAL = "trial"
"""A digest that no call has."""


def check_folder(folder: Path) -> None:
    """Look whether files can be written to a folder, or where it will be made; nothing stays of it.

    Raises:
        InputError: they cannot, and why.
    """
    there = folder
    try:
        there = _nearest(folder)
        if there == folder:
            _check_parts(folder)
        with tempfile.TemporaryFile(dir=there) as trial:
            trial.write(b"\0" * ROOM_BYTES)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = f"make room for {ROOM_BYTES // 1_000_000} MB, or set GPO_HOME to a folder on another disk"
        else:
            advice = f"make {there} writable, or set GPO_HOME to another folder"
        raise InputError(f"the state folder {folder} cannot be written to ({error.strerror}): {advice}") from None


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there.

    Raises:
        InputError: a link to nowhere, or a file, is in its place.
        OSError: a folder above it may not be entered.
    """
    if folder.is_symlink() and not folder.exists():
        raise InputError(
            f"the state folder {folder} cannot be used: it is a link to {folder.readlink()}, which is not there; make "
            "that folder, or set GPO_HOME to another one"
        )
    there = next(each for each in (folder, *real_path(folder).parents) if each.exists())
    if not there.is_dir():
        raise InputError(f"the state folder {folder} cannot be used: {there} is a file; set GPO_HOME to a folder")
    return there


def _check_parts(folder: Path) -> None:
    if shut := next(filter(_is_shut, (folder / name for name in sorted(PARTS))), None):
        raise InputError(
            f"the state folder {folder} cannot be used: {shut} cannot be written to; make it writable, or set GPO_HOME "
            "to another folder"
        )


@contextmanager
def before_paying() -> Iterator[None]:
    """As long as nothing was paid for, a state that cannot be used is an input that cannot be used.

    Raises:
        InputError: in place of a StateError.
    """
    try:
        yield
    except StateError as error:
        raise InputError(str(error)) from None


def _is_shut(part: Path) -> bool:
    """Whether a folder or a database of ours cannot be written to."""
    return part.exists() and not os.access(part, os.W_OK | os.X_OK if part.is_dir() else os.W_OK)


def check_database(engine: Engine) -> None:
    """Look whether a database takes an answer; it is as before afterwards.

    Raises:
        InputError: it does not, and why.
    """
    row = {
        "digest": _TRIAL,
        "role": "",
        "model": "",
        "repeat": 0,
        "messages": "[]",
        "text": "",
        "input_tokens": 0,
        "output_tokens": 0,
        "created_at": utc_now(),
    }
    with before_paying(), write_transaction(engine) as connection:
        connection.execute(delete(calls).where(calls.c.digest == _TRIAL))
        connection.execute(insert(calls), row)
        connection.execute(delete(calls).where(calls.c.digest == _TRIAL))
