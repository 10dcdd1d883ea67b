"""What applications call: `load_prompt` gives what is in production, also while the database is down.

    from gpo import load_prompt

    chain = load_prompt("review-sentiment") | model
    chain.invoke({"review": "It broke after a day."})

SQLAlchemy is imported with the first prompt that is read, LangChain with the first template: what imports this need not
wait for them, and `load_messages` and `load_text` need no LangChain at all.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpo.names import PRODUCTION
from gpo.prompts.candidate import current_candidate
from gpo.prompts.loader import Default, PromptLoader

if TYPE_CHECKING:
    from langchain_core.prompts import ChatPromptTemplate

    from gpo.prompts.held import HeldPrompt


def load_prompt(
    name: str,
    *,
    alias: str = PRODUCTION,
    version: int | None = None,
    default: "ChatPromptTemplate | Path | None" = None,
    database: str | None = None,
) -> "ChatPromptTemplate":
    """The prompt that an alias, or a version, stands for, as a LangChain template of the prompt's variables.

    Prompt text and values may hold braces and quotes: neither is taken for a template. The demonstrations that the
    prompt was measured with are part of it. The template's `metadata` tell `prompt`, `version`, `alias` and `digest`,
    and with what it was measured: `model`, `parameters`, how the `answer` was read. They go into LangChain's traces.
    Call it for every request, or the request will not see a promotion. Any thread and any forked process may call it.

    `default` is what to give when a first read fails: a prompt, or a file that `gpo prompt export` wrote. `database`
    is an SQLAlchemy URL; by default that of `GPO_DATABASE_URL`, or the file in `GPO_HOME` or else in `.gpo` of the
    working folder. Settings are read once.

    While a search evaluates a candidate, its text is given in place of that of an alias, not of a numbered version.

    Raises:
        PromptError: there is no such prompt, alias or version, and no default. Not after a first success. Or LangChain
            is not installed.
        StateError: the database cannot be used, and there is no default. Not after a first success.
    """
    return _load(name, alias, version, default, database).template


def load_messages(
    name: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    alias: str = PRODUCTION,
    version: int | None = None,
    default: "Path | None" = None,
    database: str | None = None,
) -> "list[dict[str, Any]]":
    """The messages of a prompt with the `inputs` in place, as OpenAI's API and those like it take them.

        client.chat.completions.create(model="...", messages=load_messages("tickets", {"ticket": text}))

    At a placeholder stand the messages that an input lists. All else is as for `load_prompt`, without LangChain.

    Raises:
        PromptError: as for `load_prompt`; or a variable has no value, or one that cannot stand there.
        StateError: as for `load_prompt`.
    """
    return _load(name, alias, version, default, database).messages(inputs or {})


def load_text(
    name: str,
    *,
    alias: str = PRODUCTION,
    version: int | None = None,
    default: "str | Path | None" = None,
    database: str | None = None,
) -> str:
    """The text that an alias, or a version, stands for: one of a program's `texts`, as the description of a tool.

    Of a prompt, it is the instruction without the messages around it. A `default` that is no file is the text itself.
    All else is as for `load_prompt`, errors as well.
    """
    return _load(name, alias, version, default, database).text


def load_prompts(*names: str, alias: str = PRODUCTION, database: str | None = None) -> "dict[str, ChatPromptTemplate]":
    """The prompts of a program as they were in production at one moment, by name: never those of two versions.

    As `load_prompt`, otherwise. A program that loads its prompts one by one may find a promotion between two of them.

    Raises:
        PromptError: there is no such prompt or alias. Not after a first success.
        StateError: the database cannot be used. Not after a first success.
    """
    if current_candidate() is not None:
        return {name: load_prompt(name, alias=alias, database=database) for name in names}
    return _loader(database).load_together([(name, alias) for name in names])


def _load(name: str, alias: str, version: int | None, default: Default, database: str | None) -> "HeldPrompt":
    candidate, reference = current_candidate(), alias if version is None else version
    if candidate is None:
        return _loader(database).find(name, reference, default)
    if version is None and (given := candidate.give(name)) is not None:
        return given
    loaded = _loader(database).find(name, reference, default)
    candidate.note(name, reference, loaded.digest)
    return loaded


def _loader(database: str | None) -> "PromptLoader":
    loader = _LOADERS.get(database)
    if loader is None:
        with _OPENING:
            loader = _LOADERS.setdefault(database, _open_loader(database))
    return loader


def _open_loader(database: str | None) -> PromptLoader:
    from gpo.settings import load_settings

    settings = load_settings()
    return PromptLoader(database or settings.database_for(settings.home_here()), settings.prompt_refresh_s)


def _begin_in_child() -> None:
    global _OPENING  # noqa: PLW0603 - another thread of the parent may have held it
    _OPENING = threading.Lock()


_OPENING = threading.Lock()
_LOADERS: dict[str | None, PromptLoader] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
