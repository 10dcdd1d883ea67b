"""What a command does on Ctrl-C and SIGTERM; light, since it has to be there before anything else is."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal ended the work. Not an `Exception`, so that nothing on the way takes it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """As a shell has it: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.number

    @property
    def word(self) -> str:
        """What happened."""
        return "Interrupted" if self.number == signal.SIGINT else "Terminated"


INTERRUPTED_CODES = frozenset(128 + number for number in SIGNALS)


def set_handlers(handle: Callable[[int], None]) -> list[Any]:
    """Let `handle` take both signals from here on; what took them before."""

    def handler(number: int, _frame: FrameType | None) -> None:
        handle(number)

    return [signal.signal(number, handler) for number in SIGNALS]


@contextmanager
def handling(handle: Callable[[int], None]) -> Iterator[None]:
    """Let `handle` take both signals, where this is the main thread: no other may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = set_handlers(handle)
    try:
        yield
    finally:
        for number, old in zip(SIGNALS, before, strict=True):
            signal.signal(number, old)


def interrupt(number: int) -> None:
    """Leave what is being done.

    Raises:
        Interrupted: always.
    """
    raise Interrupted(number)


def end_at_once(number: int) -> None:
    """End the process as it is, with a line and the terminal's cursor in place."""
    cursor = b"\x1b[?25h\r" if sys.stderr is not None and sys.stderr.isatty() else b""
    os.write(2, cursor + f"{Interrupted(number).word}.\n".encode())
    os._exit(Interrupted(number).exit_code)
