"""Whether answers can be kept: looked at before the first of them is paid for."""

import errno
import tempfile
from pathlib import Path

from sqlalchemy import Engine, delete, insert

from gpo.database.engine import utc_now, write_transaction
from gpo.database.tables import calls
from gpo.errors import InputError, StateError

ROOM_BYTES = 4_000_000
"""What a folder must have room for: the answers of a small run."""

_TRIAL = "trial"
"""A digest that no call has."""


def check_folder(folder: Path) -> None:
    """Look whether files can be written to a folder, or where it will be made; nothing stays of it.

    Raises:
        InputError: they cannot, and why.
    """
    there = next(each for each in (folder, *folder.resolve().parents) if each.exists())
    if not there.is_dir():
        raise InputError(f"the state folder {folder} cannot be used: {there} is a file; set GPO_HOME to a folder")
    try:
        with tempfile.TemporaryFile(dir=there) as trial:
            trial.write(b"\0" * ROOM_BYTES)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = f"make room for {ROOM_BYTES // 1_000_000} MB, or set GPO_HOME to a folder on another disk"
        else:
            advice = f"make {there} writable, or set GPO_HOME to another folder"
        raise InputError(f"the state folder {folder} cannot be written to ({error.strerror}): {advice}") from None


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
    try:
        with write_transaction(engine) as connection:
            connection.execute(delete(calls).where(calls.c.digest == _TRIAL))
            connection.execute(insert(calls), row)
            connection.execute(delete(calls).where(calls.c.digest == _TRIAL))
    except StateError as error:
        raise InputError(str(error)) from None
