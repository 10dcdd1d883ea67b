"""Promotes the three prompts of a program again and again while processes read them: does anybody see a mixture?

    python -m benchmarks.bundles --moves 200 --readers 8
    python -m benchmarks.bundles --database postgresql+psycopg://user@host/empty

Each version has the same word in all three prompts, another one than every other version. Every fifth move is a
rollback. A reader looks at the database anew for each reading, as the loader of an application does every
`GPO_PROMPT_REFRESH_S` seconds, and loads the prompts together, and then one by one, which promises nothing. It goes on
until it has seen the last move. Moves wait `--pause` seconds for each other, and a reader for its next reading.
"""

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from benchmarks.tables import markdown_table
from gpo.database.engine import open_database
from gpo.messages.message import Message
from gpo.names import PRODUCTION
from gpo.prompts.loader import PromptLoader
from gpo.prompts.registry import Registry
from gpo.prompts.version import PromptContent, program_content
from gpo.spec.program_text import join_texts

NAMES = ("bundle-find", "bundle-read", "bundle-say")
PROGRAM = "bundle"
TEMPLATE = (Message(role="user", text="{{instruction}}"),)
LAST = "last"
ROLLBACK_EVERY = 5
PATIENCE_S = 1800.0


@dataclass(frozen=True)
class Seen:
    """What one process has seen: readings, versions, and readings whose prompts were of two versions."""

    readings: int
    versions: int
    mixed: int
    mixed_one_by_one: int
    ended: bool


def read(database: str, pause: float, ready: Any, results: "Queue[Seen]") -> None:
    """Read until the last move is seen."""
    loader = PromptLoader(database, refresh_s=3600)
    keys = [(name, PRODUCTION) for name in NAMES]
    loader.load_together(keys)
    ready.wait()
    versions: set[str] = set()
    readings = mixed = one_by_one = 0
    end, is_last = monotonic() + PATIENCE_S, False
    while not is_last and monotonic() < end:
        loader.refresh()
        together = {template.format() for template in loader.load_together(keys).values()}
        apart = set()
        for name in NAMES:
            apart.add(loader.load(name).format())
            loader.refresh()
        readings += 1
        versions |= together
        mixed += len(together) > 1
        one_by_one += len(apart) > 1
        is_last = any(LAST in text for text in together)
        sleep(pause)
    loader.close()
    results.put(Seen(readings, len(versions), mixed, one_by_one, is_last))


def register(registry: Registry, word: str) -> int:
    """A version of the program with the word in all of its prompts."""
    versions = {
        name: registry.register(name, PromptContent(template=TEMPLATE, instruction=word)).version.version
        for name in NAMES
    }
    content = program_content(join_texts(dict.fromkeys(NAMES, word)), versions)
    return registry.register(PROGRAM, content).version.version


def move(registry: Registry, moves: int, pause: float) -> None:
    """So many promotions and rollbacks, the last of them a promotion of the last version."""
    for number in range(1, moves + 1):
        sleep(pause)
        if number % ROLLBACK_EVERY == 0 and number < moves:
            registry.rollback(PROGRAM, who="bench", why="")
            continue
        version = register(registry, f"{LAST if number == moves else 'version'} {number}")
        registry.promote(PROGRAM, version, who="bench", why="")


def measure(database: str, moves: int, readers: int, pause: float) -> list[str]:
    """A row of the table."""
    engine = open_database(database)
    registry = Registry(engine)
    registry.promote(PROGRAM, register(registry, "version 0"), who="bench", why="")
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(readers + 1, timeout=PATIENCE_S), context.Queue()
    processes = [
        context.Process(target=read, args=(database, pause, ready, results), daemon=True) for _ in range(readers)
    ]
    for process in processes:
        process.start()
    ready.wait()
    began = monotonic()
    move(registry, moves, pause)
    seconds = monotonic() - began
    seen = [results.get(timeout=PATIENCE_S) for _ in processes]
    for process in processes:
        process.join()
    engine.dispose()
    kind = "PostgreSQL" if database.startswith("postgresql") else "SQLite"
    return [
        kind,
        f"{moves}",
        f"{seconds:.1f}",
        f"{readers}",
        f"{sum(each.readings for each in seen):,}",
        f"{min(each.versions for each in seen)} to {max(each.versions for each in seen)}",
        f"{sum(each.ended for each in seen)}",
        f"{sum(each.mixed for each in seen)}",
        f"{sum(each.mixed_one_by_one for each in seen)}",
    ]


@contextmanager
def _databases(given: Sequence[str]) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield list(given) or [f"sqlite:///{Path(folder, 'gpo.db')}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=200, help="promotions and rollbacks")
    parser.add_argument("--readers", type=int, default=8, help="processes that read")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between moves, and between readings")
    parser.add_argument("--database", action="append", default=[], help="an empty database; by default a SQLite file")
    given = parser.parse_args()
    with _databases(given.database) as databases:
        rows = [measure(database, given.moves, given.readers, given.pause) for database in databases]
    heads = [
        "database",
        "moves",
        "seconds",
        "readers",
        "readings",
        "versions seen by a reader",
        "readers that saw the last move",
        "mixtures",
        "mixtures, one by one",
    ]
    print(markdown_table(heads, rows))
    if any(row[-2] != "0" or row[-3] != row[3] for row in rows):
        sys.exit("a reader has seen prompts of two versions, or not the last move")


if __name__ == "__main__":
    main()
