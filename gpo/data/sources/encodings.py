"""By what encoding a text file seems to be written, found by trying."""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import charset_normalizer

from gpo.data.sources.files import detect_reading, open_bytes
from gpo.errors import DatasetError
from gpo.formatting import shorten_value

_CHUNK = 1 << 20
_LOOKED_AT = 1 << 16
_MOST_HIGH = 0.2
"""Share of bytes beyond ASCII; Western languages have less, and what has more is written in another alphabet."""


_OTHERS = ("gb18030", "big5", "shift_jis", "euc_jp", "cp949", "cp1250", "cp1251", "cp1253", "cp1256", "latin-1")
_SHOWN, _MOST_READINGS = 20, 3
_LIKELY = (
    "gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
    "cp874", "iso8859_2", "iso8859_6", "koi8_r", "cp866", "cp850", "mac_roman",
)  # fmt: skip
"""Of the many encodings that there are, those in which people's files are."""

_NAMED = {"cp932": "shift_jis"}
"""Encodings by another name, which more people know."""

_FOREIGN = re.compile(r"[^\W\d_][¹²³¿¼½¾¢£¥§¶¤¦±¡ªº¬¨¯][^\W\d_]|ø\w*ì|ì\w*ø")
_TURKISH, _ICELANDIC = re.compile("[þð]"), re.compile("[æáíóú]")
"""What cp1252 makes of the letters of Polish and Czech, signs within words, and of Turkish, letters of Icelandic,
which has others that no Turkish text has, and of Romanian, whose other letter is `ã`."""

_HUNGARIAN = ("[õû]", "[öü]", "[áíóú]")
"""What cp1252 makes of its letters: no Western language has some of each."""

_LATIN, _OTHER = r"[a-zA-Z\u00c0-\u017e]", r"[\u0370-\u04ff\u0620-\u064a]"
_MIXED = re.compile(rf"{_LATIN}{_OTHER}|{_OTHER}{_LATIN}|[\x80-\x9f]")
"""Letters of two alphabets in one word, and control characters: no reading of a text."""
_SOME = 2
_JAPANESE = ("shift_jis", "cp932", "euc_jp")
_HIRAGANA, _HIRAGANA_SHARE = re.compile("[\u3041-\u3096]"), 0.1
"""Characters that stand in every Japanese sentence and in no other; the share is of two bytes each."""


class EncodingError(DatasetError):
    """A file is written in an encoding that is not sure; `likely` is the one that it seems to be, if there is one."""

    def __init__(self, text: str, likely: str | None) -> None:
        super().__init__(text)
        self.likely = likely


class EncodingGuess(NamedTuple):
    """An encoding, and how it was found where it is not plain UTF-8."""

    encoding: str
    why: str = ""


def detect_encoding(path: Path) -> EncodingGuess:
    """UTF-8 if the whole file is; UTF-16 by its mark or its zeros; else cp1252, the one of Western Windows.

    Raises:
        EncodingError: it is none of these, or its words say that cp1252 is wrong.
        DatasetError: the file cannot be read.
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
    if _is_western(whole):
        return EncodingGuess("cp1252", why)
    likely = _likely(whole)
    others = dict.fromkeys([likely, *_OTHERS] if likely else _OTHERS)
    raise EncodingError(
        f"{path}: {why}, nor does it look like UTF-16 or cp1252; name its encoding, or save the file as UTF-8"
        f"{''.join(islice(_readings(whole, others), _MOST_READINGS))}",
        likely,
    )


def _is_western(whole: bytes) -> bool:
    text = _as_western(whole)
    is_foreign = _has(_FOREIGN, text) or _has_thorns(text) or _is_hungarian(text)
    return _has_few_marks(whole) and "\N{REPLACEMENT CHARACTER}" not in text and not is_foreign


def _has(form: re.Pattern[str] | str, text: str) -> bool:
    return len(re.findall(form, text)) >= _SOME


def _has_thorns(text: str) -> bool:
    return _has(_TURKISH, text) and not _has(_ICELANDIC, text)


def _is_hungarian(text: str) -> bool:
    return all(_has(letters, text) for letters in _HUNGARIAN)


def _has_few_marks(whole: bytes) -> bool:
    return sum(each > 0x7F for each in whole) <= _MOST_HIGH * len(whole)


def _as_western(whole: bytes) -> str:
    return whole.decode("cp1252", errors="replace")


def _likely(whole: bytes) -> str | None:
    """The encoding whose text looks most like one of a language; None where nothing does."""
    text = _as_western(whole) if _has_few_marks(whole) else ""
    if _has_thorns(text) and not _FOREIGN.search(text) and "ã" not in text:
        return "cp1254"
    if _is_hungarian(text):
        return "cp1250"
    for name in _JAPANESE:
        if len(_HIRAGANA.findall(_decoded(whole, name))) >= _HIRAGANA_SHARE * sum(each > 0x7F for each in whole):
            return name
    found = charset_normalizer.from_bytes(whole[:_LOOKED_AT], cp_isolation=[*_LIKELY])
    names = [each.encoding for each in found if not _is_odd(str(each))] or [each.encoding for each in found]
    return _NAMED.get(names[0], names[0]) if names else None


def _is_odd(text: str) -> bool:
    """Whether a text has in its words what stands in no word."""
    return _has(_FOREIGN, text) or _has(_MIXED, text) or ("ã" in text and _has("[ºþ]", text))


def _decoded(whole: bytes, encoding: str) -> str:
    """The text of all bytes; empty where they are not of the encoding."""
    try:
        return whole.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _readings(whole: bytes, names: Iterable[str]) -> Iterator[str]:
    """What the file begins with in each encoding that can be, for a person to see which is the right one."""
    for name in names:
        if not (text := _decoded(whole, name)):
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
