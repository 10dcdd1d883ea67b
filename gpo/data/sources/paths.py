"""Fields inside fields: `inputs.messages[-1].content` is a path into a row, where no field has that very name."""

import re
from collections.abc import Mapping
from typing import Any

from gpo.errors import DatasetError, suggestion

_STEP = re.compile(r"\[(-?[0-9]{1,9})\]|(?:^|\.)([^.\[\]]+)")


def path_steps(field: str) -> tuple[str | int, ...]:
    """The steps of a path: names, and the places of lists, from the end where they are negative.

    Text that is no path is one step.

    >>> path_steps("inputs.messages[-1].content"), path_steps("a..b")
    (('inputs', 'messages', -1, 'content'), ('a..b',))
    """
    steps: list[str | int] = []
    end = 0
    for match in _STEP.finditer(field):
        if match.start() != end:
            return (field,)
        steps.append(match[2] if match[1] is None else int(match[1]))
        end = match.end()
    is_path = end == len(field) and steps and isinstance(steps[0], str)
    return tuple(steps) if is_path else (field,)


def top_field(field: str) -> str:
    """The field of a row that a path begins at.

    >>> top_field("inputs.messages[-1].content"), top_field("label")
    ('inputs', 'label')
    """
    return str(path_steps(field)[0])


def value_at(row: Mapping[str, Any], field: str) -> Any:
    """The value of a field, or at a path.

    Raises:
        DatasetError: there is no such field, or the path ends before.
    """
    if field in row:
        return row[field]
    value: Any = row
    for step in path_steps(field):
        try:
            value = _step_into(value, step)
        except LookupError:
            known = suggestion(str(step), value) if isinstance(value, Mapping) else ""
            where = "" if field == step else f": nothing is at `{step}`"
            raise DatasetError(f"no field `{field}` in this row{where}{known}") from None
    return value


def _step_into(value: Any, step: str | int) -> Any:
    """What is at a step of an object or a list; LookupError where there is nothing."""
    if isinstance(value, list) and isinstance(step, int):
        return value[step]
    if isinstance(value, Mapping) and isinstance(step, str):
        return value[step]
    raise LookupError


def value_or_none(row: Mapping[str, Any], field: str) -> Any:
    """The same, and None where there is nothing."""
    try:
        return value_at(row, field)
    except DatasetError:
        return None


def is_there(value: object) -> bool:
    """Whether a field holds something: neither null nor NaN, which is how pandas says that a value is missing."""
    return value is not None and value == value  # noqa: PLR0124
