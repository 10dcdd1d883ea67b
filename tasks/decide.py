"""The tasks before and after a run in production: find the starting point, decide, settle after an approval."""

import asyncio
from pathlib import Path
from typing import Literal
from uuid import UUID

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.input import RunInput
from pydantic import Field

from gpo.production import decide as production_decide
from gpo.production import starting_point as production_start
from gpo.production.decision import Decision
from gpo.production.decision_log import Production
from gpo.production.starting_point import StartingPoint
from gpo.report.decision import decision_markdown
from gpo.report.kept.write import write_prompt
from gpo.report.page.material import report_path
from gpo.runs.job import Job
from gpo.runs.outcome import Outcome
from tasks.policy import PATIENT, opaque
from tasks.telling.links import link_page
from tasks.telling.names import artifact_key


@task(name="find starting point", task_run_name="look at {job.spec.name}", cache_policy=NO_CACHE, **PATIENT)
async def find_starting_point(job: Job, production: Production, *, triggered: bool, force: bool) -> StartingPoint:
    """Load the champion, find out what has changed, and recall the prompts of earlier runs."""
    return await asyncio.to_thread(
        production_start.find_starting_point, job, production, triggered=triggered, force=force
    )


async def decide(
    job: Job, production: Production, starting_point: StartingPoint, outcome: Outcome, flow_run: str | None
) -> Decision:
    """Register the challenger and promote it, let it wait for a person, or keep the champion."""
    return await _decide(job, production, opaque(starting_point), outcome, flow_run)


@task(name="decide", task_run_name="decide about {outcome.run_id}", cache_policy=NO_CACHE, **PATIENT)
async def _decide(
    job: Job, production: Production, starting_point: StartingPoint, outcome: Outcome, flow_run: str | None
) -> Decision:
    report = str(report_path(job.home, outcome.run_id))
    return await asyncio.to_thread(
        production_decide.decide, job, starting_point, outcome, production, flow_run=flow_run, report=report
    )


@task(name="settle", task_run_name="settle {decision.run}", cache_policy=NO_CACHE, **PATIENT)
async def settle(production: Production, decision: Decision, *, approved: bool, who: str, why: str) -> Decision:
    """Do what a person has answered."""
    return await asyncio.to_thread(production.decisions.settle, decision.id, approved=approved, who=who, why=why)


@task(name="show decision", task_run_name="show decision {decision.run}", cache_policy=NO_CACHE, **PATIENT)
async def show_decision(home: Path, production: Production, decision: Decision) -> None:
    """Publish the decision and the prompt's history as artifacts: runs about one prompt are versions of the same."""
    a, b = decision.champion, decision.challenger
    difference = None
    if b is not None:
        difference = await asyncio.to_thread(production.registry.diff, decision.prompt, a, b)
    await acreate_markdown_artifact(
        decision_markdown(decision, difference),
        key=artifact_key(decision.prompt, "decision"),
        description=decision.sentence,
    )
    await asyncio.to_thread(write_prompt, home, production, decision.prompt)
    await link_page(
        *("prompts", decision.prompt),
        shown=f"History of {decision.prompt}",
        key=artifact_key(decision.prompt, "history"),
        description="What is live, how it came there, and every version with its change and its scores.",
    )


async def resume(decision: Decision) -> str | None:
    """Resume the run that waits with the answer that is kept; why that was not possible, else None.

    A run that does not wait, because it ended with the command that started it, needs nothing.
    """
    if decision.flow_run is None:
        return None
    answer = {
        "decision": "promote" if decision.status == "promoted" else "reject",
        "why": decision.why or "",
        "who": decision.who or "",
    }
    try:
        async with get_client() as client:
            run = await client.read_flow_run(UUID(decision.flow_run))
            if run.state is None or not run.state.is_paused():
                return None
            result = await client.resume_flow_run(run.id, run_input=answer)
    except Exception as error:  # noqa: BLE001 - the server may be away, or another that does not know the run
        return f"{type(error).__name__}: {error}"
    return None if result.status.value == "ACCEPT" else f"the server answered {result.status.value}"


class Approval(RunInput):
    """Promote the challenger, or keep the champion."""

    decision: Literal["promote", "reject"] = Field(description="What becomes of the challenger.")
    why: str = Field(default="", description="Kept in the prompt's history.")
    who: str = Field(default="someone in the Prefect UI", description="Your name, for the prompt's history.")
