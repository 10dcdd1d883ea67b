"""What the index keeps of a scored prompt, and the order by similarity: what counts most stands last.

No order depends on how the prompts were stored.
"""

from collections.abc import Callable, Mapping
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


def entry_id(candidate: Candidate) -> str:
    """The id of a candidate's entry in the collection of its run."""
    return f"{candidate.step}:{candidate.id}"


def step_of(entry: str) -> int:
    """The step that an entry's id tells."""
    return int(entry.partition(":")[0])


def candidate_of(entry: str) -> str:
    """The candidate's id that an entry's id tells."""
    return entry.partition(":")[2]


def entry_of(scored: Scored, parts: tuple[str, ...], part: str) -> Entry:
    """The entry of a scored prompt, or that of one of the `parts` of a program.

    Its metadata has always the same keys: Chroma keeps old ones when an entry is written again.
    """
    score = scored.score
    metadata: dict[str, str | int | float] = {
        "step": scored.candidate.step,
        "number": scored.candidate.number,
        "percent": scored.percent,
        "n": score.n,
        "planned": score.planned,
        "complete": score.complete,
        **({"part": part} if part else {}),
    }
    return Entry(entry_id(scored.candidate), split_parts(scored.candidate.instruction, parts)[part], metadata)


def read_neighbour(instruction: str, metadata: Mapping[str, Any], similarity: float) -> Neighbour:
    """A scored prompt from what `entry_of` gave of it."""
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
