"""Decides about the challenger of a finished run: registers it, then promotes it, waits for approval, or drops it."""

from datetime import UTC, datetime, timedelta

from gpo.database.engine import utc_now
from gpo.evaluation.few_shot import as_shown, demonstrations, demonstrations_of
from gpo.production.decision import Decision
from gpo.production.decision_log import Production
from gpo.production.promotions import why_margin_asks
from gpo.production.register import register_outcome
from gpo.production.starting_point import StartingPoint
from gpo.prompts.registry import Registry
from gpo.runs.job import Job
from gpo.runs.outcome import Outcome
from gpo.spec.production import CHALLENGER

GATE = "gpo"
"""Who promotes where no person is asked."""


def decide(
    job: Job,
    starting_point: StartingPoint,
    outcome: Outcome,
    production: Production,
    *,
    flow_run: str | None,
    report: str,
) -> Decision:
    """Register a challenger that may be better, and promote it, let it wait, or keep the champion.

    Doing so again for the same run changes nothing.

    Raises:
        StateError: the database cannot be used.
    """
    registry, decisions, verdict = production.registry, production.decisions, outcome.verdict
    kept = Decision(
        run=outcome.run_id,
        prompt=starting_point.prompt,
        alias=starting_point.alias,
        basis=starting_point.basis,
        champion=starting_point.champion.version,
        status="kept",
        dataset=starting_point.dataset,
        dev=(outcome.start.score.mean, outcome.best.score.mean),
        verdict=verdict,
        reason="the search found no prompt that does better on the dev split"
        if verdict is None
        else verdict.reasons[0],
        report=report,
        flow_run=flow_run,
        created_at=utc_now(),
    )
    if verdict is None or verdict.decision == "keep":
        return decisions.keep(kept)
    version = _register_challenger(job, starting_point, outcome, registry)
    if version == starting_point.champion.version:
        return decisions.keep(kept)
    found = kept.model_copy(update={"challenger": version})
    live = registry.resolve(starting_point.prompt, starting_point.alias)
    if live.version != starting_point.champion.version:
        late = f"during the run, version {live.version} was put in place of version {starting_point.champion.version}"
        return decisions.keep(found.model_copy(update={"status": "superseded", "why": late}))
    registry.promote(starting_point.prompt, version, CHALLENGER, who=GATE, why=f"{found.reason} (run {found.run})")
    if verdict.decision == "not enough evidence":
        return decisions.keep(found)
    doubt = _why_ask_person(job, production, starting_point, outcome, version) or _why_gate_asks(production, found)
    if doubt is None and job.spec.production.approval == "none":
        return decisions.promote(found, who=GATE)
    expires = datetime.now(UTC) + timedelta(days=job.spec.production.approval_days)
    waiting = {"status": "waiting", "expires_at": expires.isoformat(timespec="milliseconds")}
    if doubt is not None:
        waiting["reason"] = f"{doubt.rstrip('.')}; {found.reason}"
    return decisions.keep(found.model_copy(update=waiting))


def _register_challenger(job: Job, starting_point: StartingPoint, outcome: Outcome, registry: Registry) -> int:
    registered = register_outcome(
        registry,
        job.spec,
        outcome,
        starting_point.dataset.fingerprint,
        demonstrations(job.spec, starting_point.splits),
        name=starting_point.prompt,
        note=f"run {outcome.run_id}",
    )
    return registered.version.version


def _why_ask_person(
    job: Job, production: Production, starting_point: StartingPoint, outcome: Outcome, version: int
) -> str | None:
    """Why a person must approve this version, whatever the spec says; None when nobody must.

    A person has decided against this very version before; or what is live has other demonstrations than those that the
    start was scored with, which come from the data: the gain is not that over what is live.
    """
    drawn = demonstrations(job.spec, starting_point.splits)
    shown = demonstrations_of(job.spec, outcome.start.candidate, drawn, outcome.shown)
    live = starting_point.champion.content
    if as_shown(live.template, live.instruction, shown) != live.demonstrations:
        if job.spec.optimizer.searches_demonstrations:
            return f"version {version} has the examples of a search that started with others than those that are live"
        return f"version {version} also has other demonstrations, which both prompts were scored with"
    for move in production.registry.history(starting_point.prompt, starting_point.alias):
        if move.action == "rollback" and move.from_version == version:
            return f"version {version} was rolled back on {move.at[:10]} by {move.who}"
    for each in production.decisions.list_decisions(starting_point.prompt, starting_point.alias):
        if each.status == "rejected" and each.challenger == version:
            return f"version {version} was rejected on {str(each.decided_at)[:10]} by {each.who}"
    return None


def _why_gate_asks(production: Production, found: Decision) -> str | None:
    """Why the evidence is too thin for an unattended run to promote by itself; None where it is not."""
    verdict = found.verdict
    if verdict is None or verdict.use is None or not verdict.use.unattended:
        return None
    return verdict.ask or why_margin_asks(production, found.prompt, found.alias, found.run, verdict)
