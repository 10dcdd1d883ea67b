"""Turns rows of the prompt registry's tables into its records and back."""

from typing import Any

from pydantic import ValidationError
from sqlalchemy import Column, Connection, RowMapping, Select, func, insert, select
from sqlalchemy.engine import URL

from gpo.database.engine import database_label
from gpo.database.statements import upsert
from gpo.database.tables import prompt_aliases, prompt_moves, prompt_versions, prompts
from gpo.errors import StateError
from gpo.names import LATEST
from gpo.prompts.version import Lineage, Move, PromptContent, PromptVersion

VERSIONS = select(*(prompt_versions.c[name] for name in PromptVersion.model_fields))
MOVES = select(*(prompt_moves.c[name] for name in Move.model_fields))

_LARGEST = 2**31 - 1
"""The largest whole number of PostgreSQL's INTEGER; no prompt has so many versions."""


def select_version(name: str, reference: str) -> Select[Any]:
    """The version that an alias, a number or `latest` stands for.

    One statement, so that an alias and its version are of one moment.
    """
    query = VERSIONS.where(prompt_versions.c.name == name)
    if reference == LATEST:
        return query.order_by(prompt_versions.c.version.desc()).limit(1)
    if reference.isascii() and reference.isdigit():
        return query.where(prompt_versions.c.version == min(int(reference), _LARGEST))
    points = (prompt_aliases.c.name == prompt_versions.c.name) & (prompt_aliases.c.version == prompt_versions.c.version)
    return query.join(prompt_aliases, points).where(prompt_aliases.c.alias == reference)


def names_of(connection: Connection) -> set[str]:
    """The names of all prompts."""
    return set(connection.execute(select(prompts.c.name)).scalars())


def highest_number(connection: Connection, column: Column[int], name: str) -> int:
    """The highest number of a prompt in `column`, 0 when there is none."""
    query = select(func.coalesce(func.max(column), 0)).where(column.table.c.name == name)
    return int(connection.execute(query).scalar_one())


def version_row(version: PromptVersion) -> dict[str, Any]:
    """A version as a row."""
    row = version.model_dump(exclude={"content", "lineage"})
    row["content"] = version.content.model_dump_json(exclude_defaults=True)
    row["lineage"] = None if version.lineage is None else version.lineage.model_dump_json(exclude_defaults=True)
    return row


def version_from_row(row: RowMapping, url: URL) -> PromptVersion:
    """A row as a version; `url` names the database in errors.

    Raises:
        StateError: the row is of another version of this library, or not what was registered.
    """
    fields: dict[str, Any] = dict(row)
    try:
        content = PromptContent.model_validate_json(fields.pop("content"))
        lineage = fields.pop("lineage")
        kept = PromptVersion(
            **fields, content=content, lineage=None if lineage is None else Lineage.model_validate_json(lineage)
        )
    except ValidationError as error:
        raise StateError(
            f"database {database_label(url)}: version {row['version']} of prompt {row['name']} was kept by another "
            f"version of gpo-pipeline, whose records differ ({error.error_count()} fields): use that one"
        ) from None
    if kept.digest != content.digest:
        raise StateError(
            f"database {database_label(url)}: version {kept.version} of prompt {kept.name} is not what was registered, "
            "its digest differs; restore the database or the prompt from a backup"
        )
    return kept


def read_version(connection: Connection, name: str, version: int) -> PromptVersion:
    """A version of a prompt that is there, by its number."""
    row = connection.execute(select_version(name, str(version))).mappings().one()
    return version_from_row(row, connection.engine.url)


def move_from_row(row: RowMapping) -> Move:
    """A row as a move."""
    fields: dict[str, Any] = dict(row)
    return Move(**fields)


def aliases_of(connection: Connection, name: str) -> dict[str, int]:
    """The version that each alias of a prompt points to, by alias."""
    query = select(prompt_aliases.c.alias, prompt_aliases.c.version).where(prompt_aliases.c.name == name)
    return {row.alias: row.version for row in connection.execute(query.order_by(prompt_aliases.c.alias))}


def read_move(connection: Connection, name: str, number: int) -> Move:
    """A move of a prompt that is there, by its number."""
    query = MOVES.where(prompt_moves.c.name == name, prompt_moves.c.number == number)
    return move_from_row(connection.execute(query).mappings().one())


def keep_move(connection: Connection, move: Move) -> Move:
    """Keep a move and point its alias to where it leads; returns the move."""
    connection.execute(insert(prompt_moves).values(move.model_dump()))
    pointer = {"version": move.to_version, "move": move.number}
    connection.execute(
        upsert(connection, prompt_aliases)
        .values({"name": move.name, "alias": move.alias, **pointer})
        .on_conflict_do_update(index_elements=[prompt_aliases.c.name, prompt_aliases.c.alias], set_=pointer)
    )
    return move
