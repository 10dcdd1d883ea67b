"""From the outcome of a run to a decision: what is registered, what goes live, and what waits for a person."""

from datetime import UTC, datetime, timedelta

from gpo.database import utc_now
from gpo.datasets import load_splits
from gpo.decision import Decision
from gpo.few_shot import demonstrations
from gpo.lineage import register_outcome
from gpo.outcome import Outcome
from gpo.production import Production
from gpo.production_spec import CHALLENGER
from gpo.registry import Registry
from gpo.run import Place
from gpo.standing import Standing

GATE = "gpo"
"""Who promotes where no person is asked."""


def decide_about(
    place: Place,
    standing: Standing,
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
        prompt=standing.prompt,
        alias=standing.alias,
        basis=standing.basis,
        champion=standing.champion.version,
        status="kept",
        dataset=standing.dataset,
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
    version = _registered(place, standing, outcome, registry)
    if version == standing.champion.version:
        return decisions.keep(kept)
    found = kept.model_copy(update={"challenger": version})
    live = registry.resolve(standing.prompt, standing.alias)
    if live.version != standing.champion.version:
        late = f"during the run, version {live.version} was put in place of version {standing.champion.version}"
        return decisions.keep(found.model_copy(update={"status": "superseded", "why": late}))
    registry.promote(standing.prompt, version, CHALLENGER, who=GATE, why=f"{found.reason} (run {found.run})")
    if verdict.decision == "not enough evidence":
        return decisions.keep(found)
    doubt = _doubt(production, standing, version)
    if doubt is None and place.spec.production.approval == "none":
        return decisions.promote(found, who=GATE)
    expires = datetime.now(UTC) + timedelta(days=place.spec.production.approval_days)
    waiting = {"status": "waiting", "expires_at": expires.isoformat(timespec="milliseconds")}
    if doubt is not None:
        waiting["reason"] = f"{doubt}; {found.reason}"
    return decisions.keep(found.model_copy(update=waiting))


def _registered(place: Place, standing: Standing, outcome: Outcome, registry: Registry) -> int:
    spec = place.spec
    shown = demonstrations(spec, load_splits(spec)) if spec.few_shot else ()
    registered = register_outcome(
        registry, spec, outcome, standing.dataset.fingerprint, shown, name=standing.prompt, note=f"run {outcome.run_id}"
    )
    return registered.version.version


def _doubt(production: Production, standing: Standing, version: int) -> str | None:
    """Why a person is asked whatever the spec says.

    A person has decided against this very version before; or what is live has other demonstrations than those that both
    prompts were scored with, which come from the data.
    """
    new = production.registry.resolve(standing.prompt, version)
    if new.content.demonstrations != standing.champion.content.demonstrations:
        return f"version {version} also has other demonstrations, which both prompts were scored with"
    for move in production.registry.history(standing.prompt, standing.alias):
        if move.action == "rollback" and move.from_version == version:
            return f"version {version} was rolled back on {move.at[:10]} by {move.who}"
    for each in production.decisions.of(standing.prompt, standing.alias):
        if each.status == "rejected" and each.challenger == version:
            return f"version {version} was rejected on {str(each.decided_at)[:10]} by {each.who}"
    return None
