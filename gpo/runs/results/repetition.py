"""A run that has ended before, found again: what it came to, without a call and without its steps."""

from gpo.database.engine import open_state
from gpo.records import Splits
from gpo.runs.history import History
from gpo.runs.job import Job
from gpo.runs.outcome import Calls, Outcome
from gpo.runs.run import run_key


def find_outcome(job: Job, splits: Splits) -> Outcome | None:
    """What the same spec, data and code came to, with its calls as of now: nothing is paid. None: it has not ended yet.

    Raises:
        StateError: the state folder's database, which is made if there is none, cannot be used.
    """
    with open_state(job.settings, job.home) as engine:
        outcome = History(engine).outcome(run_key(job.spec, splits, job.earlier))
    if outcome is None:
        return None
    calls = {role: Calls(cached=each.paid + each.cached) for role, each in outcome.calls.items() if role != "embedding"}
    cost_paid = None if outcome.cost is None else 0.0
    return outcome.model_copy(update={"calls": {**calls, "embedding": Calls()}, "cost_paid": cost_paid})
