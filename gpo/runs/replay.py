"""What is known of one step of a run, without a call: from the records of a finished run, or repeated by its ledger."""

from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from gpo.database.engine import open_state
from gpo.errors import GpoError
from gpo.evaluation.few_shot import demonstrations, demonstrations_of, showable
from gpo.formatting import count
from gpo.models.client import Connection
from gpo.models.ledger import Ledger
from gpo.models.models import Models, open_models, with_target
from gpo.models.target.target import NotKeptError
from gpo.records import START_STEP, Scored, Splits
from gpo.runs.history import History
from gpo.runs.job import Job, run_id
from gpo.runs.outcome import Outcome, all_scored
from gpo.runs.run import step_rng, trajectory_scope
from gpo.search.inform import Informed, inform
from gpo.search.memory.neighbours import Neighbour, as_neighbour, by_score
from gpo.search.memory.trajectory import open_trajectory
from gpo.search.parts import of_part, parts_of_step
from gpo.search.retrieve import Past, Recalled, recall_parts, summarise
from gpo.search.select import select, with_front
from gpo.search.state import Search, start_search
from gpo.search.step import Step
from gpo.spec.task import TaskSpec

_T = TypeVar("_T")

_BY_DEV_ALONE = (
    "What its proposals got on their own cases is recorded at the end, so the current prompt is chosen by scores on "
    "dev alone here; the run may have gone on from another."
)


@dataclass(frozen=True)
class StepFacts:
    """What is known of a step; None stands for what is not.

    `before` are the steps before it, where they are known, and `proposals` how many were asked for in it.
    """

    note: str
    current: Scored | None = None
    informed: Informed | None = None
    recalled: Recalled | None = None
    before: tuple[Step, ...] = ()
    proposals: int | None = None


async def read_step(job: Job, splits: Splits, outcome: Outcome, step: int) -> StepFacts:
    """The step as a finished run recorded it; the answers to its cases are those that the ledger has."""
    if step > outcome.steps:
        return StepFacts(f"Run {outcome.run_id} ended after {count(outcome.steps, 'step')} and never came to this one.")
    taken, before = outcome.history[step - 1], outcome.history[: step - 1]
    every = all_scored(outcome)
    current = next(item for item in every if item.candidate.id == taken.current_id)
    neighbours = _neighbours(job.spec, every, taken)
    seen = StepFacts(
        note=f"Taken from run {outcome.run_id}, which has finished.",
        current=current,
        informed=Informed(current=current, reflection=taken.reflection, grounding=taken.grounding, parts=taken.parts),
        recalled=Recalled(neighbours=neighbours, summary=taken.summary),
        before=before,
        proposals=len(taken.scored) + len(taken.rejected),
    )
    if not job.spec.optimizer.shows_cases:
        return seen
    search = start_search(outcome.start, outcome.earlier).model_copy(update={"current": current, "steps": before})
    try:
        async with _open_ledger_only(job) as models:
            asked = _inform(job, splits, models, search, proposals=seen.proposals or 0)
            informed = await _result_if_kept(asked)
            return replace(seen, informed=informed and informed.model_copy(update={"parts": taken.parts}))
    except GpoError as error:
        return replace(seen, informed=None, note=f"{seen.note} Its cases cannot be read now: {error}.")


async def replay_step(job: Job, splits: Splits, key: str, scored: Sequence[Scored], step: int) -> StepFacts:
    """The step as the unfinished run had it, or will have it, as far as everything for it is there."""
    spec, name = job.spec, run_id(job.spec, key)
    last = scored[-1].candidate.step
    if step > last + 1:
        return StepFacts(f"Run {name} has not finished, and recorded {count(last, 'step')} so far.")
    searches = _searches(spec, scored, step)
    current = searches[-1].current
    seen = StepFacts(note=f"Taken from run {name}, which has not finished.", current=current)
    if step > START_STEP + 1 and spec.optimizer.tries_cases:
        seen = replace(seen, note=f"{seen.note} {_BY_DEV_ALONE}")
    try:
        async with _open_ledger_only(job) as models:
            # What its steps tried on cases is recorded at the end of a run: of later ones the cases are not known.
            if step == START_STEP + 1 or not spec.optimizer.draws_cases:
                asked = _inform(job, splits, models, searches[-1], proposals=spec.optimizer.candidates)
                seen = replace(seen, informed=await _result_if_kept(asked))
            seen = replace(seen, recalled=await _result_if_kept(_recall(job, splits, key, models, searches)))
    except GpoError as error:
        return replace(seen, note=f"{seen.note} Brackets stand for what cannot be read now: {error}.")
    return seen


