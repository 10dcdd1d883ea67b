"""Loads prompts into applications: `load_prompt` gives what is in production, also while the database is down.

    from gpo import load_prompt

    chain = load_prompt("review-sentiment") | model
    chain.invoke({"review": "It broke after a day."})

The first call of a name reads the database; later calls take it from memory, in about a microsecond, while a daemon
thread looks for a newer version every `GPO_PROMPT_REFRESH_S` seconds. When it cannot, the last good prompt stays.

LangChain and SQLAlchemy are imported with the first prompt that is read: what imports this need not wait for them.
"""

import logging
import os
import random
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from weakref import WeakSet

from gpo.formatting import first_line
from gpo.names import PRODUCTION
from gpo.prompts.candidate import CandidatePrompt, current_candidate
from gpo.prompts.missing import missing_text

if TYPE_CHECKING:
    from langchain_core.prompts import ChatPromptTemplate

Default: TypeAlias = "ChatPromptTemplate | str | Path | None"

_log = logging.getLogger(__name__)
_JITTER = 0.2
_BUSY_S = 5.0
_READ_S = 10.0
"""How long one look at the database may take before it is given up, between one prompt and the next."""


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
        PromptError: there is no such prompt, alias or version, and no default. Not after a first success.
        StateError: the database cannot be used, and there is no default. Not after a first success.
    """
    return _load(name, alias, version, default, database).template


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
    text = _load(name, alias, version, default, database).text
    if text is None:
        raise missing_text(name)
    return text


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


def _load(
    name: str, alias: str, version: int | None, default: Default, database: str | None
) -> "CandidatePrompt | _Loaded":
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


class _Loaded(NamedTuple):
    """What is given for one name and reference; `given` is the default. `fails`: the last refresh failed, as logged."""

    template: "ChatPromptTemplate"
    text: str | None
    digest: str
    fails: bool = False
    given: Default = None


_Key = tuple[str, str | int]
"""Name, and alias or version."""
_Found = _Loaded | Exception


class PromptLoader:
    """The prompts of one database, held in memory and refreshed by a daemon thread of this process."""

    def __init__(self, database: str, refresh_s: float) -> None:
        """Read from the SQLAlchemy URL `database`; look for newer versions about every `refresh_s` seconds."""
        self._database = database
        self._refresh_s = refresh_s
        self._held: dict[_Key, _Loaded] = {}
        self.begin()
        _ALIVE.add(self)

    def begin(self) -> None:
        """Start with free locks and without a thread: at first, and in a forked child, which has no other threads."""
        self._reading = threading.Lock()
        self._asking = threading.Lock()
        self._asked: dict[_Key, Future[_Found]] = {}
        self._starting = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def load(self, name: str, reference: str | int = PRODUCTION, default: Default = None) -> "ChatPromptTemplate":
        """As `load_prompt`."""
        return self.find(name, reference, default).template

    def find(self, name: str, reference: str | int, default: Default) -> _Loaded:
        """As `load_prompt` and `load_text`, both at once."""
        held = self._held.get((name, reference)) or self._first((name, reference), default)
        self._stay_fresh()
        if default is not None and held.given not in (None, default):
            from gpo.prompts.lookup import use_default

            return _Loaded(*use_default(name, reference, default), given=default)
        return held

    def load_together(self, keys: "Sequence[_Key]") -> "dict[str, ChatPromptTemplate]":
        """As `load_prompts`."""
        for key in keys:
            if key not in self._held:
                self._first(key, None)
        self._stay_fresh()
        held = self._held
        return {key[0]: held[key].template for key in keys}

    def refresh(self) -> bool:
        """Look for newer versions now; returns whether all could be read. Raises nothing."""
        with self._reading:
            found = self._look()
        return not any(isinstance(each, Exception) for each in found.values())

    def close(self) -> None:
        """End the thread. Another `load` would start one again."""
        with self._starting:
            thread, self._thread = self._thread, None
            closed, self._closed = self._closed, threading.Event()
        closed.set()
        if thread is not None:
            thread.join()

    def _first(self, key: _Key, default: Default) -> _Loaded:
        """Ask, together with all who wait: they share the next look, and the failure of the one under way."""
        with self._asking:
            answer = self._asked.setdefault(key, Future())
        with self._reading:
            if not answer.done():
                self._look()
        found = answer.result()
        if isinstance(found, _Loaded):
            return found
        if default is None:
            raise found
        from gpo.prompts.lookup import use_default

        fallen_back = _Loaded(*use_default(*key, default), fails=True, given=default)
        held = self._held.setdefault(key, fallen_back)
        if held is fallen_back:
            _log.warning("prompt %s (%s): the default is used: %s", *key, first_line(found))
        return held

    def _look(self) -> Mapping[_Key, _Found]:
        """Read what may have moved and all that is asked for, and answer who asked; only for who holds `_reading`.

        All is read, and put in place, at once: prompts that are promoted together are never held of two moments.
        """
        # What a version stands for never changes.
        moving = [key for key, held in list(self._held.items()) if held.fails or isinstance(key[1], str)]
        with self._asking:
            asked = list(self._asked)
        found = self._read([*moving, *(key for key in asked if key not in self._held)])
        failed = found if isinstance(found, Exception) else None
        seen: Mapping[_Key, _Found] = dict.fromkeys((*moving, *asked), found) if isinstance(found, Exception) else found
        held = {**self._held, **{key: _after_refresh(key, self._held[key], seen[key]) for key in moving}}
        held |= {key: each for key, each in seen.items() if key not in held and isinstance(each, _Loaded)}
        self._held = held
        with self._asking:
            # Who has come since this look began could only fail the same way, one time-out later.
            answers = {key: self._asked.pop(key) for key in (list(self._asked) if failed else asked)}
        for key, answer in answers.items():
            answer.set_result(held.get(key) or failed or seen[key])
        return {key: seen[key] for key in moving}

    def _read(self, keys: Sequence[_Key]) -> Mapping[_Key, _Found] | Exception:
        """What each key stands for now, or why that cannot be told; one error when no key could be read."""
        if not keys:
            return {}
        from gpo.prompts.lookup import look_up

        try:
            found = look_up(self._database, keys, busy_s=_BUSY_S, read_s=_READ_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, the last good prompt is better than none
            # Its frames hold connections that were never finished.
            return error.with_traceback(None)
        return {key: each if isinstance(each, Exception) else _Loaded(*each) for key, each in found.items()}

    def _stay_fresh(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._watch()

    def _watch(self) -> None:
        # No thread can be started while the interpreter ends.
        with self._starting, suppress(RuntimeError):
            if self._thread is None or not self._thread.is_alive():
                begun = threading.Thread(target=self._keep_fresh, args=(self._closed,), name="gpo-prompts", daemon=True)
                begun.start()
                self._thread = begun

    def _keep_fresh(self, closed: threading.Event) -> None:
        # Processes that were started together do not ask together for ever. The application's own random numbers stay
        # what its seed makes them.
        jitter = random.Random()  # noqa: S311 - no secret
        while not closed.wait(self._refresh_s * jitter.uniform(1 - _JITTER, 1 + _JITTER)):
            self.refresh()


def _after_refresh(key: _Key, held: _Loaded, found: _Found) -> _Loaded:
    if isinstance(found, Exception):
        if not held.fails:
            _log.warning("prompt %s (%s): the last good one stays in use: %s", *key, first_line(found))
        return held._replace(fails=True)
    if held.fails:
        _log.info("prompt %s (%s): can be read again", *key)
    return held._replace(fails=False, given=None) if held.digest == found.digest else found


def _open_loader(database: str | None) -> PromptLoader:
    from gpo.settings import load_settings

    settings = load_settings()
    return PromptLoader(database or settings.database_for(settings.home_here()), settings.prompt_refresh_s)


def _begin_in_child() -> None:
    global _OPENING  # noqa: PLW0603 - another thread of the parent may have held it
    _OPENING = threading.Lock()
    for loader in _ALIVE:
        loader.begin()


_OPENING = threading.Lock()
_LOADERS: dict[str | None, PromptLoader] = {}
_ALIVE: WeakSet[PromptLoader] = WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
