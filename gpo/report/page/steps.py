"""The steps of a run on its page: what the optimizer model was shown, what it proposed, and what that changed."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from gpo import formatting
from gpo.records import Candidate, Scored
from gpo.report.findings import CandidateRow, candidate_rows
from gpo.report.page.cases import SHOWN_OF_TEXT
from gpo.report.page.material import byte_size
from gpo.report.page.shown import describe_shown
from gpo.runs.outcome import Outcome, all_scored
from gpo.search.step import Rejection, Step, mean
from gpo.words import DiffPart, word_difference

_ROOM = 240_000
"""Bytes that the steps may take on the page."""

_MARKUP, _MARKUP_OF_PART = 400, 12
"""Bytes of a block, and of a piece of a difference, without their texts, about."""

_ALREADY_TOLD = ("no_gain", "unaffordable")
"""Reasons of rejections that are those of a tried candidate as well, which is shown with its cases."""


class ProposalCard(NamedTuple):
    """One candidate of a step: its scores, on cases and on dev, and how it differs from the prompt it was made from.

    `row` is there where it was scored on dev. `difference` is empty where there is no parent to compare with.
    """

    label: str
    way: str
    parent: str
    instruction: str
    proposed: str | None
    difference: Sequence[DiffPart]
    tried: str = ""
    verdict: str = ""
    shown: str = ""
    row: CandidateRow | None = None


class ShownPrompt(NamedTuple):
    """A prompt that the optimizer model was shown, with its dev score as it was told."""

    label: str
    score: str
    instruction: str


class StepSection(NamedTuple):
    """One step of the search: the line to open it by, what was shown, what was proposed, what was turned away."""

    number: int
    summary: str
    facts: str
    current: ShownPrompt
    shown: Sequence[ShownPrompt]
    cases: str
    summary_shown: str
    reflection: str
    proposals: Sequence[ProposalCard]
    rejected: Sequence[Rejection]


class PromptTree:
    """The prompts of a run and how each came from another."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        scored = all_scored(outcome)
        self._scored = {item.candidate.id: item for item in scored}
        # The first of a text: that of the prompt that the optimizer model was shown by its text alone.
        self._by_text = {item.candidate.instruction: item for item in reversed(scored)}
        self._by_id: dict[str, Candidate] = {item.candidate.id: item.candidate for item in scored}
        for step in outcome.history:
            for trial in step.trials:
                self._by_id.setdefault(trial.candidate.id, trial.candidate)

    @cached_property
    def _rows(self) -> Mapping[str, CandidateRow]:
        return dict(
            zip((item.candidate.id for item in all_scored(self._outcome)), candidate_rows(self._outcome), strict=True)
        )

    def way_to_best(self) -> list[ProposalCard]:
        """From the start to the best prompt, with the difference to the one before; empty where that is the start."""
        chain = [self._outcome.best.candidate]
        while (parent := self._by_id.get(chain[-1].parent or "")) is not None and parent not in chain:
            chain.append(parent)
        return [self._card(each) for each in reversed(chain)] if len(chain) > 1 else []

    def steps(self) -> tuple[list[StepSection], int]:
        """The steps that fit the page, and how many more there are."""
        found: list[StepSection] = []
        room = _ROOM
        for step in self._outcome.history:
            section = self._step(step)
            room -= _size(section)
            if room < 0:
                break
            found.append(section)
        return found, len(self._outcome.history) - len(found)

    def _step(self, step: Step) -> StepSection:
        trials = {trial.candidate.id: trial for trial in step.trials}
        unscored = [trial.candidate for trial in step.trials if trial.candidate.id not in self._scored]
        proposals = []
        for candidate in (*(item.candidate for item in step.scored), *unscored):
            trial = trials.get(candidate.id)
            card = self._card(candidate)
            if trial is not None:
                after, before = formatting.fraction(trial.after, 2), formatting.fraction(trial.before, 2)
                verdict = "" if card.row else "accepted, not scored" if trial.passed else "not accepted"
                card = card._replace(tried=f"on its cases {after}, its parent {before}", verdict=verdict)
            proposals.append(card)
        tops = [item.score.mean for item in step.scored if item.score.complete]
        top = f"top {formatting.fraction(max(tops))}" if tops else "none scored in full"
        told_of = {card.instruction for card in proposals}
        return StepSection(
            number=step.number,
            summary=f"Step {step.number}: {formatting.count(len(step.scored), 'candidate')}, {top}",
            facts=self._facts(step),
            current=self._shown(step.current, self._scored.get(step.current_id)),
            shown=[self._shown(text, self._by_text.get(text)) for text in step.neighbours if text != step.current],
            cases=_cases(step),
            summary_shown=step.summary,
            reflection=step.reflection or "",
            proposals=proposals,
            rejected=[each for each in step.rejected if each.reason not in _ALREADY_TOLD or each.text not in told_of],
        )

    def _facts(self, step: Step) -> str:
        shown = ", ".join(_named(text, self._by_text.get(text)) for text in step.neighbours) or "none"
        # A step without candidates does not tell its limit.
        limit = f"at most {formatting.count(step.budget, 'word')} changed; " if step.budget is not None else ""
        rejected = f"{formatting.count(len(step.rejected), 'proposal')} rejected"
        current = _named(step.current, self._scored.get(step.current_id))
        return f"From {current}; prompts shown: {shown}; {limit}{rejected}."

    @staticmethod
    def _shown(instruction: str, item: Scored | None) -> ShownPrompt:
        if item is None:
            return ShownPrompt("of another run", "", instruction)
        return ShownPrompt(item.candidate.label, _told_score(item), instruction)

    def _card(self, candidate: Candidate) -> ProposalCard:
        parent = self._by_id.get(candidate.parent or "")
        return ProposalCard(
            label=candidate.label,
            way=candidate.way,
            parent=parent.label if parent else "",
            instruction=candidate.instruction,
            proposed=candidate.proposed,
            difference=word_difference(parent.instruction, candidate.instruction) if parent else (),
            row=self._rows.get(candidate.id),
            shown=describe_shown(candidate, parent),
        )


def _named(instruction: str, item: Scored | None) -> str:
    return item.candidate.label if item else f"“{formatting.shorten(instruction)}”"


def _told_score(item: Scored) -> str:
    return f"{item.percent:g}"


def _cases(step: Step) -> str:
    if not step.cases:
        return ""
    score = formatting.fraction(mean(step.cases.values()), 2)
    return f"{formatting.count(len(step.cases), 'training case')}; the current prompt scores {score} on them"


def _size(section: StepSection) -> int:
    shown = (section.current, *section.shown)
    texts = [each.instruction for each in shown]
    texts += [each.instruction for each in section.proposals if not each.difference]
    parts = [part for each in section.proposals for part in each.difference]
    texts += [part.text for part in parts]
    texts += [each.text[:SHOWN_OF_TEXT] for each in section.rejected]
    texts += [section.summary_shown, section.reflection]
    blocks = 1 + len(shown) + len(section.proposals) + len(section.rejected)
    return _MARKUP * blocks + _MARKUP_OF_PART * len(parts) + sum(map(byte_size, texts))
