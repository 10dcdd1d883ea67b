"""JSON in a model's text: found between prose and fences, put right where that is no guess, and made canonical."""

import json
import re
from bisect import bisect
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

from gpo.records import canonical_json

# Within JSON a string stays on its line; outside, an escaped quote opens nothing.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\\.|[\[\]{}]')
_TRAILING_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[\]}])')
_FENCE = re.compile(r"^ *```", re.MULTILINE)
_LINE_START = re.compile(r"^[^\S\n]*", re.MULTILINE)
_ATTEMPTS = 50
"""Balanced brackets that are tried: text full of brackets that are no JSON must not take long."""
_PAIRS = {"}": "{", "]": "["}


def read_json(text: str) -> str | None:
    """The last whole JSON object or array of a text, in canonical form; None when there is none.

    What is fenced goes before what is not, and what begins a line before what stands in a sentence. A comma before a
    closing bracket is left out; anything else that is no JSON is passed over.

    >>> read_json('Sure: {"b": [1, 2.0,], "a": {}} as you asked for.')
    '{"a":{},"b":[1,2]}'
    """
    spans = list(_spans(text))
    fences = [match.start() for match in _FENCE.finditer(text)]
    line_starts = {match.end() for match in _LINE_START.finditer(text)}
    fenced = [span for span in spans if bisect(fences, span[0]) % 2]
    on_lines = [span for span in spans if span[0] in line_starts]
    for candidates in (fenced, on_lines, spans):
        for start, end in islice(reversed(candidates), _ATTEMPTS):
            if (found := whole_json(text[start:end])) is not None:
                return found
    return None


def whole_json(text: str) -> str | None:
    """A JSON object or array in canonical form: sorted keys, no spaces, 2.0 as 2; None when it is none."""
    for attempt in (text, _TRAILING_COMMA.sub(lambda match: match[1] or "", text)):
        try:
            value = json.loads(attempt, parse_constant=_refuse, parse_float=_number)
            canonical = canonical_json(value)
            canonical.encode()  # half a character, which JSON can escape, cannot be stored
        except (ValueError, RecursionError):
            continue
        return canonical if isinstance(value, dict | list) else None
    return None


def _spans(text: str) -> Iterator[tuple[int, int]]:
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
