"""Puts the outcome of a run together at its end: the search, the final scores on the test split, calls and cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from gpo.gate.paired_scores import groups_of
from gpo.models.sharing import Tally, anew_since
from gpo.records import Example, Interval, Usage, UsageByRole, total_usage
from gpo.runs.outcome import Calls, Outcome
from gpo.runs.proof import Proof, judge
from gpo.runs.run import Run
from gpo.search.edit import rejections_by_reason
from gpo.search.run_limits import PROBES
from gpo.search.state import Search
from gpo.search.step import StopReason


@dataclass(frozen=True)
class Clock:
    """When a run began: in UTC, and in seconds of a clock that is never set back."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    zero: float = field(default_factory=monotonic)

    @property
    def seconds(self) -> float:
        """Seconds since then."""
        return monotonic() - self.zero


def conclude(run: Run, search: Search, proof: Proof, stopped: StopReason, clock: Clock) -> Outcome:
    """The outcome of a finished search and its proof."""
    scored = [item for step in search.steps for item in step.scored]
    rejected = [item for step in search.steps for item in step.rejected]
    tests = [proof.start] if search.best == search.start else [proof.start, proof.best]
    steps = [step.usage for step in search.steps]
    scores = [*(item.score for item in search.scored), *tests]
    usage = total_usage([*steps, *(score.usage for score in scores)])
    calls = _calls(run, usage)
    prices = run.spec.models
    cost = prices.cost(usage)
    verdict = None if search.best == search.start else judge(run, search, proof)
    return Outcome(
        run_id=run.id,
        task=run.spec.name,
        started_at=clock.started.isoformat(timespec="seconds"),
        wall_s=round(clock.seconds, 1),
        stopped=stopped,
        steps=len(search.steps),
        start=search.start,
        best=search.best,
        start_test=proof.start,
        best_test=proof.best,
        gain=verdict.gain if verdict else Interval(value=0.0, low=0.0, high=0.0),
        verdict=verdict,
        proposed=len(scored) + len(rejected),
        rejected=rejections_by_reason(rejected),
        evaluated=len(scored),
        calls=calls,
        usage=usage,
        cost=cost,
        cost_paid=None
        if cost is None
        else (prices.cost({role: _paid_usage(each) for role, each in calls.items()}) or 0.0),
        history=search.steps,
        earlier=search.earlier,
        expected=search.expected(search.best.candidate) if run.spec.optimizer.expects(search.start.score) else None,
        groups=groups_of(run.examples("test")),
        anew=anew_since(),
        front=search.front,
        shown=_shown(run, search),
    )


def _shown(run: Run, search: Search) -> dict[str, Example]:
    """The examples that prompts of the run show, where the search chooses them."""
    tried = [trial.candidate for step in search.steps for trial in step.trials]
    every = [*(item.candidate for item in search.scored), *tried]
    return {name: run.showable[name] for candidate in every for name in candidate.shown}


def _calls(run: Run, usage: UsageByRole) -> Mapping[str, Calls]:
    """The calls of every model that the run asked; the judge only where there is one."""
    answered = {role: part.calls for role, part in usage.items()}
    answered["optimizer"] = answered.get("optimizer", 0) + PROBES
    models = run.models
    tallies = {model.role: model.tally for model in (models.task, models.optimizer, models.judge)}
    found = {role: _count_calls(tally, answered.get(role, 0)) for role, tally in tallies.items()}
    found["embedding"] = _count_calls(models.embedding_tally, 0)
    asked = ("task", "optimizer")
    return {role: calls for role, calls in found.items() if role in asked or calls.paid or calls.cached or calls.failed}


def _paid_usage(calls: Calls) -> Usage:
    return Usage(calls=calls.paid, input_tokens=calls.input_tokens, output_tokens=calls.output_tokens)


def _count_calls(tally: Tally, answered: int) -> Calls:
    """Answers that were not paid for now came from the ledger, or from a task that Prefect had cached."""
    return Calls(
        paid=tally.paid,
        cached=max(0, answered - tally.paid),
        failed=tally.failed,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
    )
