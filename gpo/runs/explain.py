"""Explains one step of a run: what the optimizer model is shown, part by part, and which option put each part there.

No model is called. Of a finished run the records are read. An unfinished run is repeated with the answers that the
ledger has. Without a run, brackets stand for what only a run can tell.
"""

import random
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gpo.data.splits import load_splits
from gpo.database.engine import open_state
from gpo.errors import GpoError, InputError, StateError
from gpo.evaluation.few_shot import demonstrations
from gpo.formatting import count
from gpo.models.client import Connection
from gpo.models.ledger import Ledger
from gpo.models.models import Models, open_models
from gpo.records import START_STEP, Candidate, Record, Score, Scored, Splits, Step
from gpo.runs.history import History
from gpo.runs.job import Job
from gpo.runs.outcome import Outcome, all_scored
from gpo.runs.run import run_id, run_key, step_rng, trajectory_scope
from gpo.search.inform import Informed, inform
from gpo.search.neighbours import Neighbour, as_neighbour
from gpo.search.plan import fit_to_calls
from gpo.search.refine import build_request
from gpo.search.requests.continuation import list_to_continue
from gpo.search.requests.meta_prompt import (
    LIST_HEADING,
    SUMMARY_HEADING,
    Request,
    Section,
    meta_prompt_parts,
    trajectory_choice,
)
from gpo.search.retrieve import STRATEGIES, Past, Recalled, recall, summarise
from gpo.search.run_limits import sizes_of
from gpo.search.select import Search, select, start_search
from gpo.search.trajectory import open_trajectory
from gpo.spec.task import TaskSpec

SHOWN_PROPOSALS = 3
"""Requests of the continuation style that are shown: in turns of three they show all, some or nothing of the list."""

_T = TypeVar("_T")


class ExplainedPart(Section):
    """A part of the meta-prompt. Where it is not `known`, brackets stand for what only a run can tell."""

    known: bool = True


class Explanation(Record):
    """What the optimizer model is shown in one step. `run` is None for a spec that has not been run.

    `budget` is the word limit, `note` says what the explanation was made from.
    """

    task: str
    run: str | None
    step: int
    max_steps: int
    seed: int
    budget: int | None
    note: str
    parts: tuple[ExplainedPart, ...]


@dataclass(frozen=True)
class _StepFacts:
    """What is known of a step; None stands for what is not."""

    note: str
    current: Scored | None = None
    informed: Informed | None = None
    recalled: Recalled | None = None


class _NotKeptError(StateError):
    """An answer is not in the ledger, and none is paid for here."""


async def explain(job: Job, step: int | None = None) -> Explanation:
    """The meta-prompt of a step; by default of the last one that a run took, else of the second.

    Raises:
        InputError: there is no such step, or the dataset cannot be read.
        StateError: the database cannot be used.
    """
    splits = load_splits(job.spec)
    key = run_key(job.spec, splits)
    spec = fit_to_calls(job.spec, sizes_of(splits)).spec
    options = spec.optimizer
    if step is not None and not 1 <= step <= options.max_steps:
        raise InputError(f"step {step} does not exist; allowed: 1 to {options.max_steps} (`optimizer.max_steps`)")
    outcome, scored, before = _read_run(job, key)
    taken = outcome.steps if outcome else max((item.candidate.step for item in scored), default=0)
    step = step or min(taken or 2, options.max_steps)
    if outcome is not None:
        seen = _facts_of_outcome(outcome, step)
    elif scored:
        seen = await _replay_step(replace(job, spec=spec), splits, key, scored, step)
    else:
        why = "Run before with another version or other data" if before else f"Not run yet with its state in {job.home}"
        seen = _StepFacts(f"{why}: brackets stand for what only a run can tell.")
    return Explanation(
        task=spec.name,
        run=run_id(spec, key) if scored else None,
        step=step,
        max_steps=options.max_steps,
        seed=spec.seed,
        budget=options.budget_at(step),
        note=seen.note,
        parts=_explain_parts(spec, splits, seen, step),
    )


def _read_run(job: Job, key: str) -> tuple[Outcome | None, list[Scored], bool]:
    """The outcome and scored prompts of a run in the database, and whether it has any run of the spec."""
    if not job.settings.has_database(job.home):
        return None, [], False
    with open_state(job.settings, job.home) as engine:
        history = History(engine)
        before = any(run.spec == job.spec.fingerprint() for run in history.runs())
        return history.outcome(key), history.scored(key), before


def _facts_of_outcome(outcome: Outcome, step: int) -> _StepFacts:
    if step > outcome.steps:
        return _StepFacts(
            f"Run {outcome.run_id} ended after {count(outcome.steps, 'step')} and never came to this one."
        )
    taken = outcome.history[step - 1]
    scored = {item.candidate.instruction: item for item in all_scored(outcome)}
    neighbours = tuple(as_neighbour(scored[text]) for text in taken.neighbours if text in scored)
    current = scored[taken.current]
    return _StepFacts(
        note=f"Taken from run {outcome.run_id}, which has finished.",
        current=current,
        informed=Informed(current=current, reflection=taken.reflection),
        recalled=Recalled(neighbours=neighbours, summary=taken.summary),
    )


