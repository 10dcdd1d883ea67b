"""JSON in a model's text, in canonical form: sorted keys, no spaces, 2.0 as 2."""

import json
import re
from typing import Any

from gpo.records import canonical_json
from gpo.scoring.reading import UNCLEAR, Found, Rule
from gpo.scoring.text.objects import are_beside, last_value, loads, objects_in


def read_json(text: str) -> str | None:
    """The last whole JSON object or array of a text, in canonical form; None when there is none.

    What is fenced goes before what is not, and what begins a line before what stands in a sentence. Single quotes,
    comments, a line break in a string and commas too many are put right where that is no guess; what else is no JSON is
    passed over.

    >>> read_json('Sure: {"b": [1, 2.0,], "a": {}} as you asked for.')
    '{"a":{},"b":[1,2]}'
    """
    value = last_value(text)
    return None if value is None else _canonical(value)


_BLOCK = re.compile(r"(?s)```[ \t]*\w*\s*\n(.*?)\n\s*```")


def whole_json(text: str) -> str | None:
    """A JSON object or array in canonical form, also from inside a block of code; None when the text is none."""
    block = _BLOCK.fullmatch(text.strip())
    value = loads(block[1] if block else text.strip())
    return None if value is None else _canonical(value)


def _canonical(value: dict[str, Any] | list[Any]) -> str:
    return canonical_json(json.loads(json.dumps(value), parse_float=_shortest))


def _shortest(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


def _last(text: str) -> Found:
    found = objects_in(text)
    if len(found) > 1 and are_beside(text, found[-2], found[-1]):
        return UNCLEAR  # two values as equals
    return read_json(text)


RULES: tuple[Rule[str], ...] = (Rule("last", _last),)