def _neighbours(spec: TaskSpec, every: Sequence[Scored], taken: Step) -> tuple[Neighbour, ...]:
    """The prompts that a step was shown; of a program, texts of the parts that it changes."""
    found: dict[str, Neighbour] = {}
    for part in parts_of_step(spec, taken.number, taken.parts):
        for item in every:
            if item.candidate.step < taken.number:
                shown = as_neighbour(of_part(item, spec, part)).model_copy(update={"part": part})
                known = found.get(shown.instruction)
                if known is None or by_score(shown) > by_score(known):
                    found[shown.instruction] = shown
    return tuple(found[text] for text in taken.neighbours if text in found)


def _inform(
    job: Job, splits: Splits, models: Models, search: Search, *, proposals: int
) -> Coroutine[Any, Any, Informed]:
    """What the step after a search was told of its current prompt."""
    step, drawn = len(search.steps) + 1, demonstrations(job.spec, splits)
    return inform(
        models,
        job.spec,
        search.current,
        splits.train,
        step=step,
        proposals=proposals,
        known=search.cases_of(search.current.candidate),
        rng=step_rng(job.spec.seed, step, "inform"),
        shown=demonstrations_of(job.spec, search.current.candidate, drawn, showable(splits)),
    )


def _searches(spec: TaskSpec, scored: Sequence[Scored], step: int) -> list[Search]:
    """Where the search stood before each step up to this one."""
    start, *earlier = (item for item in scored if item.candidate.step == START_STEP)
    searches = [with_front(start_search(start, earlier, spec.optimizer.length_penalty), spec)]
    for number in range(1, step):
        found = tuple(item for item in scored if item.candidate.step == number)
        taken = Step(number=number, budget=None, current="", neighbours=(), scored=found, rejected=())
        searches.append(select(searches[-1], taken, spec, step_rng(spec.seed, number, "select")))
    return searches


@asynccontextmanager
async def _open_ledger_only(job: Job) -> AsyncIterator[Models]:
    """The models of a run, which answer from its ledger and are never connected."""

    async def refuse() -> Connection:
        raise NotKeptError("an answer is not in the ledger")

    async def refuse_vectors(texts: Sequence[str]) -> list[list[float]]:
        raise NotKeptError(f"{count(len(texts), 'vector')} of prompts are not in the index")

    async with AsyncExitStack() as stack:
        engine = stack.enter_context(open_state(job.settings, job.home))
        ledger = Ledger(engine)
        stack.push_async_callback(ledger.aclose)
        models = await stack.enter_async_context(open_models(job.spec.models, job.settings, ledger))
        models = await stack.enter_async_context(with_target(models, job.spec))
        if models.target is not None:
            models.target.only_kept = True
        yield replace(
            models,
            task=replace(models.task, connect=refuse),
            optimizer=replace(models.optimizer, connect=refuse),
            judge=replace(models.judge, connect=refuse),
            embed=refuse_vectors,
        )


async def _result_if_kept(work: Coroutine[Any, Any, _T]) -> _T | None:
    try:
        return await work
    except NotKeptError:
        return None


async def _recall(job: Job, splits: Splits, key: str, models: Models, searches: Sequence[Search]) -> Recalled:
    """What the step after `searches` recalls. Held by another process, the index is not waited for."""
    spec, settings = job.spec, job.settings.model_copy(update={"chroma_wait_s": 0.0})

    async def noted() -> Recalled:
        summary = ""
        for number, search in enumerate(searches, start=1):
            summary = (await summarise(models.optimizer, spec, number, summary, search.unsummarised)).text
        return Recalled(summary=summary)

    scope = trajectory_scope(spec, splits, models.embedding_identity)
    parts = tuple(spec.program)
    async with AsyncExitStack() as stack:
        history = History(stack.enter_context(open_state(settings, job.home)))
        trajectory = await stack.enter_async_context(
            open_trajectory(scope, settings, job.home, models.embed, parts=parts)
        )
        current, ranked = searches[-1].current.candidate, partial(history.ranked, key, len(searches))
        past = Past(trajectory, key, len(searches), current, spec.optimizer.k, noted, ranked, parts)
        return await recall_parts(spec.optimizer.trajectory, past, parts_of_step(spec, len(searches)))
