"""Cuts an instruction into its sentences, in any script, so that an edit can take or leave each as a whole.

A unit is a sentence, an item of a list, or a line without a mark at its end. Where it is not sure that a sentence ends,
none does: a unit that is too long is still whole, one that is too short is not. So an abbreviation, a number, a single
letter and a mark within brackets or quotes end no sentence, and neither does a mark before a small letter.

Two kinds of unit have parts. A sentence has its clauses between semicolons, which can each stand alone. A line that
announces others, such as `Rules:` or a heading, is one unit with what it announces; its parts are that line and those.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

import regex

UnitKind = Literal["sentence", "item", "block"]


class Unit(NamedTuple):
    """A piece of a text that is taken or left as a whole. Gap, mark and text of all units, joined, are the text."""

    text: str
    gap: str = ""
    """The whitespace before it."""
    mark: str = ""
    """The mark of a list item, such as `- ` or `2. `."""
    kind: UnitKind = "sentence"
    parts: tuple["Unit", ...] = ()
    """The clauses of a sentence; the announcing line of a block and what it announces. None, or two and more."""


_MARK = regex.compile(
    r"(?:[-*+\u2022\u2023\u25e6\u2043\u25aa\u25cf\u30fb\u2013\u2014](?=\s)|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)](?=\s)"
    r"|\uff08?[\d\uff10-\uff19一二三四五六七八九十]{1,3}[、\uff0e\uff09]|[\u2460-\u2473])[^\S\n]*(?=\S)"
)
_HEADING = re.compile(r"#{1,6}\s")
_ANNOUNCES = re.compile(r"[:\uff1a][*_]*$")

_CLOSERS = "\"'*_`)\\]}\u201d\u2019\u00bb\u300d\u300f\uff09\u3011\uff02"
_SPACED = r"[.!?\u2026\u061f\u06d4\u0964\u0965\u0589\u1362\u17d4\u104b\u0f0d\u2047-\u2049]"
_WIDE = r"[\u3002\uff01\uff1f\uff61]"
_END = regex.compile(
    rf"(?:{_WIDE}+(?:[{_CLOSERS}]+(?=\s)|(?![{_CLOSERS}]))|(?P<marks>{_SPACED}+)[{_CLOSERS}]*(?=\s))(?=\s*\S)"
)
_SEMICOLON_LAST = regex.compile(r"[;\u061b\u037e\uff1b]\Z")
_SEMICOLON = regex.compile(r"[;\u061b\u037e](?=\s)|\uff1b")

_SHORTENED = regex.compile(
    r"(?:approx|bzw|ca|cf|dept|dr|eg|esp|evtl|ggf|ie|incl|inkl|mr|mrs|ms|prof|resp|sog|sr|sra|viz|vs"
    r"|\u043d\u0430\u043f\u0440|\u0441\u043c|\u0438\u043c)\."
)
"""Abbreviations after which a sentence goes on; those of single letters, such as e.g. and z.B., need no list."""

_NUMBERS = regex.compile(r"(?:no|nos|nr|p|pp|pag|p\u00e1g|fig|sec|ch|vol|ed|art|eq|st|max|min|\u0441\u0442\u0440)\.")
"""After these it goes on where a number follows."""

_LETTER = regex.compile(
    r"(?:\b(?:and|answer|as|choice|class|grade|group|is|label|letter|or|option|to|und|oder)|,)\s+\S?\Z"
)
"""What stands before a letter that is no initial, as in `Answer A or B.`"""

_LETTERS = regex.compile(r"(?:\p{L}\.)+")
_WORD_BEFORE = re.compile(r"\S+\Z")

_PAIRS = {")": "(", "]": "[", "}": "{", "\uff09": "\uff08", "\u3011": "\u3010", "\u300d": "\u300c", "\u300f": "\u300e",
          "\u201d": "\u201c", "\u00bb": "\u00ab"}  # fmt: skip
_OPENERS = frozenset(_PAIRS.values())
_TAG = regex.compile(r"\s*<([a-zA-Z][\w-]*)>\s*")


def cut_units(text: str) -> tuple[Unit, ...]:
    r"""The units of a text in reading order; whitespace at its end belongs to none.

    >>> [unit.text for unit in cut_units("Use tools, e.g. 3.5 of them. Say \"Yes. No.\" in full! Then stop")]
    ['Use tools, e.g. 3.5 of them.', 'Say "Yes. No." in full!', 'Then stop']
    >>> [(unit.mark, unit.text) for unit in cut_units("判断情感。回答正面或负面。\n- one\n- two. Still two.")]
    [('', '判断情感。'), ('', '回答正面或负面。'), ('- ', 'one'), ('- ', 'two. Still two.')]
    """
    return tuple(_blocks(list(_lines(text.rstrip()))))


def plain(unit: Unit) -> str:
    """The mark and the text of a unit, as they stand."""
    return unit.mark + unit.text


def ends_sentence(text: str) -> bool:
    """Whether a text ends with a mark that ends a sentence, before any closing brackets and quotes.

    >>> ends_sentence('Say "yes."'), ends_sentence("Say yes"), ends_sentence("说是。")
    (True, False, True)
    """
    return regex.search(rf"(?:{_WIDE}|{_SPACED})[{_CLOSERS}]*\s*\Z", text) is not None


def ends_wide(text: str) -> bool:
    """Whether a text ends with a mark of a script that puts no space after it."""
    return regex.search(rf"{_WIDE}[{_CLOSERS}]*\Z|\uff1b\Z", text) is not None


def is_whole(text: str) -> bool:
    """Whether another sentence, or another clause, may follow a text on its line."""
    return ends_sentence(text) or _SEMICOLON_LAST.search(text) is not None


def unclosed(text: str) -> bool:
    """Whether the text opens a bracket that it does not close."""
    open_ones: list[str] = []
    for letter in text:
        if letter in _OPENERS:
            open_ones.append(letter)
        elif letter in _PAIRS and open_ones and open_ones[-1] == _PAIRS[letter]:
            open_ones.pop()
    return bool(open_ones)


def _lines(text: str) -> Iterator[Unit]:
    """One unit a line that is not blank, with the lines that its brackets, fences or tags hold together."""
    gap = ""
    rows = text.splitlines(keepends=True)
    while rows:
        row = rows.pop(0)
        if not row.strip():
            gap += row
            continue
        is_held = False
        while rows and (taken := _rows_to_close(row, rows)):
            row += "".join(rows[:taken])
            del rows[:taken]
            is_held = True
        body = row.strip()
        found = _MARK.match(body)
        while found and rows and rows[0].strip() and _is_deeper(rows[0], row):
            row += rows.pop(0)
            body = row.strip()
        mark = found[0] if found else ""
        indent = row[: len(row) - len(row.lstrip())]
        yield Unit(body[len(mark) :], gap + indent, mark, "item" if found or is_held else "sentence")
        gap = row[len(row.rstrip()) :]


def _is_deeper(row: str, above: str) -> bool:
    """Whether a row is set further to the right than the first of the item above it."""
    return len(row) - len(row.lstrip()) > len(above) - len(above.lstrip())


def _rows_to_close(row: str, following: list[str]) -> int:
    """How many of the following rows a fence, a tag or a bracket that the row leaves open needs; 0 for none."""
    if row.count("```") % 2:
        return next((number for number, each in enumerate(following, 1) if "```" in each), 0)
    if tag := _TAG.fullmatch(row):
        return next((number for number, each in enumerate(following, 1) if f"</{tag[1]}>" in each), 0)
    if not regex.search(r"[{\[(]\s*$", row):
        return 0
    text = row
    for number, each in enumerate(following, 1):
        if not each.strip():
            return 0
        text += each
        if not unclosed(text):
            return number
    return 0


def _blocks(lines: list[Unit]) -> Iterator[Unit]:
    """The units of the lines: an announcing line is one with what it announces, any other is cut into sentences."""
    while lines:
        line = lines.pop(0)
        announces = line.kind == "sentence" and (_HEADING.match(line.text) or _ANNOUNCES.search(line.text))
        taken = _announced(lines) if announces else 0
        if not taken:
            yield from [line] if line.kind == "item" else _sentences(line)
            continue
        *before, head = _sentences(line)
        yield from before
        inside = tuple(_blocks(lines[:taken])) if _HEADING.match(line.text) else tuple(lines[:taken])
        del lines[:taken]
        parts = (head, *inside)
        text = plain(head) + "".join(each.gap + plain(each) for each in inside)
        yield Unit(text, head.gap, "", "block", parts)


def _announced(lines: list[Unit]) -> int:
    """How many lines the one before them announces: the items of a list, else what comes up to a blank line."""
    is_list = bool(lines) and lines[0].kind == "item"
    for number, line in enumerate(lines):
        if _HEADING.match(line.text) or (number and "\n" in line.gap.partition("\n")[2]):
            return number
        if is_list and line.kind != "item":
            return number
    return len(lines)


def _sentences(line: Unit) -> list[Unit]:
    """The sentences of one line."""
    text, closed = line.text, _protected(line.text)
    places = [0]
    for found in _END.finditer(text):
        if not closed[found.end() - 1] and _is_end(text, found, places[-1]):
            places.append(found.end())
    units = []
    for start, end in zip(places, [*places[1:], len(text)], strict=True):
        piece = text[start:end]
        body = piece.lstrip()
        gap = piece[: len(piece) - len(body)] if start else line.gap
        units.append(Unit(body, gap, parts=_clauses(body)))
    return units


def _is_end(text: str, found: "regex.Match[str]", start: int) -> bool:
    marks = found["marks"]
    if marks is None:
        return True
    rest = text[found.end() :].lstrip()
    if rest[0].islower():
        return False
    if marks != ".":
        return True
    word = _WORD_BEFORE.search(text[start : found.start() + 1])
    last = (word[0] if word else "").lstrip("(\"'[\u201c\u00ab").lower()
    before = text[start : found.start() - len(last) + 1]
    if _LETTERS.fullmatch(last):
        return len(last) == 2 and not rest[0].isdigit() and _LETTER.search(before) is not None
    # A number alone counts what follows: "Do this. 2. Do that."
    counts = text[start : found.start()].strip().isdigit()
    return not (counts or _SHORTENED.fullmatch(last) or (_NUMBERS.fullmatch(last) and rest[0].isdigit()))


def _protected(text: str) -> list[bool]:
    """Which characters stand within brackets or quotes that are closed again."""
    closed = [False] * len(text)
    stack: list[tuple[str, int]] = []
    for place, letter in enumerate(text):
        if letter in _OPENERS:
            stack.append((letter, place))
        elif letter in _PAIRS:
            opened = [number for number, (each, _) in enumerate(stack) if each == _PAIRS[letter]]
            if opened:
                start = stack[opened[-1]][1]
                closed[start:place] = [True] * (place - start)
                del stack[opened[-1] :]
    for quote in ('"', "`"):
        places = [place for place, letter in enumerate(text) if letter == quote]
        if len(places) % 2 == 0:
            for start, end in zip(places[::2], places[1::2], strict=True):
                closed[start:end] = [True] * (end - start)
    return closed


def _clauses(text: str) -> tuple[Unit, ...]:
    """The clauses of a sentence between semicolons; none where there is one alone."""
    closed = _protected(text)
    ends = [each.end() for each in _SEMICOLON.finditer(text) if not closed[each.start()]]
    places = [0, *(end for end in ends if end < len(text))]
    if len(places) < 2:
        return ()
    pieces = [text[start:end] for start, end in zip(places, [*places[1:], len(text)], strict=True)]
    return tuple(Unit(piece.lstrip(), piece[: len(piece) - len(piece.lstrip())]) for piece in pieces)
