"""Before and after a run in production: where the prompt stands, and what becomes of the challenger."""

import asyncio

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from gpo.challenge import decide_about
from gpo.conclusion import report_path
from gpo.decision import Decision
from gpo.decision_page import decision_markdown
from gpo.outcome import Outcome
from gpo.production import Production
from gpo.run import Place
from gpo.standing import Standing, standing_of
from tasks.policy import PATIENT


@task(name="look", task_run_name="look at {place.spec.name}", cache_policy=NO_CACHE, **PATIENT)
async def look(place: Place, production: Production, *, triggered: bool, force: bool) -> Standing:
    """Load the champion, find out what has changed, and recall the prompts of earlier runs."""
    return await asyncio.to_thread(standing_of, place, production, triggered=triggered, force=force)


@task(name="decide", task_run_name="decide about {outcome.run_id}", cache_policy=NO_CACHE, **PATIENT)
async def decide(
    place: Place, production: Production, standing: Standing, outcome: Outcome, flow_run: str | None
) -> Decision:
    """Register the challenger and promote it, let it wait for a person, or keep the champion."""
    report = str(report_path(place.home, outcome.run_id))
    return await asyncio.to_thread(decide_about, place, standing, outcome, production, flow_run=flow_run, report=report)


@task(name="settle", task_run_name="settle {decision.run}", cache_policy=NO_CACHE, **PATIENT)
async def settle(production: Production, decision: Decision, *, approved: bool, who: str, why: str) -> Decision:
    """Do what a person has answered."""
    return await asyncio.to_thread(production.decisions.settle, decision.id, approved=approved, who=who, why=why)


@task(name="show decision", task_run_name="show decision {decision.run}", cache_policy=NO_CACHE, **PATIENT)
async def show_decision(production: Production, decision: Decision) -> None:
    """Publish the decision as an artifact: runs about one prompt are versions of the same."""
    a, b = decision.champion, decision.challenger
    difference = None
    if b is not None:
        difference = await asyncio.to_thread(production.registry.diff, decision.prompt, a, b)
    await acreate_markdown_artifact(
        decision_markdown(decision, difference),
        key=f"{decision.prompt.replace('_', '-')}-decision",
        description=decision.sentence,
    )
