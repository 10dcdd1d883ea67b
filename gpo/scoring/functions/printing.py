"""What a user's function prints goes to stderr: stdout is for what the command was asked for, and may be JSON."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, TextIO

_inside: ContextVar[bool] = ContextVar("gpo_inside_users_function", default=False)


class _Divided:
    """Stands for stdout while a user's function runs: what that function writes goes to stderr, all else to stdout.

    Told apart by context, since other tasks of the loop go on while a coroutine function waits.
    """

    def __init__(self, stdout: TextIO) -> None:
        self.stdout = stdout
        self.users = 0

    def write(self, text: str) -> int:
        return (sys.stderr if _inside.get() else self.stdout).write(text)

    def writelines(self, lines: list[str]) -> None:
        (sys.stderr if _inside.get() else self.stdout).writelines(lines)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stdout, name)


_lock = Lock()


@contextmanager
def printing_to_stderr() -> Iterator[None]:
    """Inside, what is printed goes to stderr."""
    with _lock:
        divided = sys.stdout if isinstance(sys.stdout, _Divided) else _Divided(sys.stdout)
        divided.users += 1
        sys.stdout = divided
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)
        with _lock:
            divided.users -= 1
            if not divided.users and sys.stdout is divided:
                sys.stdout = divided.stdout
