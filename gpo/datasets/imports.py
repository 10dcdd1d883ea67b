"""Exports of other tools and published files as a file of plain rows."""

from pathlib import Path
from typing import NamedTuple

from gpo.datasets.formats.plain import FEEDBACK
from gpo.datasets.formats.registry import FORMATS
from gpo.datasets.lines import canonical_line
from gpo.errors import DatasetError, InputError, suggestion
from gpo.files import write_whole


class ImportedFile(NamedTuple):
    """What became of an export: the file with its rows, and what was left out, with the first reason.

    `annotated` is how many rows have what people said of an answer.
    """

    path: Path
    rows: int
    left_out: int
    reason: str = ""
    annotated: int = 0


def import_file(name: str, source: Path, path: Path, *, force: bool = False) -> ImportedFile:
    """Write the rows of an export to `path`, a JSONL file, whole or not at all.

    Raises:
        InputError: the format is unknown, or the file is there already and `force` is not set, or cannot be written.
        DatasetError: the source is not there or not of the format, or no row of it can be used.
    """
    if name not in FORMATS:
        raise InputError(f"'{name}' is no format that is known{suggestion(name, FORMATS)}")
    if path.exists() and not force:
        raise InputError(f"{path}: is there already; choose another name, or overwrite it with --force")
    lines: list[bytes] = []
    reasons: list[str] = []
    annotated = 0
    try:
        for number, row in enumerate(FORMATS[name].read(source), start=1):
            if isinstance(row, str):
                reasons.append(f"row {number}: {row}")
            else:
                lines.append(canonical_line(row))
                annotated += FEEDBACK in row
    except OSError as error:
        raise DatasetError(f"{source}: cannot be read: {error.strerror or error}") from None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise DatasetError(f"{source}: is no file of the format {name}: {type(error).__name__} {error}") from None
    first = reasons[0] if reasons else ""
    if not lines:
        raise DatasetError(f"{source}: holds no row of the format {name}{f'; {first}' if first else ''}")
    try:
        write_whole(path, b"".join(lines).decode())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    return ImportedFile(path, len(lines), len(reasons), first, annotated)
