"""The examples of the test split as a report shows them: what the new prompt broke, fixed and left alone."""

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from gpo.evaluation.scores import met_label
from gpo.runs.outcome import Outcome
from gpo.runs.results.proved import LabelTable, ProvedExamples
from gpo.runs.results.result import Change, ExampleResult
from gpo.runs.results.store import ResultQuery, Results
from gpo.runs.results.summary import break_down, has_sets
from gpo.set_metrics import Labelled

HELD = 1000
"""Examples of each kind that are held; a page shows fewer where they are long."""

_ORDER: tuple[Change | None, ...] = ("broken", "fixed", "both_wrong", "both_right", None)


def read_proved(
    results: Results, run_key: str, outcome: Outcome, labels: Sequence[str] | None = None
) -> ProvedExamples:
    """What the test split has come to, example by example; nothing where the run has no results.

    They are gone through once. `labels` are those that answers choose among, None where there are none.

    Raises:
        StateError: the database cannot be used.
    """
    held: dict[Change | None, list[ExampleResult]] = {kind: [] for kind in _ORDER}
    counts: Counter[Change | None] = Counter()
    before: list[Labelled] = []
    after: list[Labelled] = []
    last = None
    for last in results.each(query_of_proof(run_key, outcome)):
        counts[last.change] += 1
        if len(held[last.change]) < HELD:
            held[last.change].append(last)
        if last.score is not None:
            after.append(met_label(last.expected, last.answer))
        if last.before_score is not None:
            before.append(met_label(last.expected, last.before_answer))
    if last is None:
        return ProvedExamples()
    are_sets = has_sets(last, labels)
    tables = (LabelTable(*break_down(pairs, labels, are_sets=are_sets)) for pairs in (before, after))
    shown = [each for kind in _ORDER for each in held[kind]]
    return ProvedExamples(shown, {kind: counts[kind] for kind in get_args(Change)}, counts.total(), *tables)


def query_of_proof(run_key: str, outcome: Outcome) -> ResultQuery:
    """The results of the best prompt on the test split, beside those of the start."""
    return ResultQuery(
        run_key=run_key,
        run=outcome.run_id,
        split="test",
        prompt=outcome.best.candidate.id,
        before=outcome.start.candidate.id,
    )