async def _replay_step(job: Job, splits: Splits, key: str, scored: Sequence[Scored], step: int) -> _StepFacts:
    """The step as the unfinished run had it, or will have it, as far as everything for it is there."""
    spec, name = job.spec, run_id(job.spec, key)
    last = scored[-1].candidate.step
    if step > last + 1:
        return _StepFacts(f"Run {name} has not finished, and recorded {count(last, 'step')} so far.")
    searches = _searches(spec, scored, step)
    current = searches[-1].current
    seen = _StepFacts(note=f"Taken from run {name}, which has not finished.", current=current)
    try:
        async with _open_ledger_only(job) as models:
            informed = inform(
                models,
                spec,
                current,
                splits.train,
                step=step,
                proposals=spec.optimizer.candidates,
                known={},
                rng=step_rng(spec.seed, step, "inform"),
                shown=demonstrations(spec, splits),
            )
            seen = replace(seen, informed=await _result_if_kept(informed))
            seen = replace(seen, recalled=await _result_if_kept(_recall(job, splits, key, models, searches)))
    except GpoError as error:
        return replace(seen, note=f"{seen.note} Brackets stand for what cannot be read now: {error}.")
    return seen


def _searches(spec: TaskSpec, scored: Sequence[Scored], step: int) -> list[Search]:
    """Where the search stood before each step up to this one."""
    start = next(item for item in scored if item.candidate.step == START_STEP)
    searches = [start_search(start)]
    for number in range(1, step):
        found = tuple(item for item in scored if item.candidate.step == number)
        taken = Step(number=number, budget=None, current="", neighbours=(), scored=found, rejected=())
        searches.append(select(searches[-1], taken, spec, step_rng(spec.seed, number, "select")))
    return searches


@asynccontextmanager
async def _open_ledger_only(job: Job) -> AsyncIterator[Models]:
    """The models of a run, which answer from its ledger and are never connected."""

    async def refuse() -> Connection:
        raise _NotKeptError("an answer is not in the ledger")

    async def refuse_vectors(texts: Sequence[str]) -> list[list[float]]:
        raise _NotKeptError(f"{count(len(texts), 'vector')} of prompts are not in the index")

    async with AsyncExitStack() as stack:
        engine = stack.enter_context(open_state(job.settings, job.home))
        ledger = Ledger(engine)
        stack.push_async_callback(ledger.aclose)
        models = await stack.enter_async_context(open_models(job.spec.models, job.settings, ledger))
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
    except _NotKeptError:
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
    async with open_trajectory(scope, settings, job.home, models.embed) as trajectory:
        current = searches[-1].current.candidate
        past = Past(trajectory, key, len(searches), current, spec.optimizer.k, noted)
        return await recall(spec.optimizer.trajectory, past)


def _explain_parts(spec: TaskSpec, splits: Splits, seen: _StepFacts, step: int) -> tuple[ExplainedPart, ...]:
    options, rng = spec.optimizer, step_rng(spec.seed, step, "refine")
    unknown = _placeholders(spec, seen, step)
    current = seen.current or Scored(candidate=_placeholder_prompt(spec, step), score=Score(values={}, planned=0))
    informed = seen.informed or Informed(current=current, reflection=unknown.get("reflection"))
    recalled = seen.recalled or Recalled()
    if "trajectory" in unknown:
        bracketed = unknown["trajectory"].partition("\n\n")[2]
        recalled = Recalled(neighbours=(Neighbour(instruction=bracketed, percent=0, step=0, number=0),))
    shown = min(SHOWN_PROPOSALS, options.candidates)
    request = build_request(spec, splits.train, informed, recalled, step=step, candidates=shown, rng=rng)
    if options.style == "continuation":
        return tuple(
            ExplainedPart(**_list_section(spec, request, rng, number).model_dump(), known=not unknown)
            for number in range(request.candidates)
        )
    replaced = {name: text for name, text in unknown.items() if name != "reflection"}
    return tuple(
        ExplainedPart(
            name=part.name, choice=part.choice, text=replaced.get(part.name, part.text), known=part.name not in unknown
        )
        for part in meta_prompt_parts(spec, request)
    )


def _list_section(spec: TaskSpec, request: Request, rng: random.Random, number: int) -> Section:
    messages, _ = list_to_continue(spec, request, rng, number)
    shown = ("the whole list", "its best two", "none of it")[number % 3]
    return Section(
        name=f"list {number + 1}",
        choice=f"style: continuation, {trajectory_choice(spec.optimizer)}; {shown}",
        text="\n\n".join(message.text for message in messages),
    )


def _placeholders(spec: TaskSpec, seen: _StepFacts, step: int) -> dict[str, str]:
    """The parts that only a run can tell, with what stands for them in brackets."""
    options = spec.optimizer
    found = {}
    if seen.recalled is None and step > START_STEP + 1 and options.trajectory != "none":
        most = "" if options.trajectory == "summary" else f", at most {options.k} with the current one"
        heading = SUMMARY_HEADING if options.trajectory == "summary" else LIST_HEADING
        found["trajectory"] = f"{heading}\n\n[{STRATEGIES[options.trajectory].shows}{most}]"
    if seen.informed is None and options.reflects:
        found["reflection"] = f"[what the optimizer model writes of its failures on {options.batch} training examples]"
    scored = options.shows_score and options.style == "paper"
    if seen.current is None and (step > START_STEP + 1 or scored):
        score = "\nScore: [its score on the dev split]" if scored else ""
        found["current prompt"] = f"Current instruction: {_placeholder_prompt(spec, step).instruction}{score}"
    return found


def _placeholder_prompt(spec: TaskSpec, step: int) -> Candidate:
    """The current prompt of a step that was not taken: the first step starts from the spec's own."""
    known = step == START_STEP + 1
    return Candidate(instruction=spec.prompt.instruction if known else "[the best instruction of the steps before]")
