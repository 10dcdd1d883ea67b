"""The results of a run as a pandas table."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gpo.runs.history import History
from gpo.runs.results.lookup import Wanted, find_results
from gpo.runs.results.result import COMPARED, RIGHT_FROM, ExampleResult
from gpo.runs.results.store import Results

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

_WHOLE = ("place", "input_tokens", "output_tokens")
_NUMBERS = (*_WHOLE, "score", "before_score", "seconds")


def results_frame(
    engine: "Engine", run: str, *, split: str = "test", prompt: str = "best", right_from: float = RIGHT_FROM
) -> "pd.DataFrame":
    """A table with one row for each example of a split, as one prompt of a run got it beside the start.

    Columns are the fields of `ExampleResult`; each of the prompt's variables has a column `input.NAME`, each slice a
    column `slice.FIELD`, and `expected` holds tuples. `run`, `split` and `prompt` are as `gpo results` takes them.

    Args:
        engine: the database of a state folder, as `gpo.database.engine.open_state` opens it.
        run: a run's id, the start of one, or the name of a task, whose last run it is.
        split: `test` or `dev`.
        prompt: `best`, `start`, or a candidate's label or id.
        right_from: the score from which an answer counts as right.

    Raises:
        InputError: there is no such run, prompt or split, or no result of it is kept.
        StateError: the database cannot be used.
    """
    results = Results(engine)
    found = find_results(History(engine), results, Wanted(run, split, prompt, right_from=right_from))
    return table_of(results.each(found.query))


def table_of(results: Iterable[ExampleResult], *, compared: bool = True) -> "pd.DataFrame":
    """The same of results that are there; without `compared`, the fields that a comparison fills are left out."""
    # Importing pandas takes longer than everything else here.
    import pandas as pd  # noqa: PLC0415

    rows = []
    for result in results:
        row = {name: value for name, value in result._asdict().items() if compared or name not in COMPARED}
        given, slices = row.pop("input"), row.pop("slices")
        row |= {f"input.{name}": text for name, text in given.items()}
        rows.append(row | {f"slice.{name}": value for name, value in slices.items()})
    names = dict.fromkeys(name for row in rows for name in row)
    # As objects: what is missing stays None, and any text is taken as it is.
    kinds = {name: float if name in _NUMBERS else object for name in names}
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=kind) for name, kind in kinds.items()}
    ).astype(dict.fromkeys(_WHOLE, int))
