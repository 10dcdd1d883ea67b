"""A prompt in production, optimised again: by schedule, when its dataset changes, or by hand."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.flow_runs import suspend_flow_run
from prefect.logging import get_run_logger
from prefect.runtime import deployment, flow_run
from prefect.states import Completed

from flows.optimize import TASKS
from flows.stack.telling import carry_out, noted_run
from gpo.errors import InputError
from gpo.models.sharing import ask_anew
from gpo.production.decision import STATUS_WORDS, Decision, Status
from gpo.production.decision_log import Production, open_production
from gpo.production.lock import lock_prompt, tell_of_wait
from gpo.production.starting_point import job_from_champion, prompt_name, why_nothing_to_do
from gpo.report.decision import approval_text
from gpo.runs.job import Job, load_job
from gpo.runs.optimize import optimize
from gpo.settings import load_settings
from tasks.decide import Approval, decide, find_starting_point, settle, show_decision
from tasks.notify import Notice, notify_of_failure, try_to_notify
from tasks.telling.assets import tell_prompt_version
from tasks.telling.events import decided, emit_told
from tasks.telling.log import notes_in_log
from tasks.telling.names import reoptimize_name

NOTHING = "Nothing to do"
STATES: dict[Status, str] = {
    "kept": "Champion kept",
    "waiting": "Waiting for approval",
    "promoted": "Promoted",
    "rejected": "Rejected",
    "expired": "Approval expired",
    "superseded": "Superseded",
}
"""The name of the final state in the Prefect UI, by what became of the challenger."""

_DAY_S = 86_400
_NAME = "decision"


@flow(
    name="reoptimize-prompt",
    flow_run_name=reoptimize_name,
    persist_result=False,
    on_failure=[notify_of_failure],
    on_crashed=[notify_of_failure],
)
async def reoptimize_prompt(
    spec: Path,
    dataset: str | None = None,
    dataset_version: int | None = None,
    force: bool = False,
    home: Path | None = None,
    *,
    fresh: bool = False,
    calls: int | None = None,
) -> State[Decision]:
    """Improve the prompt that is in production, if anything has changed, and promote what the gate lets through.

    Args:
        spec: The task spec, a YAML file, as the worker sees it.
        dataset: The dataset of the event that started the run; by default that of the spec.
        dataset_version: Its version; by default the newest.
        force: Search even if nothing has changed.
        home: The state folder; by default GPO_HOME, or .gpo in the working folder.
        fresh: Search even if nothing has changed, and ask anew, whatever the ledger holds.
        calls: Replaces the spec's cap on task-model calls of the search.
    """
    force = force or fresh
    place = partial(_place, spec, dataset, dataset_version, home, calls)
    job = place()
    with noted_run(job.home, _NAME) as came_to, open_production(job.settings, job.home) as production, notes_in_log():
        # A run that was suspended for approval, or whose process died late, starts anew and finds what it came to.
        decision = await asyncio.to_thread(production.decisions.find_by_flow_run, str(flow_run.id))
        resumed = decision is not None
        if decision is None:
            name, mine = prompt_name(job.spec), (str(flow_run.id), str(flow_run.name))
            async with lock_prompt(production.engine, name, *mine, tell_of_wait):
                # Anew, since the data may have changed while the run waited for its turn.
                job = await asyncio.to_thread(place)
                starting_point = await find_starting_point(job, production, triggered=dataset is not None, force=force)
                if (reason := why_nothing_to_do(starting_point)) is not None and not force:
                    get_run_logger().info(reason)
                    return came_to(Completed(name=NOTHING, message=reason, data=starting_point.settled))
                job = job_from_champion(job, starting_point, unattended=deployment.id is not None)
                with ask_anew(fresh):
                    outcome = await optimize(job, TASKS, starting_point.splits)
                decision = await decide(job, production, starting_point, outcome, str(flow_run.id))
                if decision.challenger is not None:
                    await tell_prompt_version(decision)
            await _publish(job, production, decision)
        if decision.is_open and decision.flow_run == str(flow_run.id) and deployment.id is not None:
            answered = await _answered(job, production, decision)
            resumed, decision = resumed or answered != decision, answered
        if resumed:
            await _publish(job, production, decision)
        return came_to(Completed(name=STATES[decision.status], message=decision.sentence, data=decision))


async def reoptimize_here(spec: Path, dataset_version: int | None, home: Path, **how: int | None) -> State[Decision]:
    """The flow run of a command, with its final state; that counts also where the server cannot be told of the end.

    `how` is `force`, `fresh` or `calls`.
    """
    run: Any = reoptimize_prompt(spec, dataset_version=dataset_version, home=home, return_state=True, **how)
    return await carry_out(run, _NAME)


async def _answered(job: Job, production: Production, decision: Decision) -> Decision:
    """Suspend the run until a person has answered: its process ends here, and another goes on with the answer."""
    current = await asyncio.to_thread(production.decisions.find, decision.id)
    if current is None or not current.is_open:
        return current or decision  # answered meanwhile, on the command line
    difference = await asyncio.to_thread(
        production.registry.diff, decision.prompt, decision.champion, str(decision.challenger)
    )
    answer = await suspend_flow_run(  # type: ignore[misc]  # typed as the synchronous one
        wait_for_input=Approval.with_initial_data(description=approval_text(decision, difference)),
        # A day longer than the decision stands: an answer that comes too late is told so.
        timeout=int((job.spec.production.approval_days + 1) * _DAY_S),
    )
    return await settle(production, decision, approved=answer.decision == "promote", who=answer.who, why=answer.why)


async def _publish(job: Job, production: Production, decision: Decision) -> None:
    """Show what became of the challenger in the UI, and tell those who want to be told."""
    get_run_logger().info(decision.sentence)
    state: State[None] = await show_decision(job.home, production, decision, return_state=True)  # type: ignore[misc]
    if state.is_failed():
        get_run_logger().warning("The decision could not be shown: %s", state.message)
    for event in decided(decision):
        emit_told(event)
    subject = f"{decision.prompt}: {STATUS_WORDS[decision.status]}"
    message = Notice(status=decision.status, subject=subject, text=decision.sentence, page=flow_run.ui_url)
    await try_to_notify(job.spec.production.notify, message)


def _place(spec: Path, dataset: str | None, version: int | None, home: Path | None, calls: int | None) -> Job:
    # The state that all commands of production share, not that beside the spec.
    job = load_job(spec, home=home or load_settings().home_here(), calls=calls, dataset_version=version)
    named = job.spec.dataset.name
    if dataset is not None and dataset != named:
        raise InputError(
            f"the run was started for dataset '{dataset}', but {spec} has '{named or job.spec.dataset.source}'"
        )
    return job
