"""The file `stack.json`: addresses and processes of a state folder's local stack, as `gpo up` wrote them down."""

from collections.abc import Mapping
from pathlib import Path

from gpo.files import write_whole
from gpo.records import Record


class Process(Record):
    """One process of the stack. `start_time` tells it from a stranger that has the pid after a reboot.

    `owned` is false for one that was found running, which `gpo down` leaves alone.
    """

    pid: int
    start_time: str
    log: Path
    owned: bool = True


class Stack(Record):
    """The running stack: addresses, and its processes. `deployed` is the digest of what was deployed last.

    `reports_url` is empty where its prompt endpoint was started without a key for the reports.
    """

    api_url: str
    ui_url: str
    chroma_url: str
    prompts_url: str
    reports_url: str = ""
    processes: Mapping[str, Process]
    deployed: str = ""


def stack_path(home: Path) -> Path:
    """Where it is written."""
    return home / "stack.json"


def read_stack(home: Path) -> Stack | None:
    """The stack of a state folder as it was last written; None without one. Whether it still runs is not asked."""
    return _read(stack_path(home))


def read_last_stack(home: Path) -> Stack | None:
    """The stack, or what is left of one that was stopped: its addresses, which the next one takes if they are free."""
    if (stack := read_stack(home)) is not None:
        return stack
    past = _read(_archive_path(home))
    return None if past is None else past.model_copy(update={"processes": {}})


def archive_stack(home: Path) -> None:
    """Note that the stack was stopped."""
    stack_path(home).replace(_archive_path(home))


def _archive_path(home: Path) -> Path:
    return home / "stack.past.json"


def _read(path: Path) -> Stack | None:
    try:
        return Stack.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_stack(home: Path, stack: Stack) -> None:
    """Write it, whole or not at all."""
    write_whole(stack_path(home), stack.model_dump_json(indent=2))
