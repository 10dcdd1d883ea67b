"""Text and tables in GitHub-flavoured Markdown. Text of a user or a model is escaped, so that it stays text."""

import re
from collections.abc import Iterable, Sequence

from gpo import formatting
from gpo.words import DiffPart

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#|~!@]|(?<=\bwww)\.|:(?=//))", re.IGNORECASE)
"""Marks of Markdown, and what makes a link of an address that nobody marked as one."""

_LIST_MARK = re.compile(r"^(\d*)([-+=.)])")

_FENCE = re.compile(r"`{3,}")


def escape(text: str) -> str:
    """The text on one line, with the marks of Markdown escaped; `&`, `<` and `>` stay as they are."""
    return _LIST_MARK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", formatting.one_line(text)))


def inline(text: str) -> str:
    """The text for a sentence or a table cell: on one line, with the marks of Markdown and HTML escaped."""
    return escape(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fence(text: str) -> str:
    """The text as it is, as a block of code."""
    # A fence ends at one of its own length: this one is longer than any in the text.
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{formatting.printable(text)}\n{fence}"


def pipe_table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """A table from cells that are Markdown already; columns at the `numeric` places are aligned to the right."""
    right = set(numeric)
    rule = ["---:" if index in right else "---" for index in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def as_markdown(parts: Sequence[DiffPart]) -> str:
    """The parts as one line of Markdown with `<del>` and `<ins>`; marks in the words are escaped.

    >>> from gpo.words import word_difference
    >>> as_markdown(word_difference("Answer the question.", "Answer each question."))
    'Answer <del>the</del> <ins>each</ins> question.'
    """
    marks = {"same": "{}", "removed": "<del>{}</del>", "added": "<ins>{}</ins>"}
    return " ".join(marks[part.kind].format(inline(part.text)) for part in parts)
