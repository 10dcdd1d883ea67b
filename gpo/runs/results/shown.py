"""The few examples that a report shows: those that the new prompt broke and fixed."""

from itertools import islice

from gpo.runs.outcome import Outcome
from gpo.runs.results.result import ExampleResult
from gpo.runs.results.store import Kind, ResultQuery, Results

SHOWN = 3
"""Examples of each kind."""


def changed_examples(results: Results, run_key: str, outcome: Outcome) -> tuple[ExampleResult, ...]:
    """The first broken and fixed examples of the test split; where there are none, the first that are wrong.

    None where the run has no results.

    Raises:
        StateError: the database cannot be used.
    """

    def first(kind: Kind) -> list[ExampleResult]:
        query = ResultQuery(
            run_key=run_key,
            run=outcome.run_id,
            split="test",
            prompt=outcome.best.candidate.id,
            before=outcome.start.candidate.id,
            kinds=frozenset({kind}),
        )
        return list(islice(results.each(query), SHOWN))

    return tuple([*first("broken"), *first("fixed")] or first("wrong"))
