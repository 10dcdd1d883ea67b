"""The latest and the best of a run's scored prompts, which the database sorts: what counts most stands last."""

from collections.abc import Iterator
from typing import Literal, Protocol

from gpo.records import Candidate, Scored
from gpo.search.memory.neighbours import Neighbour, as_neighbour
from gpo.search.parts import split_parts

Ranking = Literal["time", "score"]
"""By step and number in it; or by dev score, where one that the race ended early ranks below every whole one."""


class Ranked(Protocol):
    """Reads the scored prompts of the earlier steps of a run, the last in a ranking first."""

    def __call__(self, by: Ranking, candidate: str | None = None) -> Iterator[Scored]:
        """All of them, or those of one candidate, by its id. StateError: the database cannot be used."""
        ...


def last_ranked(
    ranked: Ranked, by: Ranking, current: Candidate, k: int, *, parts: tuple[str, ...] = (), part: str = ""
) -> list[Neighbour]:
    """The last `k` prompts of distinct texts, the last of all at the end; the current one is among them if scored.

    Of a program with these `parts`, they are texts of one `part`. No more rows are read than that takes.
    """
    wanted = split_parts(current.instruction, parts)[part]
    found: dict[str, Neighbour] = {}
    for scored in ranked(by):
        text = split_parts(scored.candidate.instruction, parts)[part]
        if len(found) < k or text == wanted:
            found.setdefault(text, as_neighbour(scored).model_copy(update={"instruction": text, "part": part}))
        # A text of a part may be that of many candidates; a whole one is found by its own id.
        if len(found) >= k and (wanted in found or not part):
            break
    if not part and wanted not in found and (own := next(ranked(by, current.id), None)) is not None:
        found[wanted] = as_neighbour(own)
    if wanted in found and len(found) > k:
        del found[list(found)[k - 1]]
    return list(found.values())[::-1]
