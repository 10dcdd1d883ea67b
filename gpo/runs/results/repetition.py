"""A run that has ended before, found again: what it came to, without a call and without its steps."""

from pydantic import ValidationError

from gpo.database.glance import glance
from gpo.records import Splits
from gpo.runs.job import Job, run_key
from gpo.runs.outcome import Calls, Outcome

_OUTCOME = "SELECT outcome FROM runs WHERE key = ?"


def find_outcome(job: Job, splits: Splits) -> Outcome | None:
    """What the same spec, data and code came to, with its calls as of now: nothing is paid. None: it has not ended yet.

    Raises:
        InputError: the state folder's database, which is made if there is none, cannot be used.
    """
    key = run_key(job.spec, splits, job.earlier)
    outcome = _glance(job, key) or _look_up(job, key)
    if outcome is None:
        return None
    calls = {role: Calls(cached=each.paid + each.cached) for role, each in outcome.calls.items() if role != "embedding"}
    cost_paid = None if outcome.cost is None else 0.0
    return outcome.model_copy(update={"calls": {**calls, "embedding": Calls()}, "cost_paid": cost_paid})


def _glance(job: Job, key: str) -> Outcome | None:
    """The outcome, where it can be had at once; None says nothing."""
    path = job.settings.database_file(job.home)
    text = None if path is None else glance(path, _OUTCOME, [key])
    try:
        return None if text is None else Outcome.model_validate_json(text)
    except ValidationError:
        return None


def _look_up(job: Job, key: str) -> Outcome | None:
    from gpo.database.engine import open_state  # noqa: PLC0415 - SQLAlchemy: a run that has ended does not wait for it
    from gpo.database.writable import before_paying  # noqa: PLC0415 - likewise
    from gpo.runs.history import History  # noqa: PLC0415 - likewise

    with before_paying(), open_state(job.settings, job.home) as engine:
        return History(engine).outcome(key)
