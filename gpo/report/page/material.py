"""What the page of a run shows beyond its outcome, and how much of it one page holds."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from gpo.runs.results.proved import ProvedExamples

_T = TypeVar("_T")


class RunMaterial(NamedTuple):
    """What is known of a run beside its outcome; all of it may be missing.

    `vectors` are the embeddings of its prompts by candidate id, `dataset` and `code` hashes of the data and of the code
    that decides a run. `spec` is the spec's file as a command names it, `home` the state folder where the command has
    to name it too. `beside` names files beside the page, which hold what has no room on it.
    """

    examples: ProvedExamples = ProvedExamples()
    vectors: Mapping[str, Sequence[float]] = {}
    dataset: str = ""
    code: str = ""
    spec: str = "SPEC"
    home: str = ""
    beside: tuple[str, ...] = ()

    def command(self, *words: str) -> str:
        """A command of `gpo` about the run's spec, to be copied: `gpo optimize SPEC`, with the state folder if due."""
        named = 2 if words[0] == "prompt" else 1
        place = ["--home", self.home] if self.home and words[0] == "prompt" else []
        return shlex.join(["gpo", *words[:named], self.spec, *words[named:], *place])


def report_path(home: Path, run_id: str) -> Path:
    """Where the HTML report of a run lies."""
    return home / "reports" / f"{run_id}.html"


def path_in_commands(path: Path | None) -> str:
    """A file as a command names it: relative where it lies below the working folder; SPEC where it is not known."""
    if path is None:
        return "SPEC"
    whole, here = path.resolve(), Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


def byte_size(text: str) -> int:
    """The bytes of a text on a page, about: what is escaped takes more."""
    return len(text.encode("utf-8", "replace"))


def take_within(rows: Iterable[_T], size: Callable[[_T], int], limit: int) -> tuple[list[_T], int]:
    """The first rows that together have `limit` bytes, and how many are left out.

    >>> take_within(["aa", "bbb", "c"], len, 5)
    (['aa', 'bbb'], 1)
    """
    taken: list[_T] = []
    left, room = 0, limit
    for row in rows:
        needed = size(row)
        if left or needed > room:
            left += 1
            continue
        room -= needed
        taken.append(row)
    return taken, left
