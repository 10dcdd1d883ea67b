"""The columns of a table as a guess sees them: their values, what is missing, how many differ."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from gpo.data.content_blocks import is_image
from gpo.data.conversations import is_shown_as_messages, is_tools, last_role
from gpo.data.guessing.roles.names import is_aside
from gpo.data.guessing.values import can_be_shown, has_objects, is_missing, is_number_like, key_of
from gpo.data.sources.files import Number
from gpo.data.sources.paths import value_or_none
from gpo.formatting import shorten_value

Row = Mapping[str, Any]

LABEL_LENGTH = 40
MOST_MISSING = 0.2
"""Share of the rows that may lack a field that the task needs; they are left out, and that is told."""

_WORDY = 2
_MOSTLY = 0.9
_CODE = re.compile(r"\S*\d\S*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_QUERY = re.compile(r"(SELECT|WITH|PREFIX|MATCH|INSERT INTO|UPDATE|DELETE FROM)\s.*", re.DOTALL)
_ADDRESS = re.compile(r"https?://\S+|[^\s@]+@[^\s@]+\.[^\s@]+")
_PANDAS_INDEX = re.compile(r"__index_level_\d+__|Unnamed: \d+|")


class Column:
    """One field of all rows. `values` has None where it is missing: null, NaN, a blank text, or no such field.

    Files that values name are looked for in `folder`, where that is known.
    """

    def __init__(self, name: str, rows: Sequence[Row], folder: Path | None = None) -> None:
        self.name, self.folder = name, folder
        found = [value_or_none(row, name) for row in rows]
        self.values = tuple(None if is_missing(value) else value for value in found)
        self.empty_lists = sum(value == [] for value in found)

    @cached_property
    def present(self) -> tuple[Any, ...]:
        """The values that are there."""
        return tuple(value for value in self.values if value is not None)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The values as texts that are equal where they say the same; empty where one is missing."""
        return tuple("" if value is None else key_of(value) for value in self.values)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each different value is there."""
        return Counter(key for key in self.keys if key)

    @property
    def distinct(self) -> int:
        """How many values differ."""
        return len(self.counts)

    @property
    def missing(self) -> int:
        """In how many rows it is missing."""
        return len(self.values) - len(self.present)

    @property
    def is_filled(self) -> bool:
        """Whether it is there in nearly all rows; of a set, nothing in it says something as well."""
        return bool(self.present) and self.missing - self.empty_lists <= MOST_MISSING * len(self.values)

    @property
    def is_constant(self) -> bool:
        """Whether it says the same in every row."""
        return self.distinct == 1 and len(self.present) > 1

    @cached_property
    def is_text(self) -> bool:
        """Whether all values are text, numbers, true or false."""
        return bool(self.present) and all(isinstance(value, str | bool) for value in self.present)

    @cached_property
    def is_number(self) -> bool:
        """Whether all values are numbers."""
        return bool(self.present) and all(is_number_like(value) for value in self.present)

    @cached_property
    def is_structured(self) -> bool:
        """Whether all values are objects."""
        return bool(self.present) and all(isinstance(value, Mapping) for value in self.present)

    @cached_property
    def is_list(self) -> bool:
        """Whether all values are lists."""
        return bool(self.present) and all(isinstance(value, list) for value in self.present)

    @cached_property
    def holds_records(self) -> bool:
        """Whether all values are lists of objects that are neither messages nor tools."""
        return self.is_list and all(map(has_objects, self.present)) and not (self.holds_messages or self.holds_tools)

    @cached_property
    def is_listed(self) -> bool:
        """Whether all values are lists that lines of a text can show: passages, turns of a talk, words."""
        if not self.is_list or self.holds_messages or self.holds_tools:
            return False
        has_numbers = any(isinstance(item, Number) for value in self.present for item in value)
        return not has_numbers and all(can_be_shown(value) for value in self.present)

    @property
    def is_aside(self) -> bool:
        """Whether it tells how a row came about, such as when, and how long that took."""
        return self.name.startswith("_") or (is_aside(self.name) and (self.is_number or self.is_date))

    @cached_property
    def is_address(self) -> bool:
        """Whether nearly all values are addresses of pages or of mail."""
        return self._is_mostly(_ADDRESS)

    @cached_property
    def is_asked(self) -> bool:
        """Whether all values can fill a variable: texts, messages, images, or tools."""
        return self.is_text or self.holds_messages or bool(self.holds)

    @cached_property
    def holds_messages(self) -> bool:
        """Whether values are lists of messages, or of the parts of one; some may be texts."""
        messages = [is_shown_as_messages(value) for value in self.present]
        pairs = zip(messages, self.present, strict=True)
        return any(messages) and all(found or isinstance(value, str) for found, value in pairs)

    @cached_property
    def holds_images(self) -> bool:
        """Whether all values are images; of files, the first must be there."""
        return bool(self.present) and all(map(is_image, self.present)) and not self.names_missing_files

    @cached_property
    def holds_tools(self) -> bool:
        """Whether all values are lists of tools that a model may call."""
        return bool(self.present) and all(map(is_tools, self.present))

    @property
    def holds(self) -> str:
        """What the values are beyond texts and messages; empty where they are not."""
        return "images" if self.holds_images else "tools" if self.holds_tools else ""

    @cached_property
    def names_missing_files(self) -> bool:
        """Whether values are paths of images, the first of which is not there."""
        first = self.present[0] if self.present else None
        if self.folder is None or not isinstance(first, str) or "://" in first or first.startswith("data:"):
            return False
        return all(map(is_image, self.present)) and not (self.folder / first.strip()).is_file()

    @cached_property
    def ends_with_user(self) -> bool:
        """Whether nearly all conversations end with what the user says, which waits for an answer."""
        ends = [last_role(value) == "user" for value in self.present]
        return sum(ends) >= _MOSTLY * len(ends)

    @cached_property
    def is_answer_like(self) -> bool:
        """Whether all values are text or lists: one right answer, or several."""
        return bool(self.present) and all(isinstance(value, str | bool | list) for value in self.present)

    @cached_property
    def is_wordy(self) -> bool:
        """Whether most values are texts of several words."""
        words = [len(value.split()) for value in self.present if isinstance(value, str)]
        return bool(words) and sum(number >= _WORDY for number in words) > len(self.present) / 2

    @cached_property
    def is_label_like(self) -> bool:
        """Whether short values come again and again, and not one of them alone."""
        return (
            1 < self.distinct <= len(self.present) / 2
            and sum(number > 1 for number in self.counts.values()) > 1
            and self.is_text
            and all(len(str(value)) <= LABEL_LENGTH for value in self.present)
        )

    @cached_property
    def is_code(self) -> bool:
        """Whether values name rows: all differ, none has a space, and nearly all have a digit."""
        texts = [str(value).strip() for value in self.present if isinstance(value, str)]
        return (
            len(texts) == len(self.present) > 1
            and len(set(texts)) == len(texts)
            and not any(" " in text for text in texts)
            and sum(bool(_CODE.fullmatch(text)) for text in texts) >= _MOSTLY * len(texts)
        )

    @cached_property
    def is_row_number(self) -> bool:
        """Whether it counts the rows, or is the index that pandas writes."""
        if _PANDAS_INDEX.fullmatch(self.name):
            return True
        if not self.is_number or self.missing or self.distinct != len(self.values) or not self.values:
            return False
        try:
            numbers = sorted(int(str(value)) for value in self.values)
        except ValueError:
            return False
        return numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1

    @cached_property
    def is_date(self) -> bool:
        """Whether nearly all values are dates."""
        return self._is_mostly(_DATE)

    @cached_property
    def is_query(self) -> bool:
        """Whether nearly all values are queries of a database."""
        return self._is_mostly(_QUERY)

    def _is_mostly(self, form: re.Pattern[str]) -> bool:
        found = sum(bool(form.fullmatch(str(value).strip())) for value in self.present)
        return bool(self.present) and found >= _MOSTLY * len(self.present)

    def shown(self) -> str:
        """The name with what is to be said of its values."""
        if self.is_constant:
            return f"`{self.name[:LABEL_LENGTH]}` (the same value in every row: {shorten_value(self.present[0])})"
        return f"`{self.name[:LABEL_LENGTH]}`"


_CONTAINERS = 4
_ANNOTATIONS, _MOST_ANNOTATIONS = "annotations", 9
"""Of what several people said of one row, the first counts."""

"""Levels of objects whose fields are looked at as columns."""


def columns_of(rows: Sequence[Row], folder: Path | None = None) -> dict[str, Column]:
    """The columns of rows by their names, in their order; fields of objects follow, by their paths.

    A list that always holds one object counts as that object. Files that values name are looked for in `folder`.
    """
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    found: dict[str, Column] = {}
    for name in names:
        _add(found, Column(name, rows, folder), rows, _CONTAINERS)
    return found


def _add(found: dict[str, Column], column: Column, rows: Sequence[Row], levels: int) -> None:
    found[column.name] = column
    objects, place = _objects(column)
    if not objects or levels == 0 or column.holds_images:
        return
    inner: dict[str, None] = {}
    for value in objects:
        inner.update(dict.fromkeys(str(name) for name in value))
    for name in inner:
        if "." not in name and "[" not in name:
            _add(found, Column(f"{column.name}{place}.{name}", rows, column.folder), rows, levels - 1)


def _objects(column: Column) -> tuple[Sequence[Mapping[str, Any]], str]:
    """The objects that a column holds, and the step of a path that leads to them."""
    if column.is_structured:
        return column.present, ""
    most = 1 if column.name.rpartition(".")[2] != _ANNOTATIONS else _MOST_ANNOTATIONS
    is_one = column.is_list and all(len(each) <= most and isinstance(each[0], Mapping) for each in column.present)
    if not is_one or column.holds_messages or column.holds_tools:
        return (), ""
    return [value[0] for value in column.present], "[0]"
