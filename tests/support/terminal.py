"""A command of `gpo` on a real terminal: what it shows, a key that is pressed, how it ends, what it leaves behind."""

import os
import pty
import re
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import environment

CTRL_C = b"\x03"
_LONGEST_S = 200.0


@dataclass
class Terminal:
    """A running command. `shown` is what it wrote so far."""

    pid: int
    screen: int
    shown: str = ""

    def until(self, pattern: str) -> str:
        """Read until the pattern is shown, or the command has ended; what is shown by then, without escapes."""
        deadline = time.monotonic() + _LONGEST_S
        while re.search(pattern, self.shown) is None and self._read(deadline):
            pass
        assert re.search(pattern, self.shown), self.shown
        return self.shown

    def until_set(self, event: threading.Event) -> None:
        """Read until something has happened elsewhere: a command that nobody reads would wait for its reader."""
        deadline = time.monotonic() + _LONGEST_S
        while not event.is_set():
            assert self._read(deadline), self.shown

    def press(self, key: bytes) -> None:
        os.write(self.screen, key)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> int:
        """Read to the end; the exit code as a shell has it."""
        deadline = time.monotonic() + _LONGEST_S
        while self._read(deadline):
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.pid = 0
        return code if code >= 0 else 128 - code

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in re.split(r"[\r\n]+", self.shown) if line.strip()]

    def _read(self, deadline: float) -> bool:
        assert time.monotonic() < deadline, self.shown
        if not select.select([self.screen], [], [], 0.05)[0]:
            return True
        try:
            new = os.read(self.screen, 65536)
        except OSError:  # the other side of the terminal is closed
            return False
        self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", new.decode(errors="replace"))
        return bool(new)


@contextmanager
def on_terminal(*arguments: str | Path, **variables: str) -> Iterator[Terminal]:
    """Run `gpo` with these arguments and environment variables on a terminal of its own."""
    command = [sys.executable, "-m", "flows.cli.entry", *map(str, arguments)]
    pid, screen = pty.fork()
    if pid == 0:
        os.execve(sys.executable, command, {**environment(), **variables, "COLUMNS": "200"})
    terminal = Terminal(pid, screen)
    try:
        yield terminal
    finally:
        if terminal.pid:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
            os.waitpid(pid, 0)
        os.close(screen)
