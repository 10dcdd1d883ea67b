"""Events of runs, decisions and prompts, so that Prefect's automations can follow: see docs/events.md.

An event is told at least once: a run that died and goes on may tell it again. Where the server is away, it is not told.
"""

from typing import Any, NamedTuple

from gpo.production.decision import Decision
from gpo.prompts.version import Move
from gpo.runs.outcome import Outcome


class ToldEvent(NamedTuple):
    """An event as Prefect takes it: its name, what it is about, what else is concerned, and its facts."""

    event: str
    resource: dict[str, str]
    related: list[dict[str, str]]
    payload: dict[str, Any]


def emit_told(told: ToldEvent) -> None:
    """Hand an event of a flow run to Prefect, which sends it by itself and adds the run to what is related."""
    from prefect.events import emit_event  # noqa: PLC0415 - seconds, where only the events are wanted

    emit_event(told.event, resource=told.resource, related=told.related, payload=told.payload)


def run_started(run_id: str, task: str) -> ToldEvent:
    """A run began, or goes on after it died."""
    return ToldEvent("gpo.run.started", _run(run_id), [], {"run": run_id, "task": task})


def run_finished(outcome: Outcome, report: str) -> ToldEvent:
    """A run came to its end; what a person is told of it."""
    verdict, gain = outcome.verdict, outcome.gain
    payload = {
        "run": outcome.run_id,
        "task": outcome.task,
        "decision": verdict.decision if verdict else "keep",
        "gain": gain.value,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "test_before": outcome.start_test.mean,
        "test_after": outcome.best_test.mean,
        "instruction": outcome.best.candidate.instruction,
        "steps": outcome.steps,
        "paid_calls": sum(calls.paid for role, calls in outcome.calls.items() if role != "embedding"),
        "cost_paid": outcome.cost_paid,
        "seconds": outcome.wall_s,
        "report": report,
    }
    return ToldEvent("gpo.run.finished", _run(outcome.run_id), [], payload)


def decided(decision: Decision) -> list[ToldEvent]:
    """What became of a challenger; and where it was promoted, that the prompt has changed."""
    payload = {
        "prompt": decision.prompt,
        "alias": decision.alias,
        "run": decision.run,
        "champion": decision.champion,
        "challenger": decision.challenger,
        "why": decision.why or decision.reason,
        "who": decision.who,
        "report": decision.report,
    }
    about = _prompt(decision.prompt)
    told = [ToldEvent(f"gpo.decision.{decision.status}", about, [_related(decision.run)], payload)]
    if decision.status == "promoted":
        moved = {"prompt": decision.prompt, "alias": decision.alias, "version": decision.challenger}
        moved |= {"before": decision.champion, "who": decision.who or "gpo", "why": decision.why or decision.reason}
        told.append(ToldEvent("gpo.prompt.promoted", about, [_related(decision.run)], moved))
    return told


def prompt_moved(move: Move) -> ToldEvent:
    """An alias of a prompt points to another version, by hand."""
    name = {"promote": "gpo.prompt.promoted", "rollback": "gpo.prompt.rolled_back"}[move.action]
    moved = {"prompt": move.name, "alias": move.alias, "version": move.to_version, "before": move.from_version}
    return ToldEvent(name, _prompt(move.name), [], {**moved, "who": move.who, "why": move.why})


def _run(run_id: str) -> dict[str, str]:
    return {"prefect.resource.id": f"gpo.run.{run_id}", "prefect.resource.name": run_id}


def _prompt(name: str) -> dict[str, str]:
    return {"prefect.resource.id": f"gpo.prompt.{name}", "prefect.resource.name": name}


def _related(run_id: str) -> dict[str, str]:
    return {**_run(run_id), "prefect.resource.role": "gpo-run"}
