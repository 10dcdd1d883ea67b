"""Tasks whose labels a model finds only if the instruction says what they stand for, made of published questions.

The folder is one of datasets in GPO's layout: `mmlu/SUBJECT/test.jsonl` and so on. Questions lose their options, which
would tell the subject, and all but the first `LONGEST` characters.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LONGEST = 240
SIZES = {"train": 60, "dev": 40, "test": 160}
"""Examples of each split, as many of each label."""


@dataclass(frozen=True)
class Example:
    """One question and its label."""

    id: str
    text: str
    reference: str


@dataclass(frozen=True)
class Task:
    """Labels and where their questions come from, the prompt to begin with, and one that a person wrote quickly."""

    description: str
    sources: Mapping[str, Sequence[str]]
    start: str
    written: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in their order."""
        return tuple(self.sources)


TASKS: Mapping[str, Task] = {
    "topic": Task(
        "the subject of an exam question",
        {
            "anatomy": ["mmlu/anatomy"],
            "geography": ["mmlu/high_school_geography"],
            "law": ["mmlu/professional_law"],
            "sociology": ["mmlu/sociology"],
        },
        "Which subject is it: anatomy, geography, law or sociology? Answer with one word.",
        "Decide which subject the exam question belongs to. It is anatomy if it asks about the body, organs, bones, "
        "nerves or diseases. It is geography if it asks about countries, cities, population, land or climate. "
        "It is law if it tells a case, a contract or a crime, or names a court. It is sociology if it asks about "
        "society, class, gender or social theories. Answer with one of the words anatomy, geography, law, sociology.",
    ),
    "desks": Task(
        "the desk that answers a request",
        {
            "north": ["gsm8k", "bbh/object_counting"],
            "south": ["bbh/sports_understanding"],
            "east": ["bbh/movie_recommendation"],
            "west": ["bbh/navigate"],
        },
        "Which desk is it for: north, south, east or west? Answer with one word.",
        "Name the desk that answers the request. North: something to count or calculate. South: a sentence about "
        "sports and players. East: films. West: steps and turns of a walk. Answer with one word: north, south, east "
        "or west.",
    ),
    "faculty": Task(
        "the faculty of an exam question",
        {
            "science": ["mmlu/anatomy", "mmlu/college_physics", "mmlu/abstract_algebra"],
            "society": ["mmlu/high_school_geography", "mmlu/professional_law", "mmlu/sociology"],
        },
        "Is it science or society? Answer with one word.",
        "Name the faculty of the exam question. Science: mathematics, physics, the human body. Society: law, people, "
        "cities, countries. Answer with one word: science or society.",
    ),
    "queue": Task(
        "the queue of a request",
        {
            "red": ["mmlu/professional_law"],
            "green": ["mmlu/anatomy"],
            "blue": ["gsm8k", "bbh/object_counting"],
        },
        "Which queue: red, green or blue? Answer with one word.",
        "Name the queue of the request. Red: the law, a case, a contract, a crime. Green: the body, organs, diseases. "
        "Blue: something to count or calculate. Answer with one word: red, green or blue.",
    ),
}


@lru_cache(maxsize=64)
def split_task(data: Path, name: str, seed: int) -> Mapping[str, tuple[Example, ...]]:
    """The splits of a task, drawn by the seed: each has as many examples of each label."""
    task = TASKS[name]
    rng = random.Random(f"{name} {seed}")
    pools = {label: _pool(data, task, label) for label in task.labels}
    for pool in pools.values():
        rng.shuffle(pool)
    found: dict[str, tuple[Example, ...]] = {}
    taken = 0
    for part, size in SIZES.items():
        each = size // len(pools)
        rows = [(text, label) for label, pool in pools.items() for text in pool[taken : taken + each]]
        rng.shuffle(rows)
        taken += each
        found[part] = tuple(Example(f"{part}-{number}", *row) for number, row in enumerate(rows))
    return found


def _pool(data: Path, task: Task, label: str) -> list[str]:
    """All questions of a label; several sources take turns."""
    sources = [_read(data / name) for name in task.sources[label]]
    shortest = min(map(len, sources))
    return [texts[number] for number in range(shortest) for texts in sources]


def _read(folder: Path) -> list[str]:
    files = [folder / f"{part}.jsonl" for part in ("train", "eval", "test")]
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").split("\n") if line.strip()]
    return list(dict.fromkeys(_stem(row["input"]) for row in rows))


def _stem(question: str) -> str:
    lines = [line for line in question.split("\n") if not line.startswith(("(", "- ", "Options:"))]
    return " ".join(lines)[:LONGEST].strip()
