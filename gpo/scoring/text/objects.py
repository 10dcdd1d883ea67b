"""JSON objects and arrays in a text: found between prose and fences, and put right where that is no guess."""

import json
import math
import re
from bisect import bisect
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, NoReturn

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\\.|[\[\]{}]')
_FENCE = re.compile(r"^ *`{3,}", re.MULTILINE)
_LINE_START = re.compile(r"^[^\S\n]*", re.MULTILINE)
_PAIRS = {"}": "{", "]": "["}
_ATTEMPTS = 50
"""Balanced brackets that are tried: text full of brackets that are no JSON must not take long."""
_LONGEST_REPAIR = 20_000
_REPAIRS = 5


class JsonPart(NamedTuple):
    """A value in a text; `is_all_of_text` where nothing but a fence stands around it."""

    value: dict[str, Any] | list[Any]
    start: int
    end: int
    is_all_of_text: bool


def objects_in(text: str) -> list[JsonPart]:
    """The outermost objects and arrays of a text that are JSON, or nearly so, in order."""
    found: list[JsonPart] = []
    outside = re.sub(r"^`{3,}\w*\s", "", text.strip()).rstrip("`").strip()
    for start, end in islice(_outermost(text), _ATTEMPTS):
        value = loads(text[start:end])
        if value is not None:
            found.append(JsonPart(value, start, end, is_all_of_text=text[start:end] == outside))
    return found


_BETWEEN = re.compile(
    r"[\s,;`]*(?:(?:or|and|oder|und|ou|et|o|y|(?:option|version|choice)\s*\w?)[\s:,]*)?(?:alternatively[\s:,]*)?(?:`{3,}\w*\s*)?",
    re.IGNORECASE,
)


def are_beside(text: str, one: JsonPart, other: JsonPart) -> bool:
    """Whether two values stand beside each other as equals, with nothing or "or" between them."""
    return one.value != other.value and _BETWEEN.fullmatch(text, one.end, other.start) is not None


def sole_object(text: str) -> dict[str, Any] | None:
    """The object that is the whole text, but for a fence around it; None where there is more, or something else."""
    found = objects_in(text)
    if len(found) != 1 or not found[0].is_all_of_text:
        return None
    return found[0].value if isinstance(found[0].value, dict) else None


def last_value(text: str) -> dict[str, Any] | list[Any] | None:
    """The last whole object or array of a text; what is fenced goes first, then what begins a line."""
    spans = list(spans_of(text))
    fences = [match.start() for match in _FENCE.finditer(text)]
    line_starts = {match.end() for match in _LINE_START.finditer(text)}
    fenced = [span for span in spans if bisect(fences, span[0]) % 2]
    on_lines = [span for span in spans if span[0] in line_starts]
    repairs = 0
    for candidates in (fenced, on_lines, spans):
        for start, end in islice(reversed(candidates), _ATTEMPTS):
            value = loads(text[start:end], repair=False)
            if value is None and repairs < _REPAIRS:
                repairs += 1
                value = loads(text[start:end])
            if value is not None:
                return value
    return None


def loads(text: str, *, repair: bool = True) -> dict[str, Any] | list[Any] | None:
    """A text that is an object or array, strictly read or, if asked, put right; None when it is none."""
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_number, strict=False)
        json.dumps(value, ensure_ascii=False).encode()  # half a character, which JSON can escape, cannot be stored
    except UnicodeEncodeError:
        return None
    except (ValueError, RecursionError):
        value = _repaired(text) if repair and len(text) <= _LONGEST_REPAIR else None
    return value if isinstance(value, dict | list) else None


_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/|(?<=[\s,{\[])#[^\n]*', re.DOTALL)
_QUOTED_OR_NAME = re.compile(r"^\s*[\[{]\s*(?:[\[{\"'\u201c\]}]|[A-Za-z_]\w*\s*:|-?[0-9])")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\u201c[^\u201d]*\u201d|\u2018[^\u2019]*\u2019")
_EMPTY = re.compile(r"\"\"|''")
_BARE_WORD = re.compile(r"(?<![\w.+-])[^\W\d]\w*(?!\w|\s*:)")
_CONSTANTS = {"true": "true", "false": "false", "None": "null", "null": "null", "True": "true", "False": "false"}


def _repaired(text: str) -> dict[str, Any] | list[Any] | None:
    """A text with single quotes, comments or commas too many as what it surely means; None where that is a guess.

    It is no guess where all letters and digits of the text are in the result, in order, and nothing else.
    """
    wrote = _COMMENT.sub(lambda match: match[1] or "", text)
    bare = set(_BARE_WORD.findall(_QUOTED.sub('""', wrote)))
    if not _QUOTED_OR_NAME.match(wrote) or not bare <= _CONSTANTS.keys() or (0, len(text)) not in spans_of(text):
        return None
    from json_repair import loads as repaired  # noqa: PLC0415 - a tenth of a second that few texts need

    try:
        value = repaired(text, skip_json_loads=True)
        if not isinstance(value, dict if text.lstrip().startswith("{") else list) or not _is_finite(value):
            return None
        given = json.dumps(value, ensure_ascii=False)
        given.encode()
    except (ValueError, RecursionError):
        return None
    if '""' in given and not _EMPTY.search(text):
        return None  # a value that is missing is no empty one
    return value if _content(wrote) == _content(given) and not _stray_quotes(value) else None


def _content(text: str) -> str:
    letters = re.findall(r"[^\W_]+", text.replace("\\n", " ").replace("\\u", " "))
    return "".join(_CONSTANTS.get(word, word) for word in letters)


def _is_finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _stray_quotes(value: object) -> bool:
    if isinstance(value, dict):
        return any(_stray_quotes(item) for pair in value.items() for item in pair)
    if isinstance(value, list):
        return any(map(_stray_quotes, value))
    return isinstance(value, str) and value.endswith(("'", '"')) and not value.startswith(("'", '"'))


def _outermost(text: str) -> Iterator[tuple[int, int]]:
    spans = sorted(spans_of(text), key=lambda span: (span[0], -span[1]))
    reached = 0
    for start, end in spans:
        if start >= reached:
            reached = end
            yield start, end


def spans_of(text: str) -> Iterator[tuple[int, int]]:
    """Where balanced brackets begin and end, in order of their ends: what encloses comes after what it encloses."""
    opened: list[tuple[str, int]] = []
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in _PAIRS.values():
            opened.append((mark, token.start()))
        elif mark in _PAIRS:
            if opened and opened[-1][0] == _PAIRS[mark]:
                yield opened.pop()[1], token.end()
            else:
                opened.clear()


def _number(text: str) -> Any:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is beyond all floats")
    return int(value) if value.is_integer() else value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
