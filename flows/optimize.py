"""The loop of GPO (Tang et al., arXiv 2402.17564), once: inform, retrieve, refine, edit, evaluate, select."""

from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from prefect import flow

from gpo.concurrency import gather_or_cancel
from gpo.evaluation.calls import calls_an_example
from gpo.models.sharing import counting_together
from gpo.progress import Began, emit
from gpo.runs.conclude import conclude, note_use
from gpo.runs.outcome import Outcome
from gpo.runs.run import Job, load_job, open_run
from gpo.search.budget import final_calls, step_calls
from gpo.search.select import affordable, start_search, why_stop
from tasks.check import check
from tasks.edit import edit
from tasks.evaluate import evaluate, prove
from tasks.inform import inform
from tasks.record import note_start, record
from tasks.refine import refine
from tasks.report import report
from tasks.retrieve import retrieve
from tasks.select import select


@flow(name="optimize-prompt", flow_run_name="optimize {spec.parent.name}/{spec.name}", persist_result=False)
async def optimize_prompt(spec: Path, seed: int | None = None, home: Path | None = None) -> Outcome:
    """Improve the prompt of a spec file and prove the gain on examples that the search never saw.

    Args:
        spec: The task spec, a YAML file, as the worker sees it.
        seed: Replaces the spec's seed; another seed, another search.
        home: The state folder; by default GPO_HOME, or .gpo beside the spec.
    """
    return await improve(load_job(spec, seed, home))


async def improve(job: Job) -> Outcome:
    """The search and its proof, with every step a task of the flow run that it is called in."""
    started, clock = datetime.now(UTC), monotonic()
    with counting_together():
        await check(job)
        async with open_run(job) as run:
            options, dev, test = run.spec.optimizer, len(run.splits.dev), len(run.splits.test)
            progress = await note_start(run)
            emit(Began("start", dev * calls_an_example(run.spec)))
            start = await evaluate(run, run.start)
            known = run.earlier[: affordable(start_search(start), run.spec, run.splits)]
            earlier = await gather_or_cancel(*(evaluate(run, each, incumbent=start.score) for each in known))
            await record(run, 0, [start, *earlier], progress)
            search = start_search(start, earlier)

            while (stopped := why_stop(search, run.spec, run.splits)) is None:
                step, current = len(search.steps) + 1, search.best
                candidates = affordable(search, run.spec, run.splits)
                emit(Began(f"step {step}/{options.max_steps}", step_calls(run.spec, dev, candidates)))
                informed = await inform(run, step, current)
                recalled = await retrieve(run, step, search)
                proposals = await refine(run, step, candidates, informed, recalled)
                edited = await edit(run, step, current.candidate, proposals, search.known)
                scored = await gather_or_cancel(
                    *(evaluate(run, each, incumbent=current.score) for each in edited.candidates)
                )
                search = await select(step, search, informed, recalled, proposals, edited, scored)
                await record(run, step, scored, progress)

            emit(Began("test", final_calls(run.spec, test)))
            finalists = {each.id: each for each in (run.start, search.best.candidate)}
            tests = await gather_or_cancel(*(prove(run, each) for each in finalists.values()))
            uses, took = await note_use(run, search), monotonic() - clock
            outcome = conclude(
                run, search, tests[0], tests[-1], stopped=stopped, started=started, wall_s=took, earlier_uses=uses
            )
            await report(run, outcome, progress)
            return outcome
