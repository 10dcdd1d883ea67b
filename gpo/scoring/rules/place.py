"""Where the answer is, as a spec says it: then only that place of a text is read."""

import json
import re
from collections.abc import Iterator
from typing import Self

import regex
from pydantic import Field, field_validator, model_validator

from gpo.records import Record
from gpo.scoring.text.objects import objects_in

PATTERN_S = 0.2
"""Seconds that a pattern may search one text; a slower one finds nothing in it."""

_TAG_NAME = re.compile(r"[A-Za-z_][\w.-]*")


class WhereSpec(Record):
    """The one place of a text that holds the answer; just one of these is given."""

    field: str | None = Field(default=None, min_length=1, description="A field of a JSON object; `a.b` of one inside.")
    after: str | None = Field(default=None, min_length=1, description="The rest of the line after the last of these.")
    pattern: str | None = Field(
        default=None, min_length=1, description="What a regular expression finds last: its first group, or all of it."
    )
    tag: str | None = Field(default=None, description="What stands in the last pair of tags: `answer` for <answer>.")
    last_line: bool | None = Field(default=None, description="`true`: the last line that is not blank.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            raise ValueError(
                f"name one place: field, after, pattern, tag or last_line; received {', '.join(given) or 'none'}"
            )
        return self

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                regex.compile(value)
            except regex.error as error:
                raise ValueError(f"no regular expression: {error}") from None
        return value

    @field_validator("tag")
    @classmethod
    def _is_name(cls, value: str | None) -> str | None:
        if value is not None and not _TAG_NAME.fullmatch(value):
            raise ValueError(f"must be the name of a tag without its brackets, such as answer; received {value!r}")
        return value

    @field_validator("last_line")
    @classmethod
    def _is_true(cls, value: bool | None) -> bool | None:
        if value is False:
            raise ValueError("must be true; leave it out to read the whole text")
        return value


def part_of(text: str, where: WhereSpec, *, of_lines: bool = False) -> str | None:
    r"""What stands at the place; None where the text has no such place, or nothing in it.

    `of_lines`: after a mark that ends its line, all lines up to a blank one count, and not only the next.

    >>> part_of("Is it 4?\nAnswer: 5", WhereSpec(after="Answer:"))
    '5'
    """
    return next((part for part in _parts(text, where, of_lines=of_lines) if part.strip()), None)


def _parts(text: str, where: WhereSpec, *, of_lines: bool) -> Iterator[str]:
    if where.field is not None:
        yield from _fields(text, where.field.split("."))
    elif where.after is not None:
        yield from _after(text, where.after, of_lines=of_lines)
    elif where.pattern is not None:
        yield from _matches(text, where.pattern)
    elif where.tag is not None:
        yield from _tags(text, where.tag)
    else:
        yield next((line for line in reversed(text.splitlines()) if line.strip(" `*_")), "")


def _fields(text: str, path: list[str]) -> Iterator[str]:
    for found in reversed(objects_in(text)):
        value: object = found.value
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            yield value
        elif value is not None:
            yield json.dumps(value, ensure_ascii=False)
        if value is not None:
            return


def _after(text: str, mark: str, *, of_lines: bool) -> Iterator[str]:
    # A model may write the mark in bold, or in another case.
    found = list(re.finditer(re.escape(mark), text, re.IGNORECASE))
    if found:
        rest = text[found[-1].end() :].lstrip(" \t*_`")
        line, _, below = rest.partition("\n")
        if line.strip(" *_`"):
            yield line
        else:
            below = below.lstrip()
            yield re.split(r"\n[ \t]*\n", below, maxsplit=1)[0] if of_lines else below.partition("\n")[0]


def _matches(text: str, pattern: str) -> Iterator[str]:
    try:
        found = list(regex.compile(pattern).finditer(text, timeout=PATTERN_S, concurrent=True))
    except TimeoutError:
        return
    if found:
        yield (found[-1][1] if found[-1].re.groups else found[-1][0]) or ""


def _tags(text: str, name: str) -> Iterator[str]:
    found = re.findall(
        rf"<{re.escape(name)}(?:\s[^<>]*)?>(.*?)</{re.escape(name)}\s*>", text, re.DOTALL | re.IGNORECASE
    )
    yield from reversed(found)
