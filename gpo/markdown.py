"""Text and tables in GitHub-flavoured Markdown, in which nothing of the user's or a model's becomes a mark."""

import re
from collections.abc import Iterable, Sequence

from gpo import wording

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#|~!])")
_LIST_MARK = re.compile(r"^(\d*)([-+=.)])")
_FENCE = re.compile(r"`{3,}")


def escaped(text: str) -> str:
    """Text in which Markdown sees no marks of its own; HTML is left to the caller."""
    return _LIST_MARK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", wording.one_line(text)))


def inline(text: str) -> str:
    """Text for a sentence or a table cell: one line, neither Markdown nor HTML."""
    return escaped(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fenced(text: str) -> str:
    """Text as it is, in a fence longer than any that it holds."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{wording.printable(text)}\n{fence}"


def pipe_table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """A table of cells that are Markdown already; columns at the `numeric` places are aligned to the right."""
    right = set(numeric)
    rule = ["---:" if index in right else "---" for index in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
