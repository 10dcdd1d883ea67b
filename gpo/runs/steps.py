"""The steps of the loop on an open run, as plain functions; `tasks/` makes each of them a Prefect task.

What a step does is in `gpo.search`, `gpo.evaluation` or `gpo.runs`. Here it gets the parts of the run it works with.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from gpo.evaluation.evaluate import KEPT_SAMPLES
from gpo.evaluation.evaluate import evaluate as evaluate_instruction
from gpo.progress import BestFound, Evaluated, emit
from gpo.records import Candidate, Edited, Proposals, Score, Scored, Split, Splits, Step
from gpo.runs.history import RunRow
from gpo.runs.job import Checked, Job
from gpo.runs.outcome import Outcome
from gpo.runs.preflight import preflight
from gpo.runs.results.result import results_of, with_few_samples
from gpo.runs.run import Run
from gpo.search import inform as inform_step
from gpo.search import refine as refine_step
from gpo.search import select as select_step
from gpo.search.inform import Informed
from gpo.search.retrieve import Past, Recalled, recall, summarise
from gpo.search.select import Search


async def check(job: Job, splits: Splits | None) -> Checked:
    """Read the dataset, unless that was done, reach the models, read their answers; raises what is wrong."""
    return await preflight(job, splits)


async def note_start(run: Run) -> None:
    """Note the start of the run, or of one more attempt at it."""
    row = RunRow(
        key=run.key,
        task=run.spec.name,
        scope=run.scope.id,
        spec=run.spec.fingerprint(),
        dataset=run.splits.fingerprint,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        labels=run.spec.answer.choices,
    )
    await asyncio.to_thread(run.history.begin, row)


async def evaluate(run: Run, candidate: Candidate, incumbent: Score | None = None) -> Scored:
    """Score a candidate on the dev split; with an incumbent, stop early when it falls behind."""
    # Answers to the start that cannot be read end the run; a candidate that causes such answers is merely a bad one.
    score = await _evaluate(run, candidate, "dev", incumbent, stops_unread=incumbent is None)
    return Scored(candidate=candidate, score=score)


async def prove(run: Run, candidate: Candidate, first: int | None = None) -> Score:
    """Score a prompt on the locked test split, or on its `first` examples."""
    return await _evaluate(run, candidate, "test", first=first)


async def inform(run: Run, step: int, current: Scored) -> Informed:
    """The current prompt, with a reflection on its failures on training examples where the method has one."""
    return await inform_step.inform(
        run.models,
        run.spec,
        current,
        run.examples("train"),
        step=step,
        rng=run.rng(step, "inform"),
        shown=run.demonstrations,
    )


async def retrieve(run: Run, step: int, search: Search) -> Recalled:
    """Scored prompts of earlier steps by the method's strategy, in ascending order, or a summary of them."""
    options = run.spec.optimizer

    async def note() -> Recalled:
        remark = await summarise(run.models.optimizer, run.spec, step, search.summary, search.unsummarised)
        return Recalled(summary=remark.text, usage=remark.usage)

    past = Past(run.trajectory, run.key, step, search.best.candidate, options.k, note)
    return await recall(options.trajectory, past)


async def refine(run: Run, step: int, candidates: int, informed: Informed, recalled: Recalled) -> Proposals:
    """Show the optimizer model the current prompt, the trajectory and task examples; read its proposals."""
    rng = run.rng(step, "refine")
    request = refine_step.build_request(
        run.spec, run.examples("train"), informed, recalled, step=step, candidates=candidates, rng=rng
    )
    return await refine_step.refine(run.models.optimizer, run.spec, request, rng)


async def edit(run: Run, step: int, current: Candidate, proposals: Proposals, known: frozenset[str]) -> Edited:
    """Project proposals onto the budget and reject those that are empty, known, leaking or break the contract."""
    budget = run.spec.optimizer.budget_at(step)
    return run.screen.admit(proposals, current, known, step=step, budget=budget, rng=run.rng(step, "edit"))


async def select(search: Search, step: Step) -> Search:
    """The search after this step: the best prompt becomes current."""
    after = select_step.select(search, step)
    emit(BestFound(after.best))
    return after


async def record(run: Run, step: int, scored: Sequence[Scored]) -> None:
    """Keep scored prompts, in the database first, then in the trajectory. Doing it again changes nothing."""
    del step
    for item in scored:
        emit(Evaluated(item))
    if scored:
        await asyncio.to_thread(run.history.record, run.key, run.scope.id, scored)
        await run.trajectory.add(run.key, scored)


async def finish(run: Run, outcome: Outcome) -> None:
    """Keep the outcome."""
    await asyncio.to_thread(run.history.finish, run.key, outcome)


async def _evaluate(
    run: Run,
    candidate: Candidate,
    split: Split,
    incumbent: Score | None = None,
    *,
    stops_unread: bool = False,
    first: int | None = None,
) -> Score:
    """The score, whose results are in the database before anything can be made of it."""
    examples = run.examples(split)[:first]
    score = await evaluate_instruction(
        run.models.task,
        run.spec,
        candidate.instruction,
        examples,
        incumbent,
        demonstrations=run.demonstrations,
        judge=run.models.judge,
        stops_unread=stops_unread,
        kept=len(examples),
    )
    found = results_of(score, examples, split, candidate.instruction)
    await asyncio.to_thread(run.results.put, run.key, split, candidate.id, found)
    return with_few_samples(score, KEPT_SAMPLES)
