"""How commands print: tables on a terminal, plain lines with tabs in a pipe, JSON on one line."""

import json
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_FOLDED = frozenset({"aliases", "changes", "instruction", "note", "why"})
"""Columns that take several lines where the terminal is narrow; the others are cut."""


def shown_time(console: Console, iso: str) -> str:
    """A time in UTC: to the minute for people, whole in a pipe."""
    return f"{iso[:10]} {iso[11:16]}" if console.is_terminal else iso


def print_json(content: object) -> None:
    """One line of JSON."""
    typer.echo(json.dumps(content, ensure_ascii=False))


def print_table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One row a line."""
    if not console.is_terminal:
        for row in (columns, *rows):
            # Not through Rich, which turns tabs into spaces.
            console.file.write("\t".join(row) + "\n")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold" if column in _FOLDED else "ellipsis")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
