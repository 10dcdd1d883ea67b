"""The step `edit`: holds each proposal to the edit budget of the step, and rejects those that cannot be used.

Every rejection has a reason, and is counted and reported.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from gpo.data.leaks import FreeRuns, LeakGuard, leak_words
from gpo.formatting import hides_characters
from gpo.messages.message import texts_of
from gpo.records import Candidate, Example
from gpo.search.edits.project import project_onto_budget
from gpo.search.edits.soundness import is_cut_off, lost_labels, named_labels
from gpo.search.parts import join_parts, split_parts
from gpo.search.step import Edited, Proposal, Proposals, Rejection, RejectionReason
from gpo.template import breaks_contract
from gpo.words import split_words, word_distance

MAX_WORDS = 400

_MAX_CHARACTERS = 3 * MAX_WORDS
"""For scripts without spaces, in which a word takes two or three characters."""


class ProposalFilter:
    """Decides which proposals become candidates of a run. Built once, as the examples do not change."""

    def __init__(
        self,
        guarded: Sequence[Example],
        allowed: str,
        *,
        shown: Sequence[Example] = (),
        labels: Sequence[str] = (),
        frame: str = "",
        parts: tuple[str, ...] = (),
        texts: Collection[str] = (),
        most_words: float = math.inf,
    ) -> None:
        """Guard the texts of all examples: inputs, right answers and solutions.

        `guarded` are those of dev and test, `shown` those of train. What the start instruction says itself is
        `allowed`, and so is what many examples share, and a right answer of two of them, which is a kind of answer.
        `parts` are the prompts of a program, each of which is held to the rules by itself; those that are `texts` may
        hold what looks like a variable. Of the `labels` of a choice, those that the messages around the instruction,
        the `frame`, name may be dropped. A candidate of more than `most_words`, with all of its parts, is too long.
        """
        examples = (*guarded, *shown)
        free = FreeRuns([allowed, *_usual_answers(examples)], [texts_of_example(each) for each in examples])
        self._leaks = LeakGuard((text for each in guarded for text in texts_of_example(each)), free)
        self._copies = LeakGuard((text for each in shown for text in texts_of_example(each)), free)
        self._parts, self._texts, self._most_words = parts, frozenset(texts), most_words
        self._labels = tuple(each for each in labels if each not in named_labels(frame, labels))

    def leaks(self, text: str) -> bool:
        """Whether a text repeats a dev or test example, openly or in disguise; see `gpo.data.leaks`."""
        return self._leaks.finds(text)

    def copies(self, text: str) -> bool:
        """Whether a text repeats a training example; demonstrations have a place of their own in the prompt."""
        return self._copies.finds(text)

    def admit(
        self,
        proposals: Proposals,
        current: Candidate,
        known: Collection[str],
        *,
        step: int,
        budget: int | None,
    ) -> Edited:
        """Candidates in the order proposed, and every rejected proposal with its reason.

        Of a program, a proposal is for one part; where one of a candidate is rejected, that part stays as it is.
        `known` holds the ids of all prompts scored so far; a duplicate of one of them is not scored again.
        """
        candidates: list[Candidate] = []
        rejected = list(proposals.rejected)
        taken = set(known)
        for group in _by_place(proposals.proposals):
            made, turned_away = self._candidate(group, current, taken, budget)
            rejected += turned_away
            if made is None:
                continue
            taken.add(made.id)
            candidates.append(made.model_copy(update={"step": step, "number": len(candidates) + 1}))
        return Edited(budget=budget, candidates=tuple(candidates), rejected=tuple(rejected))

    def _candidate(
        self, group: Sequence[Proposal], current: Candidate, taken: Collection[str], budget: int | None
    ) -> tuple[Candidate | None, list[Rejection]]:
        """The candidate that proposals of one place make, each for another part; None where none can be used."""
        before = split_parts(current.instruction, self._parts)
        edited, proposed, rejected = dict(before), dict(before), list[Rejection]()
        shown = next((each.shown for each in group if each.shown is not None), current.shown)
        for proposal in group:
            text = proposal.text.strip()
            kept = project_onto_budget(before[proposal.part], text, budget).strip()
            whole = Candidate(instruction=join_parts({**edited, proposal.part: kept}), shown=shown)
            breaks = hides_characters if proposal.part in self._texts else breaks_contract
            states = {
                "is_known": whole.id in taken,
                "is_beyond": self._is_beyond(current.instruction, whole.instruction),
                "shows_others": shown != current.shown,
            }
            if found := self._rejection(text, kept, before[proposal.part], breaks, **states):
                rejected.append(Rejection(reason=found[0], text=text, detail=found[1], way=proposal.way))
            else:
                edited[proposal.part], proposed[proposal.part] = kept, text
        changed = [part for part in edited if edited[part] != before[part]]
        if not changed and (rejected or shown == current.shown):
            return None, rejected
        first = next((each for each in group if each.part in changed), group[0])
        made = Candidate(
            instruction=join_parts(edited),
            place=first.place,
            way=first.way,
            parent=current.id,
            budget=budget,
            proposed_distance=sum(word_distance(before[part], proposed[part]) for part in changed),
            distance=sum(word_distance(before[part], edited[part]) for part in changed),
            proposed=None if edited == proposed else join_parts(proposed),
            part=changed[0] if len(changed) == 1 else "",
            shown=shown,
        )
        return made, rejected

    def _rejection(
        self,
        text: str,
        edited: str,
        current: str,
        breaks: Callable[[str], bool],
        *,
        is_known: bool,
        is_beyond: bool,
        shows_others: bool,
    ) -> tuple[RejectionReason, str] | None:
        """Why a proposal is rejected, and what in it is at fault where that can be named."""
        # Sentences of two sound texts can come together to something that neither of them holds.
        both = dict.fromkeys((text, edited))
        lost = lost_labels(current, edited, self._labels)
        checks: tuple[tuple[RejectionReason, Callable[[], bool]], ...] = (
            ("empty", lambda: not text),
            ("contract", lambda: any(map(breaks, both))),
            ("too_long", lambda: is_beyond or any(map(_is_too_long, both))),
            ("unchanged", lambda: text == current and not shows_others),
            ("leak", lambda: any(map(self.leaks, both))),
            ("copy", lambda: any(map(self.copies, both))),
            ("truncated", lambda: is_cut_off(current, text)),
            ("budget", lambda: edited == current != text),
            ("duplicate", lambda: is_known),
            ("label", lambda: bool(lost)),
        )
        reason = next((name for name, holds in checks if holds()), None)
        return reason and (reason, ", ".join(lost) if reason == "label" else "")

    def _is_beyond(self, current: str, edited: str) -> bool:
        """Whether a candidate has more words than a bound allows; one that is still on the way down to it has not.

        Of a program, all of its texts count together, as the bound itself counts them.
        """
        words = len(split_words(edited))
        return words > self._most_words and words >= len(split_words(current))


def _by_place(proposals: Iterable[Proposal]) -> list[list[Proposal]]:
    """The proposals with those of one place together, in the order of the first of each."""
    groups: dict[int, list[Proposal]] = {}
    for each in proposals:
        groups.setdefault(each.place, []).append(each)
    return list(groups.values())


def _is_too_long(text: str) -> bool:
    return len(text.split()) > MAX_WORDS or len(split_words(text)) > _MAX_CHARACTERS


def texts_of_example(example: Example) -> list[str]:
    """What an example says: its inputs, right answers and solution."""
    solutions = [] if example.solution is None else [example.solution]
    inputs = [text for value in example.inputs.values() for text in texts_of(value)]
    return [*inputs, *example.references, *solutions]


def _usual_answers(examples: Iterable[Example]) -> list[str]:
    """The right answers that two examples or more have."""
    first = {answer: text for each in examples for text in each.references if (answer := tuple(leak_words(text)))}
    counts = Counter(answer for each in examples for answer in {tuple(leak_words(text)) for text in each.references})
    return [text for answer, text in first.items() if counts[answer] > 1]


def rejections_by_reason(rejected: Sequence[Rejection]) -> dict[str, int]:
    """How many proposals each reason turned away."""
    counts: dict[str, int] = {}
    for item in rejected:
        counts[item.reason] = counts.get(item.reason, 0) + 1
    return dict(sorted(counts.items()))
