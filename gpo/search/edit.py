"""The step `edit`: holds each proposal to the edit budget of the step, and rejects those that cannot be used.

Every rejection has a reason, and is counted and reported.
"""

import random
from collections.abc import Collection, Iterable, Iterator, Sequence

from gpo.data.leaks import LeakGuard
from gpo.messages.message import texts_of
from gpo.records import Candidate, Edited, Example, Proposals, Rejection, RejectionReason, content_hash
from gpo.template import breaks_contract
from gpo.words import project_onto_budget, split_words, word_distance

MAX_WORDS = 400

_MAX_CHARACTERS = 3 * MAX_WORDS
"""For scripts without spaces, in which a word takes two or three characters."""


class ProposalFilter:
    """Decides which proposals become candidates of a run. Built once, as the examples do not change."""

    def __init__(self, guarded: Iterable[Example], allowed: str, shown: Iterable[Example] = ()) -> None:
        """Guard the texts of dev and test examples: inputs, right answers and solutions.

        What the start instruction says itself is `allowed`, and so is what training examples say, which the optimizer
        model is `shown`: a sentence that every question of a task begins with gives no example away.
        """
        self._guard = LeakGuard(_texts(guarded), [allowed, *_texts(shown)])

    def leaks(self, text: str) -> bool:
        """Whether a text repeats a guarded example, openly or in disguise; see `gpo.data.leaks`."""
        return self._guard.finds(text)

    def admit(
        self,
        proposals: Proposals,
        current: Candidate,
        known: Collection[str],
        *,
        step: int,
        budget: int | None,
        rng: random.Random,
    ) -> Edited:
        """Candidates in the order proposed, and every rejected proposal with its reason.

        `known` holds the ids of all prompts scored so far; a duplicate of one of them is not scored again.
        """
        candidates: list[Candidate] = []
        rejected = list(proposals.rejected)
        taken = set(known)
        for text in proposals.texts:
            edited = project_onto_budget(current.instruction, text, budget, rng).strip()
            reason = self._reason(text, edited, current, taken)
            if reason is not None:
                rejected.append(Rejection(reason=reason, text=text))
                continue
            taken.add(content_hash(edited))
            candidates.append(
                Candidate(
                    instruction=edited,
                    step=step,
                    number=len(candidates) + 1,
                    parent=current.id,
                    budget=budget,
                    proposed_distance=word_distance(current.instruction, text),
                    distance=word_distance(current.instruction, edited),
                )
            )
        return Edited(budget=budget, candidates=tuple(candidates), rejected=tuple(rejected))

    def _reason(self, proposed: str, edited: str, current: Candidate, taken: Collection[str]) -> RejectionReason | None:
        if not edited:
            return "empty"
        # Words of two sound texts can come together to something that neither of them holds.
        both = (proposed, edited)
        if any(map(breaks_contract, both)):
            return "contract"
        if any(len(text.split()) > MAX_WORDS or len(split_words(text)) > _MAX_CHARACTERS for text in both):
            return "too_long"
        if edited == current.instruction:
            return "unchanged"
        if content_hash(edited) in taken:
            return "duplicate"
        return "leak" if any(map(self.leaks, both)) else None


def _texts(examples: Iterable[Example]) -> Iterator[str]:
    for example in examples:
        for value in example.inputs.values():
            yield from texts_of(value)
        yield from example.references
        if example.solution is not None:
            yield example.solution


def rejections_by_reason(rejected: Sequence[Rejection]) -> dict[str, int]:
    """How many proposals each reason turned away."""
    counts: dict[str, int] = {}
    for item in rejected:
        counts[item.reason] = counts.get(item.reason, 0) + 1
    return dict(sorted(counts.items()))
