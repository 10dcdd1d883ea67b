"""A prompt in production and the models that it may move to: which pair of model and prompt may replace the present."""

import asyncio
from functools import partial
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_UI_URL
from prefect.states import Completed

from flows.optimize import optimize_job
from gpo.migration.keep import promote_pair
from gpo.migration.pairs import Migration, MigrationOutcome, Optimize
from gpo.migration.plan import plan_migration
from gpo.migration.run import MigrationSteps, migrate
from gpo.models.sharing import ask_anew
from gpo.production.decide import GATE
from gpo.production.decision_log import open_production
from gpo.production.lock import lock_prompt, tell_of_wait
from gpo.progress import Note, emit
from gpo.records import Splits
from gpo.report.checks.migration import claim
from gpo.runs.job import Job, load_job
from gpo.runs.outcome import Outcome
from tasks.migration.pairs import publish, score
from tasks.telling.events import emit_told, prompt_moved
from tasks.telling.log import notes_in_log
from tasks.telling.names import migrate_name

STATES: dict[MigrationOutcome, str] = {"passes": "May replace", "worse": "Turned down", "not proven": "Not proven"}
"""The name of the final state in the Prefect UI, by what came of the migration."""


@flow(name="migrate-prompt", flow_run_name=migrate_name, persist_result=False)
async def migrate_prompt(
    spec: Path,
    to: list[str],
    *,
    optimize: Optimize = "promising",
    margin: float | None = None,
    seed: int | None = None,
    calls: int | None = None,
    promote: bool = False,
    home: Path | None = None,
    fresh: bool = False,
) -> State[Migration]:
    """Find out by the gate which pair of model and prompt may replace the one in production.

    Args:
        spec: The task spec, a YAML file, as the worker sees it.
        to: The models: names, or the options of a model in YAML.
        optimize: With which of them a better prompt is searched for: promising, all or none.
        margin: How much worse a pair may be; by default what the spec's gate says.
        seed: Replaces the spec's seed.
        calls: Replaces the spec's cap on task-model calls of each search.
        promote: Point the alias to the pair that may replace the present one.
        home: The state folder; by default GPO_HOME, or .gpo beside the spec.
        fresh: Ask anew, whatever the ledger holds.
    """
    job = await asyncio.to_thread(load_job, spec, seed, home, calls=calls)
    with open_production(job.settings, job.home) as production, ask_anew(fresh), notes_in_log():
        if PREFECT_UI_URL.value():
            emit(Note(f"watch it: {flow_run.ui_url}"))
        unattended = promote or deployment.id is not None
        planned = partial(plan_migration, job, production, to, optimize=optimize, margin=margin, unattended=unattended)
        mine = (str(flow_run.id), str(flow_run.name))
        async with lock_prompt(production.engine, job.spec.prompt_name, *mine, tell_of_wait):
            # What is in production may have changed while the run waited for its turn.
            plan = await asyncio.to_thread(planned)
            found = await migrate(plan, production, MigrationSteps(search=_search, score=score))
            if promote:
                found, move = await asyncio.to_thread(promote_pair, production, found, GATE)
                if move is not None:
                    emit_told(prompt_moved(move))
            await publish(found)
    return Completed(name=STATES[found.outcome], message=f"{found.prompt}: {claim(found)}", data=found)


async def _search(job: Job, splits: Splits | None) -> Outcome:
    return await optimize_job(job, splits, f"{job.spec.name} for {job.spec.models.task.model}")
