"""What exports of tools have in common: inputs and outputs as objects, notes of people, values as JSON text."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gpo.data.conversations import is_shown_as_messages
from gpo.data.sources.files import parse_json
from gpo.data.sources.paths import is_there
from gpo.datasets.formats.registry import Row
from gpo.errors import DatasetError
from gpo.formatting import shorten_value

ANSWER, FEEDBACK = "answer", "feedback"
"""The fields of every row with the right answer, and with what people said of an answer."""

_SPLITS = {"train": "train", "training": "train", "dev": "dev", "val": "dev", "validation": "dev", "test": "test"}


def plain_row(
    inputs: Any,
    answer: Any,
    *,
    identifier: Any = None,
    metadata: Any = None,
    feedback: str = "",
    split: str | None = None,
) -> Row | str:
    """A row without levels that need no explanation; or why there is none.

    Fields of the inputs are fields of the row, and what is no object is the field `input`, messages `messages`. An
    object with one field alone is that field's value as the answer.
    """
    asked = unpacked(inputs)
    right = _only_value(unpacked(answer))
    if not is_there(asked) or asked in ("", [], {}):
        return "has no input"
    if not is_there(right) or right in ("", [], {}):
        return "has no right answer"
    row: dict[str, Any] = {"id": identifier} if identifier else {}
    for name, value in _fields(asked).items():
        row[f"input_{name}" if name in (ANSWER, FEEDBACK, "id", "split") else name] = value
    row[ANSWER] = right
    if feedback:
        row[FEEDBACK] = feedback
    if split:
        row["split"] = split
    known = unpacked(metadata)
    if isinstance(known, Mapping) and known:
        row["metadata"] = known
    return row


def _fields(asked: Any) -> dict[str, Any]:
    if isinstance(asked, Mapping) and not is_shown_as_messages([asked]):
        return {str(name): value for name, value in asked.items()}
    return {"messages" if is_shown_as_messages(asked) else "input": asked}


def _only_value(answer: Any) -> Any:
    """The answer in an object that holds nothing else; the text of a message."""
    if isinstance(answer, Mapping) and "role" in answer and isinstance(answer.get("content"), str):
        return answer["content"]
    if isinstance(answer, Mapping) and len(answer) == 1:
        return _only_value(next(iter(answer.values())))
    return answer


def unpacked(value: Any) -> Any:
    """A value that a table holds as the text of JSON, as what it is; any other as it is."""
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "[", '"'):
        return value
    try:
        return parse_json(value)
    except (json.JSONDecodeError, DatasetError):
        return value


def one_of(row: Row, *names: str) -> Any:
    """The value of the first of these fields that holds something; None where none does."""
    return next((row[name] for name in names if is_there(row.get(name)) and row[name] != ""), None)


def split_of(names: Any) -> str | None:
    """The split that a name, or a list of names, says; None where it says none, or several."""
    given = [names] if isinstance(names, str) else names if isinstance(names, list) else []
    found = {_SPLITS[each] for each in map(str, given) if each in _SPLITS}
    return found.pop() if len(found) == 1 else None


def note_of(name: Any, value: Any, comment: Any) -> str:
    """What a person said of an answer, on one line.

    >>> note_of("tone", False, "Too short"), note_of("", None, "Good"), note_of("rating", "1", "")
    ('tone: false. Too short', 'Good', 'rating: 1')
    """
    shown = "" if not is_there(value) else str(value).lower() if isinstance(value, bool) else str(value)
    head = ": ".join(filter(None, [str(name or ""), shown])) if shown else ""
    return ". ".join(filter(None, [head, " ".join(str(comment or "").split())]))


def feedback_text(notes: Iterable[str], output: Any = None) -> str:
    """The notes of people as one text, and of which answer they speak, where that is known."""
    said = "\n".join(dict.fromkeys(filter(None, notes)))
    if not said:
        return ""
    given = _only_value(unpacked(output))
    about = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False) if is_there(given) else ""
    return f"Of the answer {shorten_value(about)}: {said}" if about else said
