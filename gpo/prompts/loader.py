"""Holds the prompts of a database in memory for an application: `load.py` has what the application calls.

The first call of a name reads the database; later calls take it from memory, in about a microsecond, while a daemon
thread looks for a newer version every `GPO_PROMPT_REFRESH_S` seconds. When it cannot, the last good prompt stays.
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

if TYPE_CHECKING:
    from langchain_core.prompts import ChatPromptTemplate

    from gpo.prompts.held import HeldPrompt

Default: TypeAlias = "ChatPromptTemplate | str | Path | None"

_log = logging.getLogger(__name__)
_JITTER = 0.2
_BUSY_S = 5.0
_READ_S = 10.0
"""How long one look at the database may take before it is given up, between one prompt and the next."""


class _Loaded(NamedTuple):
    """What is given for one name and reference; `given` is the default. `fails`: the last refresh failed, as logged."""

    prompt: "HeldPrompt"
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

    def find(self, name: str, reference: str | int, default: Default) -> "HeldPrompt":
        """As `load_prompt`, `load_messages` and `load_text`, all at once."""
        held = self._held.get((name, reference)) or self._first((name, reference), default)
        self._stay_fresh()
        if default is not None and held.given not in (None, default):
            from gpo.prompts.lookup import use_default

            return use_default(name, reference, default)
        return held.prompt

    def load_together(self, keys: "Sequence[_Key]") -> "dict[str, ChatPromptTemplate]":
        """As `load_prompts`."""
        for key in keys:
            if key not in self._held:
                self._first(key, None)
        self._stay_fresh()
        held = self._held
        return {key[0]: held[key].prompt.template for key in keys}

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

        fallen_back = _Loaded(use_default(*key, default), fails=True, given=default)
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
        return {key: each if isinstance(each, Exception) else _Loaded(each) for key, each in found.items()}

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
    if held.prompt.digest == found.prompt.digest:
        return held._replace(fails=False, given=None)
    found.prompt.be_ready_as(held.prompt)
    return found


def _begin_in_child() -> None:
    for loader in _ALIVE:
        loader.begin()


_ALIVE: WeakSet[PromptLoader] = WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
