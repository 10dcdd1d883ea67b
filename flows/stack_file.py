"""Where the local stack of a state folder can be reached, as `gpo up` wrote it down."""

import os
from collections.abc import Mapping
from pathlib import Path

from gpo.records import Record


class Process(Record):
    """One process of the stack. `began` tells it from a stranger that has the pid after a reboot."""

    pid: int
    began: str
    log: Path


class Stack(Record):
    """The running stack: addresses, and the processes that `gpo down` stops."""

    api_url: str
    ui_url: str
    chroma_url: str
    prompts_url: str
    processes: Mapping[str, Process]


def stack_path(home: Path) -> Path:
    """Where it is written."""
    return home / "stack.json"


def read_stack(home: Path) -> Stack | None:
    """The stack of a state folder as it was last written; None without one. Whether it still runs is not asked."""
    try:
        return Stack.model_validate_json(stack_path(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_stack(home: Path, stack: Stack) -> None:
    """Write it, whole or not at all."""
    draft = stack_path(home).with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(stack.model_dump_json(indent=2), encoding="utf-8")
    draft.replace(stack_path(home))
