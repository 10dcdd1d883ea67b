"""How a run goes, for a person: one line in the cell of a notebook, elsewhere lines of the log `gpo`.

Progress is INFO there. What a person should know, as what was guessed, is WARNING: it is seen without any set-up.
"""

import importlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from gpo.api.cell import progress_cell
from gpo.comparison.progress import InRun
from gpo.formatting import fraction
from gpo.progress import Answered, Began, BestFound, Dropped, Event, Listener, Note, current_listener, listen

_log = logging.getLogger("gpo")
_EVERY_S = 0.2
"""How often a cell is drawn at most."""


@dataclass
class Progress:
    """Takes in the events of a run; `told` is what a person should know of it."""

    display: Any = None
    told: list[str] = field(default_factory=list)
    outer: Listener | None = None
    _phase: str = "checking"
    _calls: int | None = None
    _answered: int = 0
    _paid: int = 0
    _best: str = ""
    _shown_at: float = 0.0
    _handle: Any = None

    def __call__(self, event: Event) -> None:
        """Take in one event, or one of a run of a comparison."""
        match event.event if isinstance(event, InRun) else event:
            case Began(phase, calls):
                self._phase, self._calls, self._answered = phase, calls, 0
                self._shown_at = 0.0
                _log.info("%s: at most %d calls", phase, calls)
            case Answered(paid, count):
                self._answered += count
                self._paid += count if paid else 0
            case Dropped(calls):
                self._answered += calls
            case BestFound(scored):
                self._best = f"best {fraction(scored.score.mean)}"
            case Note(text):
                self.note(text)
        self.show()
        if self.outer is not None:
            self.outer(event)

    def note(self, text: str) -> None:
        """Tell something once."""
        if text not in self.told:
            self.told.append(text)
            if self.display is None:
                _log.warning("%s", text)

    def show(self, *, last: bool = False) -> None:
        """Draw the cell, where there is one and it was not drawn just now."""
        if self.display is None or (not last and monotonic() - self._shown_at < _EVERY_S):
            return
        self._shown_at = monotonic()
        calls = "" if self._calls is None else f"{self._answered:,} of {self._calls:,} calls; "
        detail = f"{calls}{self._paid:,} paid {self._best}".rstrip()
        page = self.display.HTML(progress_cell("done" if last else self._phase, detail, self.told))
        if self._handle is None:
            self._handle = self.display.display(page, display_id=True)
        else:
            self._handle.update(page)


@contextmanager
def showing(progress: bool, told: tuple[str, ...]) -> Iterator[Progress]:
    """Show how the run inside goes; without `progress`, only what was `told` of it, and is, is kept."""
    shown = Progress(_notebook() if progress else None, outer=current_listener())
    if progress:
        for text in told:
            shown.note(text)
    else:
        shown.told += told
    with listen(shown):
        yield shown
    shown.show(last=True)


def _notebook() -> Any:
    """The display of the notebook that this process serves; None where it serves none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return importlib.import_module("IPython.display") if hasattr(shell, "kernel") else None
