"""What became of the proposals of a run: tried on cases, accepted, scored, or rejected and why; and by way of asking.

Beside it is what dev promised of the best prompt and what is expected of it, for methods that tell luck from quality.
"""

from collections.abc import Mapping

from gpo.formatting import count, fraction
from gpo.records import Record
from gpo.runs.outcome import Outcome
from gpo.search.step import RejectionReason

REASONS: Mapping[RejectionReason, str] = {
    "empty": "nothing was written",
    "truncated": "breaks off in mid-sentence",
    "refused": "the optimizer model declined to write one",
    "duplicate": "was proposed before",
    "leak": "copies a dev or test example",
    "copy": "copies a training example",
    "contract": "has variables of its own",
    "too_long": "is too long",
    "budget": "no whole sentence fits the word budget",
    "label": "leaves out a label",
    "unchanged": "is the current prompt",
    "failed": "the call failed",
    "no_gain": "not good enough on its cases",
    "unaffordable": "accepted, but no calls were left for dev",
}
"""What is wrong with a proposal that was rejected, in words."""

REJECTED_HEAD = ("Reason", "What it means", "Proposals")
WAY_HEAD = ("Way of asking", "Proposals", "Tried on cases", "Accepted", "Scored on dev")


class ProposalCounts(Record):
    """How many proposals came how far.

    One was `accepted` where it was worth a score on all of dev: by its cases, or by the race. Without either each one
    that passed the checks was. An accepted one that was not `scored` could not be paid for.
    """

    proposed: int = 0
    tried: int = 0
    accepted: int = 0
    scored: int = 0

    def with_one(self, *, tried: bool = False, accepted: bool = False, scored: bool = False) -> "ProposalCounts":
        """The counts with one more proposal."""
        return ProposalCounts(
            proposed=self.proposed + 1,
            tried=self.tried + tried,
            accepted=self.accepted + accepted,
            scored=self.scored + scored,
        )


def count_by_way(outcome: Outcome) -> dict[str, ProposalCounts]:
    """The counts by way of asking, in the order in which they were first seen; `` where none was chosen."""
    found: dict[str, ProposalCounts] = {}
    for step in outcome.history:
        trials = {trial.candidate.id: trial for trial in step.trials}
        for item in step.scored:
            trial = trials.pop(item.candidate.id, None)
            accepted = trial.passed if trial else item.score.complete
            before = found.get(item.candidate.way, ProposalCounts())
            found[item.candidate.way] = before.with_one(tried=trial is not None, accepted=accepted, scored=True)
        for trial in trials.values():
            before = found.get(trial.candidate.way, ProposalCounts())
            found[trial.candidate.way] = before.with_one(tried=True, accepted=trial.passed)
        for rejection in step.rejected:
            if rejection.reason not in ("no_gain", "unaffordable"):
                found[rejection.way] = found.get(rejection.way, ProposalCounts()).with_one()
    return found


def count_proposals(outcome: Outcome) -> ProposalCounts:
    """The counts of the whole run."""
    found = count_by_way(outcome).values()
    return ProposalCounts(
        proposed=outcome.proposed,
        tried=sum(each.tried for each in found),
        accepted=sum(each.accepted for each in found),
        scored=outcome.evaluated,
    )


def describe_counts_of_proposals(outcome: Outcome) -> str:
    """The counts in words: `40 proposals: 31 tried on cases, 12 accepted, 11 scored on dev`."""
    found = count_proposals(outcome)
    tried = f"{found.tried:,} tried on cases, {found.accepted:,} accepted, " if found.tried else ""
    return f"{count(found.proposed, 'proposal')}: {tried}{found.scored:,} scored on dev"


def way_rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """A row for each way of asking, in the order of `WAY_HEAD`; none where proposals were all asked for alike."""
    return [
        (way, f"{each.proposed:,}", f"{each.tried:,}", f"{each.accepted:,}", f"{each.scored:,}")
        for way, each in count_by_way(outcome).items()
        if way
    ]


def rejection_rows(outcome: Outcome) -> list[tuple[str, str, str]]:
    """A row for each reason for which proposals were rejected, in the order of `REJECTED_HEAD`."""
    return [(name, describe_reason(name), f"{number:,}") for name, number in outcome.rejected.items() if number]


def describe_reason(reason: str) -> str:
    """A reason in words; one of another version by its name."""
    words = {str(name): text for name, text in REASONS.items()}
    return words.get(reason, reason.replace("_", " "))


def describe_promise(outcome: Outcome) -> str:
    """What dev promised of the best prompt, what is expected of it, and what test found.

    Empty where the method goes by dev alone. The best of many dev scores is too good: it was chosen for being high.
    """
    if outcome.expected is None:
        return ""
    mean, spread = fraction(outcome.expected.mean), fraction(outcome.expected.sd)
    said = f"Dev promised {fraction(outcome.best.score.mean)}; expected without luck: {mean} (sd {spread})"
    return f"{said}; test found {fraction(outcome.best_test.mean)}" if outcome.best_test.n else said
