"""Sorts scored prompts for the meta-prompt: by similarity to the current one, by time or by score.

What counts most stands last. No order depends on how the prompts were stored.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gpo.records import Candidate, Record, Scored
from gpo.search.parts import split_parts


class Neighbour(Record):
    """A scored prompt of the trajectory: dev score from 0 to 100, cosine similarity to the current one (6 digits).

    `n` of `planned` examples were scored; it is not `complete` where the race ended it early. `part` names the prompt
    of a program whose text it is.
    """

    instruction: str
    percent: float
    similarity: float = 0.0
    step: int
    number: int
    n: int = 0
    planned: int = 0
    complete: bool = True
    part: str = ""


def as_neighbour(scored: Scored, similarity: float = 0.0) -> Neighbour:
    """A scored prompt as the trajectory gives it back."""
    return Neighbour(
        instruction=scored.candidate.instruction,
        percent=scored.percent,
        similarity=similarity,
        step=scored.candidate.step,
        number=scored.candidate.number,
        n=scored.score.n,
        planned=scored.score.planned,
        complete=scored.score.complete,
    )


class Entry(NamedTuple):
    """What the index keeps of a prompt, or of one part of a program."""

    id: str
    text: str
    metadata: Mapping[str, str | int | float]


def entry_id(run_key: str, candidate: Candidate, part: str) -> str:
    """The id of an entry."""
    return f"{run_key}:{candidate.step}:{candidate.id}{f':{part}' if part else ''}"


def entries_of(run_key: str, scored: Scored, parts: tuple[str, ...]) -> Iterator[Entry]:
    """The entries of a scored prompt: one, or one for each of the parts of a program."""
    for part, text in split_parts(scored.candidate.instruction, parts).items():
        yield Entry(entry_id(run_key, scored.candidate, part), text, metadata_of(run_key, scored, part))


def metadata_of(run_key: str, scored: Scored, part: str = "") -> dict[str, str | int | float]:
    """What an index keeps of a scored prompt beside its text, and `read_neighbour` reads.

    Always the same keys: Chroma keeps old ones when an entry is written again.
    """
    return {
        "run": run_key,
        "step": scored.candidate.step,
        "number": scored.candidate.number,
        "percent": scored.percent,
        "n": scored.score.n,
        "planned": scored.score.planned,
        "complete": scored.score.complete,
        **({"part": part} if part else {}),
    }


def read_neighbour(instruction: str, metadata: Mapping[str, Any], similarity: float) -> Neighbour:
    """A scored prompt from what `metadata_of` gave of it."""
    return Neighbour(
        instruction=instruction,
        percent=metadata["percent"],
        similarity=similarity,
        step=metadata["step"],
        number=metadata["number"],
        n=metadata["n"],
        planned=metadata["planned"],
        complete=metadata["complete"],
        part=metadata.get("part", ""),
    )


Order = Callable[[Neighbour], tuple[float, ...]]


def by_similarity(current: str) -> Order:
    """Order with the most similar last. Ties go by: the current prompt itself, score, step, number; higher is later."""
    return lambda hit: (hit.similarity, hit.instruction == current, hit.percent, hit.step, hit.number)


def by_time(hit: Neighbour) -> tuple[float, ...]:
    """Order with the latest last."""
    return hit.step, hit.number


def by_score(hit: Neighbour) -> tuple[float, ...]:
    """Order with the best last. A score of few examples, where the race ended a prompt, ranks below every whole one."""
    return hit.complete, hit.percent, hit.step, hit.number


def rank_neighbours(hits: Mapping[str, Neighbour], order: Order) -> list[Neighbour]:
    """Entries by id, in an order; ties go by id, and of equal texts the last stays."""
    found: dict[str, Neighbour] = {}
    for name in sorted(hits, key=lambda name: (order(hits[name]), name)):
        found.pop(hits[name].instruction, None)
        found[hits[name].instruction] = hits[name]
    return list(found.values())


def last_neighbours(hits: Sequence[Neighbour], k: int, current: str) -> list[Neighbour]:
    """The last `k` of distinct texts, the current one always among them.

    >>> hits = [Neighbour(instruction=text, percent=50, step=step, number=1) for step, text in enumerate("abcd")]
    >>> [hit.instruction for hit in last_neighbours(hits, 3, current="a")]
    ['a', 'c', 'd']
    """
    others = [hit for hit in hits if hit.instruction != current]
    left = k - (len(hits) - len(others))
    kept = others[max(0, len(others) - left) :]
    return [hit for hit in hits if hit.instruction == current or hit in kept]
