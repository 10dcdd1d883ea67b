"""Reads what prompts stand for: from the database, all as of one moment, or from a file. `loader.py` holds them."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from gpo.database.engine import database_label, open_read_only, read_transaction, schema_revision
from gpo.errors import GpoError, PromptError, StateError
from gpo.formatting import count
from gpo.prompts.files import read_record
from gpo.prompts.held import HeldPrompt, held_template, held_text, held_version
from gpo.prompts.missing import HOW_TO_BEGIN
from gpo.prompts.registry import Registry
from gpo.prompts.version import PromptRecord

if TYPE_CHECKING:
    from langchain_core.prompts import ChatPromptTemplate

Key = tuple[str, str | int]
"""Name, and alias or version."""
Found = HeldPrompt | GpoError
"""What it stands for, or why that is nothing."""


def look_up(database: str, keys: Iterable[Key], *, busy_s: float, read_s: float) -> dict[Key, Found]:
    """What each key stands for, all as of one moment. No connection outlives this.

    A busy database is waited for `busy_s` seconds; between two prompts it ends after `read_s`.

    Raises:
        StateError: the database cannot be used, or holds no prompts.
    """
    deadline = time.monotonic() + read_s
    engine = open_read_only(database, busy_s=busy_s)
    try:
        registry = Registry(engine)
        with read_transaction(engine) as connection:
            if schema_revision(connection) is None:
                raise StateError(f"database {database_label(engine.url)} holds no prompts; {HOW_TO_BEGIN}")
            return {key: _resolve(registry, connection, key, deadline) for key in keys}
    finally:
        engine.dispose()


def _resolve(registry: Registry, connection: Connection, key: Key, deadline: float) -> Found:
    if time.monotonic() > deadline:
        raise StateError(f"database {database_label(connection.engine.url)}: no answer in time")
    name, reference = key
    try:
        return held_version(registry.resolve_within(connection, name, reference), _alias(reference))
    except GpoError as error:
        return error


def _alias(reference: str | int) -> str | None:
    return reference if isinstance(reference, str) else None


def use_default(name: str, reference: str | int, default: "ChatPromptTemplate | str | Path") -> HeldPrompt:
    """What a default gives, for a prompt and the alias or version that was asked for.

    Raises:
        PromptError: the file cannot be read, or holds something else.
    """
    if isinstance(default, str):
        return held_text(name, default)
    if not isinstance(default, Path):
        return held_template(name, default)
    record = read_record(default)
    version = record.find(reference) if record.name == name else None
    if version is None:
        raise PromptError(f"{default}: holds no prompt {name} ({reference}), but {_contents(record)}")
    return held_version(version, _alias(reference))


def _contents(record: PromptRecord) -> str:
    aliases = ", ".join(f"{alias}: {version}" for alias, version in record.aliases.items()) or "no alias"
    return f"{record.name} with {count(len(record.versions), 'version')}, {aliases}"
