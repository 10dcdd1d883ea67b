"""The lines of a run's log in the Prefect UI: what the terminal tells, in plain words."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from prefect.logging import get_logger, get_run_logger

from gpo.formatting import count, duration, fraction, printable, shorten, signed
from gpo.progress import Event, Note, current_listener, listen
from gpo.records import Scored
from gpo.report import findings
from gpo.report.gate import DECISIONS
from gpo.report.proposals import describe_reason
from gpo.runs.outcome import Outcome
from gpo.runs.run import Run
from gpo.search.edit import rejections_by_reason
from gpo.search.plan import likely_steps
from gpo.search.run_limits import sizes_of
from gpo.search.state import Search
from gpo.search.step import Step


@contextmanager
def notes_in_log() -> Iterator[None]:
    """Whatever a person should know goes into the log of the flow run too, beside whoever listens already."""
    log, outer = get_run_logger(), current_listener()

    def hear(event: Event) -> None:
        if isinstance(event, Note):
            log.info(printable(event.text))
        if outer is not None:
            outer(event)

    tasks = get_logger("prefect.task_runs")
    tasks.addFilter(_says_something)
    try:
        with listen(hear):
            yield
    finally:
        tasks.removeFilter(_says_something)


def _says_something(record: logging.LogRecord) -> bool:
    """Every second line of a run's log would be Prefect's, that a task has ended well: its graph shows it."""
    return record.getMessage() != "Finished in state Completed()"


def log_scored(run: Run, step: int, scored: Sequence[Scored]) -> None:
    """Each candidate's score, then what was spent so far and how much time is left."""
    log = get_run_logger()
    for item in scored:
        of = f"{item.score.n} of {count(item.score.planned, 'example')}" if not item.score.complete else ""
        dropped = f", dropped after {of}" if of else ""
        text = shorten(printable(item.candidate.instruction))
        log.info(f"{item.candidate.label}: {fraction(item.score.mean)}{dropped}: {text}")
    log.info(f"{_spent(run)}; {_time_left(run, step)}")


def log_step(search: Search, step: Step) -> None:
    """What came of a step: its proposals, the best prompt so far, and the one that the next step starts from."""
    rejected = rejections_by_reason(step.rejected)
    turned_away = "; ".join(f"{number} {describe_reason(reason)}" for reason, number in rejected.items())
    came = f"{count(len(step.scored), 'candidate')} scored" + (f", turned away: {turned_away}" if turned_away else "")
    best = search.best
    gain = signed(best.score.mean - search.start.score.mean)
    get_run_logger().info(
        f"step {step.number}: {came}; best so far {best.candidate.label} with {fraction(best.score.mean)} "
        f"({gain} over the start); the next step starts from {search.current.candidate.label}"
    )


def log_outcome(outcome: Outcome, report: str) -> None:
    """The verdict, the whole new prompt, and where the report lies."""
    log, headline = get_run_logger(), findings.headline(outcome)
    decided = f" Gate: {DECISIONS[outcome.verdict.decision]}." if outcome.verdict else ""
    log.info(f"{headline.claim}{headline.detail}{decided}")
    if not findings.best_is_start(outcome):
        log.info(f"The new prompt:\n{printable(outcome.best.candidate.instruction)}")
    log.info(f"Report: {report}")


def _spent(run: Run) -> str:
    tallies = {model.role: model.tally for model in (run.models.task, run.models.optimizer)}
    return "; ".join(f"{role} model: {count(tally.paid, 'call')} paid" for role, tally in tallies.items())


def _time_left(run: Run, step: int) -> str:
    """By how long the steps took so far; a step that is cut short, or a proof, takes another time."""
    took, left = monotonic() - run.opened, likely_steps(run.spec, sizes_of(run.splits)) - step
    if left <= 0:
        return f"{duration(took)} so far, the last steps"
    return f"{duration(took)} so far, about {duration(took * (left + 1) / (step + 1))} left"
