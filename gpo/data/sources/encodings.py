"""By what encoding a text file seems to be written, found by trying."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gpo.data.sources.files import detect_reading, open_bytes
from gpo.errors import DatasetError
from gpo.formatting import shorten_value

_CHUNK = 1 << 20
_LOOKED_AT = 1 << 16
_MOST_HIGH = 0.2
"""Share of bytes beyond ASCII; Western languages have less, and what has more is written in another alphabet."""


_OTHERS = ("gb18030", "big5", "shift_jis", "euc_kr", "cp1251", "cp1256", "latin-1")
_SHOWN = 20


class EncodingGuess(NamedTuple):
    """An encoding, and how it was found where it is not plain UTF-8."""

    encoding: str
    why: str = ""


def detect_encoding(path: Path) -> EncodingGuess:
    """UTF-8 if the whole file is; UTF-16 by its mark or its zeros; else cp1252, the one of Western Windows.

    Raises:
        DatasetError: it is none of these, or the file cannot be read.
    """
    if (marked := detect_reading(path).encoding) != "utf-8":
        return EncodingGuess(marked, "by its byte order mark")
    with open_bytes(path) as file:
        start = file.read(_LOOKED_AT)
    if found := _utf16(start):
        return EncodingGuess(found, "by the zeros between its bytes")
    place = _first_no_utf8(path)
    if place is None:
        return EncodingGuess("utf-8")
    with open_bytes(path) as file:
        whole = file.read()
    line, byte = whole.count(b"\n", 0, place) + 1, whole[place]
    why = f"it is not UTF-8: byte {byte:#04x} in line {line}"
    if sum(each > 0x7F for each in whole) <= _MOST_HIGH * len(whole):
        try:
            whole.decode("cp1252")
        except UnicodeDecodeError:
            pass
        else:
            return EncodingGuess("cp1252", why)
    raise DatasetError(
        f"{path}: {why}, nor does it look like UTF-16 or cp1252; name its encoding, or save the file as UTF-8"
        f"{''.join(_readings(whole))}"
    )


def _readings(whole: bytes) -> Iterator[str]:
    """What the file begins with in each encoding that can be, for a person to see which is the right one."""
    for name in _OTHERS:
        try:
            text = whole.decode(name)
        except UnicodeDecodeError:
            continue
        shown = next((line.strip() for line in text.splitlines() if not line.isascii()), "")
        yield f"\n  --encoding {name} reads {shorten_value(shown[:_SHOWN])}"


def check_encoding(name: str) -> str:
    """The name of an encoding that is known here.

    Raises:
        DatasetError: it is not.
    """
    try:
        "a".encode(name)
    except LookupError:
        raise DatasetError(
            f"encoding '{name}' is not known here; allowed: utf-8, utf-16, cp1252, latin-1 and so on"
        ) from None
    return name


def _utf16(start: bytes) -> str | None:
    """Without a mark, every other byte of Latin text is zero."""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    half = len(start) // 2
    if half < 2 or max(even, odd) < half / 2 or min(even, odd) > half / 10:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _first_no_utf8(path: Path) -> int | None:
    """Where the first byte is that UTF-8 does not allow; None where there is none."""
    decoder, read = codecs.getincrementaldecoder("utf-8")(), 0
    with open_bytes(path) as file:
        while chunk := file.read(_CHUNK):
            kept = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return read - kept + error.start
            read += len(chunk)
    return None if not decoder.getstate()[0] else read - len(decoder.getstate()[0])
