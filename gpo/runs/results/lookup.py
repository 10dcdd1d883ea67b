"""Which run, which of its prompts and which of its results a person means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from gpo.errors import InputError, suggestion
from gpo.formatting import one_line
from gpo.records import Candidate, Scored, Split
from gpo.runs.history import History, RunRow
from gpo.runs.results.result import RIGHT_FROM
from gpo.runs.results.store import Kind, ResultQuery, Results
from gpo.set_metrics import SetMetric

_LISTED = 5

_WHY_NONE = {
    "test": "start and best are tried on test when the search has ended, and this run has not come so far",
    "dev": "no prompt is scored yet",
    "train": "prompts are scored on training examples only where a step reflects on them or has cases, and none did",
}


@dataclass(frozen=True)
class Wanted:
    """Results as a person asks for them.

    `run` is what `find_run` takes, `prompt` what `find_prompt` takes; `ResultQuery` says what the others are.
    """

    run: str
    split: str = "test"
    prompt: str = "best"
    kinds: frozenset[Kind] = frozenset()
    slices: Mapping[str, str] = field(default_factory=dict)
    right_from: float = RIGHT_FROM


@dataclass(frozen=True)
class Located:
    """The run that is meant, the query for its results, and the label of the prompt that got them.

    `set_metric` is the measure of the whole set where that is the run's score.
    """

    run: RunRow
    query: ResultQuery
    label: str
    set_metric: SetMetric | None


def find_results(history: History, results: Results, wanted: Wanted) -> Located:
    """Where the results are that are meant.

    Raises:
        InputError: there is no such run, prompt, split or slice, or no result of it is kept.
        StateError: the database cannot be used.
    """
    if wanted.split not in get_args(Split):
        raise InputError(f"unknown split '{wanted.split}'; allowed: {', '.join(get_args(Split))}")
    if not 0 < wanted.right_from <= 1:
        raise InputError(f"an answer counts as right from a score above 0, up to 1, got {wanted.right_from:g}")
    run = find_run(history.runs(), wanted.run)
    scored = _scored(history, run)
    prompt = find_prompt(history, run, wanted.prompt)
    _check_kept(results.counts(run.key), run, wanted, prompt)
    query = ResultQuery(
        run_key=run.key,
        run=run.id,
        split=wanted.split,
        prompt=prompt.id,
        before=scored[0].candidate.id,
        kinds=wanted.kinds,
        slices=wanted.slices,
        right_from=wanted.right_from,
    )
    if wanted.slices:
        _check_slices(results.slices(query), wanted.slices)
    measured = scored[0].score.labels
    return Located(run, query, prompt.label, measured.metric if measured else None)


def find_run(runs: Sequence[RunRow], name: str) -> RunRow:
    """The run that `name` means: its id or key, the beginning of one, or a task, whose last run it is then.

    Raises:
        InputError: there is no such run, or several.
    """
    if not runs:
        raise InputError("no run is kept here; `gpo optimize SPEC` makes one")
    whole = [run for run in runs if name in (run.id, run.key)] or [run for run in runs if name == run.task]
    if whole:
        return max(whole, key=lambda run: run.finished_at or run.started_at)
    begun = [run for run in runs if name and (run.id.startswith(name) or run.key.startswith(name))]
    if not begun:
        raise InputError(f"no run '{name}'{suggestion(name, [run.id for run in runs[: 4 * _LISTED]])}")
    if len(begun) > 1:
        listed = ", ".join(f"{run.id} ({run.started_at[:10]})" for run in begun[:_LISTED])
        more = f" and {len(begun) - _LISTED} more" if len(begun) > _LISTED else ""
        raise InputError(f"'{name}' begins several runs: {listed}{more}; write more of it")
    return begun[0]


def find_prompt(history: History, run: RunRow, name: str) -> Candidate:
    """The prompt of a run that `name` means: `start`, `best`, a label such as `s3c07`, or an id or the start of one.

    While a run has not finished, its best prompt is the best so far that was scored on every dev example.

    Raises:
        InputError: the run has no such prompt.
        StateError: the database cannot be used.
    """
    scored = _scored(history, run)
    if name == "start":
        return scored[0].candidate
    if name == "best":
        outcome = history.outcome(run.key)
        best = outcome.best if outcome else max(scored, key=lambda item: (item.score.complete, item.score.mean))
        return best.candidate
    prompts = {item.candidate.id: item.candidate for item in scored}
    for candidate in prompts.values():
        if name in (candidate.label, candidate.id):
            return candidate
    begun = [candidate for identifier, candidate in prompts.items() if name and identifier.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    allowed = ["start", "best", *(candidate.label for candidate in prompts.values())]
    several = f"begins {len(begun)} of its prompts" if begun else "is none of its prompts"
    raise InputError(f"run {run.id}: '{name}' {several}{suggestion(name, allowed)}")


def _scored(history: History, run: RunRow) -> Sequence[Scored]:
    """The scored prompts of a run, its start first."""
    if not (scored := history.scored(run.key)):
        raise InputError(f"run {run.id} has scored no prompt yet; the same `gpo optimize` goes on with it")
    return scored


def _check_kept(kept: Mapping[str, Mapping[str, int]], run: RunRow, wanted: Wanted, prompt: Candidate) -> None:
    if not kept:
        raise InputError(
            f"run {run.id} has no results: it was made before they were kept, or with another database; remove the "
            "folder `results` of the state folder and run the spec again: answers that are in the ledger are not paid "
            "for again"
        )
    if wanted.split not in kept:
        raise InputError(f"run {run.id} has no results on {wanted.split}: {_WHY_NONE[wanted.split]}")
    if prompt.id not in kept[wanted.split]:
        tried = (
            "prompts that a step reflected on or had cases of" if wanted.split == "train" else "the start and the best"
        )
        raise InputError(
            f"run {run.id} has no results of {prompt.label} on {wanted.split}: there only {tried} are tried; look at "
            "dev with --split dev"
        )


def _check_slices(known: Mapping[str, set[str]], slices: Mapping[str, str]) -> None:
    for name, value in slices.items():
        if not known:
            raise InputError(f"no slice '{name}={value}': the run has none; name fields of the rows in gate.slices")
        if name not in known:
            raise InputError(f"no slice by '{name}'{suggestion(name, known)}")
        if value not in known[name]:
            raise InputError(f"no slice '{name}={one_line(value)}'{suggestion(value, known[name])}")
