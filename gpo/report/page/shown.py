"""The examples that stand before each question, where a search has chosen them: which came, stayed and went."""

from typing import NamedTuple

from gpo.messages.message import shown_inputs
from gpo.records import Candidate
from gpo.runs.outcome import Outcome

SHOWN_HEAD = ("Example", "Change", "Question", "Answer")


class ShownExample(NamedTuple):
    """One example: its id, whether it was added, kept or dropped since the start, what is asked, and what is shown."""

    example: str
    change: str
    question: str
    answer: str


def shown_examples(outcome: Outcome) -> list[ShownExample]:
    """Those of the best prompt in their order, and then those of the start that it has no more.

    Empty where the search chooses none.
    """
    before, after = outcome.start.candidate.shown, outcome.best.candidate.shown
    changes = {name: "kept" if name in before else "added" for name in after}
    changes |= {name: "dropped" for name in before if name not in after}
    return [_shown(outcome, name, change) for name, change in changes.items()]


def _shown(outcome: Outcome, name: str, change: str) -> ShownExample:
    example = outcome.shown[name]
    asked = "\n".join(shown_inputs(example.inputs).values())
    return ShownExample(name, change, asked, example.solution or example.reference)


def describe_shown(candidate: Candidate, parent: Candidate | None) -> str:
    """The examples that a prompt shows, and what changed since its parent; empty where neither shows any.

    >>> describe_shown(Candidate(instruction="", shown=("b", "c")), Candidate(instruction="", shown=("a", "b")))
    'shows b, c (without a, with c)'
    """
    before = parent.shown if parent else ()
    if not (candidate.shown or before):
        return ""
    gone = [name for name in before if name not in candidate.shown]
    new = [name for name in candidate.shown if name not in before]
    parts = [*([f"without {', '.join(gone)}"] if gone else []), *([f"with {', '.join(new)}"] if new and before else [])]
    changed = f" ({', '.join(parts)})" if parts else ""
    return f"shows {', '.join(candidate.shown) or 'no example'}{changed}"
