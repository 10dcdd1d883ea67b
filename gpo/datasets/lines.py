"""Rows as they are kept: canonical JSON lines in the order of their hashes, so that equal rows are equal files.

Large contents stay on disk: sorting and comparing hold hashes, and of the rows only what differs.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from operator import itemgetter
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, Self

from gpo.data.sources.files import Number, NumberedRow, parse_json
from gpo.errors import DatasetError
from gpo.formatting import shorten_value

_BUCKETS = 64
_IN_MEMORY = 1 << 18


def canonical_line(row: Mapping[str, Any]) -> bytes:
    r"""A row as one line of JSON: keys sorted, no spaces, numbers as they were written.

    Raises:
        DatasetError: a value has no form in JSON; the message names its field.

    >>> canonical_line({"b": [Number("0.10"), None], "a": "é"})
    b'{"a":"\xc3\xa9","b":[0.10,null]}\n'
    """
    parts = []
    for field in sorted(row):
        try:
            parts.append(f"{_text(field)}:{_json(row[field])}".encode())
        except UnicodeEncodeError as error:
            half = f"{error.object[error.start]!a}"
            raise DatasetError(f"field `{field!a}`: {half} is half a character, which no file holds") from None
        except RecursionError:
            raise DatasetError(f"field `{field}`: nested too deeply") from None
        except TypeError:
            raise DatasetError(
                f"field `{field}`: {shorten_value(row[field])} has no form in JSON; turn it into text, or leave the "
                "field out"
            ) from None
    return b"{" + b",".join(parts) + b"}\n"


def _json(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"  # how tables write that there is nothing
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_text(name)}:{_json(value[name])}' for name in sorted(value))}}}"
    return json.dumps(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def row_of(line: bytes) -> Mapping[str, Any]:
    """The row of a canonical line."""
    found = parse_json(line.decode())
    assert isinstance(found, dict)  # noqa: S101 - `canonical_line` writes no other
    return found


def row_hash(line: bytes) -> bytes:
    """By which lines are sorted."""
    return hashlib.sha256(line).digest()


def _temporary(in_memory: int) -> SpooledTemporaryFile[bytes]:
    """Bytes that go to a disk when they are more; there the file has no name, so it ends with the process."""
    return SpooledTemporaryFile(max_size=in_memory)


class Spool:
    """Numbered rows on their way from the source, in its order; on disk when they are many."""

    def __init__(self) -> None:
        self._file = _temporary(_BUCKETS * _IN_MEMORY)

    def add(self, number: int, line: bytes) -> None:
        """Put one row at the end."""
        self._file.write(b"%d " % number + line)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        self._file.seek(0)
        for entry in self._file:
            number, _, line = entry.partition(b" ")
            yield int(number), line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class SortedLines:
    """Lines in the order of their hashes, as many as there are of each; on disk when they are many."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._buckets = [self._stack.enter_context(_temporary(_IN_MEMORY)) for _ in range(_BUCKETS)]

    def add(self, line: bytes) -> None:
        """Put one among them."""
        self._buckets[row_hash(line)[0] * _BUCKETS >> 8].write(line)

    def __iter__(self) -> Iterator[bytes]:
        for bucket in self._buckets:
            bucket.seek(0)
            yield from sorted(bucket, key=row_hash)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def only_in_one(before: Path, after: Path) -> Iterator[tuple[bytes, bool]]:
    """The lines of two stored files that the other has not, or has fewer of; and whether it is the second that has it.

    Both are sorted, so nothing is held.
    """
    with before.open("rb") as old, after.open("rb") as new:
        left, right = _hashed(old), _hashed(new)
        one, other = next(left, None), next(right, None)
        while one is not None or other is not None:
            if other is None or (one is not None and one[0] < other[0]):
                assert one is not None  # noqa: S101 - for the type checker
                yield one[1], False
                one = next(left, None)
            elif one is None or other[0] < one[0]:
                yield other[1], True
                other = next(right, None)
            else:
                one, other = next(left, None), next(right, None)


def _hashed(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return ((row_hash(line), line) for line in lines)


def sample_of(path: Path, count: int) -> list[Mapping[str, Any]]:
    """The first rows of a stored file, which are some of it: it is sorted by hashes."""
    with path.open("rb") as file:
        return [row_of(line) for line in map(itemgetter(1), zip(range(count), file, strict=False))]


def read_lines(path: Path) -> Iterator[NumberedRow]:
    """The rows of a stored file."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            yield number, row_of(line)
