"""Checks names of prompts, datasets and aliases, and texts that go into the database, and says what is allowed."""

import re
from typing import Annotated

from pydantic import Field

from gpo.errors import DatasetError, InputError, PromptError

PRODUCTION = "production"

LATEST = "latest"
"""Stands for the newest version wherever an alias may stand, and is none itself."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]

FROM_REGISTRY = re.compile(r"registry:([a-z0-9][a-z0-9_-]{0,62})(?:@([a-z0-9][a-z0-9_-]{0,62}))?")
"""In a spec, a prompt that the registry has: its name, and its alias or version; without one, what is in production."""

EnvironmentVariable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# A number is a version, and so is `v3` to other registries.
_ALIAS = re.compile(r"(?!v\d+$)[a-z][a-z0-9_-]{0,62}")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def check_prompt_name(name: str) -> str:
    """The name of a prompt, if it is one.

    Raises:
        PromptError: it is malformed.
    """
    return _check_name(name, "prompt", PromptError)


def check_dataset_name(name: str) -> str:
    """The name of a dataset, if it is one.

    Raises:
        DatasetError: it is malformed.
    """
    return _check_name(name, "dataset", DatasetError)


def check_alias(alias: str) -> str:
    """The name of an alias, if it is one.

    Raises:
        PromptError: it is malformed, or would be taken for a version.
    """
    if alias == LATEST or not _ALIAS.fullmatch(alias):
        raise PromptError(
            f"'{alias}' cannot name an alias; allowed: 1 to 63 of a-z, 0-9, - and _, first a letter, and neither "
            f"`{LATEST}` nor like v3, which name versions"
        )
    return alias


def check_storable(text: str) -> str:
    """The text, if every database takes it.

    Raises:
        ValueError: it holds a null character or half of a surrogate pair.
    """
    if found := _UNSTORABLE.search(text):
        raise ValueError(f"holds the character U+{ord(found[0]):04X}, which no database takes; remove it")
    return text


def check_prompt_text(field: str, text: str, *, needed: bool = False) -> str:
    """A text of a person about a prompt, such as a reason, if it can be kept.

    Raises:
        PromptError: it holds a character that no database takes, or is `needed` and blank.
    """
    _check_field(field, text, PromptError)
    if needed and not text.strip():
        raise PromptError(f"`{field}` is blank; say who moves the alias")
    return text


def check_dataset_text(field: str, text: str) -> str:
    """A text of a person about a dataset, such as a note, if it can be kept.

    Raises:
        DatasetError: it holds a character that no database takes.
    """
    return _check_field(field, text, DatasetError)


def _check_name(name: str, what: str, error: type[InputError]) -> str:
    if not _NAME.fullmatch(name):
        raise error(f"'{name}' cannot name a {what}; allowed: 1 to 63 of a-z, 0-9, - and _, first no - or _")
    return name


def _check_field(field: str, text: str, error: type[InputError]) -> str:
    try:
        return check_storable(text)
    except ValueError as problem:
        raise error(f"`{field}` {problem}") from None
