"""The steps of the loop on an open run, as plain functions; `tasks/` makes each of them a Prefect task.

What a step does is in `gpo.search`, `gpo.evaluation` or `gpo.runs`. Here it gets the parts of the run it works with.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from gpo.evaluation.blame import count_blamed
from gpo.evaluation.calls import calls_an_example
from gpo.evaluation.evaluate import KEPT_SAMPLES
from gpo.evaluation.evaluate import evaluate as evaluate_instruction
from gpo.models.clients.call_notes import calls_about
from gpo.models.models import Models
from gpo.models.sharing import anew_since, current_shared
from gpo.progress import Began, BestFound, Evaluated, Note, emit
from gpo.records import Candidate, Example, Score, Scored, Split, Splits
from gpo.runs.history import RunRow
from gpo.runs.job import Checked, Job, run_id, run_key
from gpo.runs.outcome import Outcome
from gpo.runs.preflight import preflight
from gpo.runs.results.result import results_of, with_few_samples
from gpo.runs.run import Run, open_answers
from gpo.search import inform as inform_step
from gpo.search import refine as refine_step
from gpo.search import screen as screen_step
from gpo.search import select as select_step
from gpo.search.edits.demonstrations import Showable, places_that_keep, take_turns, with_demonstrations
from gpo.search.inform import Informed
from gpo.search.parts import choose_part, parts_of_step
from gpo.search.retrieve import Past, Recalled, recall_parts, summarise
from gpo.search.screen import Screened
from gpo.search.select import count_affordable
from gpo.search.state import Search
from gpo.search.step import Edited, Proposals, Step
from gpo.spec.task import TaskSpec

T = TypeVar("T")


async def group(name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do the work of several steps. Its name is for a person who watches."""
    del name
    return await work()


async def check(job: Job, splits: Splits | None) -> Checked:
    """Read the dataset, unless that was done, reach the models, read their answers; raises what is wrong."""
    return await preflight(job, splits)


async def note_start(run: Run) -> None:
    """Note the start of the run, or of one more attempt at it."""
    row = RunRow(
        key=run.key,
        task=run.spec.name,
        scope=run.scope.id,
        spec=run.fingerprint,
        dataset=run.splits.fingerprint,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        labels=run.spec.answer.choices,
    )
    await asyncio.to_thread(run.history.begin, row)


@asynccontextmanager
async def spread(run: Run) -> AsyncIterator[None]:
    """Inside, examples are scored where the spec wants it; here that is this process, whatever it wants."""
    if run.spec.execution.is_spread:
        emit(Note(f"`execution.runner: {run.spec.execution.runner}` needs Prefect: this process scores all examples"))
    yield


@asynccontextmanager
async def begin_start(checked: Checked) -> AsyncIterator[None]:
    """Inside, the start prompt is being scored on dev, while whatever the run waits for gets ready.

    The run inside the same `share_answers` takes the score over, or what went wrong, in the place of its own first
    score. What is still out when an error ends it may come home for some seconds.
    """
    if checked.spec.execution.is_spread:  # other processes score, and they come with the run
        yield
        return
    key, shared = run_key(checked.job.spec, checked.splits, checked.job.earlier, anew_since()), current_shared()
    task = asyncio.create_task(_score_start(checked, key))
    shared.hand_on(_START.format(key), task)
    try:
        yield
    except Exception:
        await shared.in_flight.come_home(_HOME_S)
        raise
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


_START = "start {}"
_HOME_S = 5.0


def has_begun(run: Run) -> bool:
    """Whether the run's start prompt is being scored already."""
    return _START.format(run.key) in current_shared().handed_on


async def _score_start(checked: Checked, key: str) -> Score:
    dev = checked.splits.dev
    emit(began_start(checked.spec, len(dev)))
    async with open_answers(checked) as opened:
        with calls_about(run=run_id(checked.spec, key), step=0):
            spec, shown = checked.spec, checked.demonstrations
            return await _ask(opened.models, spec, spec.start_text, dev, shown=shown, stops_unread=True)


def began_start(spec: TaskSpec, dev: int) -> Began:
    """The event that the start prompt is being scored on so many examples of dev."""
    return Began("start", dev * calls_an_example(spec))


async def evaluate(run: Run, candidate: Candidate, incumbent: Score | None = None) -> Scored:
    """Score a candidate on the dev split; with an incumbent, stop early when it falls behind."""
    # Answers to the start that cannot be read end the run; a candidate that causes such answers is merely a bad one.
    begun = current_shared().take(_START.format(run.key)) if candidate == run.start else None
    asked = asyncio.shield(begun) if isinstance(begun, asyncio.Task) else None
    score = await _evaluate(run, candidate, "dev", incumbent, stops_unread=incumbent is None, asked=asked)
    return Scored(candidate=candidate, score=score)


async def prove(run: Run, candidate: Candidate, first: int | None = None) -> Score:
    """Score a prompt on the locked test split, or on its `first` examples."""
    return await _evaluate(run, candidate, "test", first=first)


async def inform(run: Run, step: int, proposals: int, search: Search) -> Informed:
    """The current prompt, with a reflection on its failures or a batch of cases for each proposal, by the method."""
    places = {example.id: place for place, example in enumerate(run.examples("train"))}

    async def keep(score: Score, batch: Sequence[Example]) -> None:
        candidate = search.current.candidate
        found = results_of(score, batch, "train", candidate, places=places)
        await asyncio.to_thread(run.results.put, run.key, "train", candidate.id, found, is_part=True)

    with calls_about(run=run.id, step=step):
        informed = await inform_step.inform(
            run.models,
            run.spec,
            search.current,
            run.examples("train"),
            step=step,
            proposals=proposals,
            known=search.cases_of(search.current.candidate),
            rng=run.rng(step, "inform"),
            shown=run.shown(search.current.candidate),
            keep=keep,
        )
    return _with_blamed(run, step, search, informed)


def _with_blamed(run: Run, step: int, search: Search, informed: Informed) -> Informed:
    """The same with the part of a program that its failures blame, where the method asks for that."""
    if run.spec.optimizer.parts != "blamed" or len(run.spec.program) < 2:
        return informed
    cases = {case.example.id: (case.example, case.sample) for batch in informed.batches for case in batch}
    dev = {example.id: example for example in run.examples("dev")}
    scored = [(dev[each.example], each) for each in search.current.score.samples if each.example in dev]
    blamed = count_blamed(cases.values() or scored)
    chosen = choose_part(run.spec, blamed, search.steps, run.rng(step, "parts"))
    emit(Note(f"Step {step} changes `{chosen.part}`: {chosen.why}."))
    return informed.model_copy(update={"parts": (chosen.part,)})


async def retrieve(run: Run, step: int, search: Search, informed: Informed) -> Recalled:
    """Scored prompts of earlier steps by the method's strategy, in ascending order, or a summary of them."""
    options = run.spec.optimizer

    async def note() -> Recalled:
        remark = await summarise(run.models.optimizer, run.spec, step, search.summary, search.unsummarised)
        return Recalled(summary=remark.text, usage=remark.usage)

    ranked = partial(run.history.ranked, run.key, step)
    parts = tuple(run.spec.program)
    past = Past(run.trajectory, run.key, step, search.current.candidate, options.k, note, ranked, parts)
    with calls_about(run=run.id, step=step):
        return await recall_parts(options.trajectory, past, parts_of_step(run.spec, step, informed.parts))


async def refine(run: Run, step: int, search: Search, informed: Informed, recalled: Recalled) -> Proposals:
    """Show the optimizer model the current prompt, the trajectory and training examples; read its proposals."""
    rng, found = run.rng(step, "refine"), []
    candidates = count_affordable(search, run.spec, run.splits)
    turns = take_turns(run.spec, search.steps, candidates, may_change=run.may_change(search.current.candidate))
    for part in parts_of_step(run.spec, step, informed.parts):
        spec = run.spec.for_part(part)
        request = refine_step.build_request(
            spec,
            run.examples("train"),
            informed,
            recalled,
            step=step,
            candidates=candidates,
            rng=rng,
            before=search.steps,
            part=part,
            keeps=places_that_keep(turns),
        )
        with calls_about(run=run.id, step=step):
            found.append(await refine_step.refine(run.models.optimizer, spec, request, rng))
    proposals = refine_step.join_proposals(found)
    tried = {**search.cases_of(search.current.candidate), **informed.cases}
    showable, rng = Showable(run.showable, run.may_show, tried), run.rng(step, "demonstrations")
    return with_demonstrations(run.spec, proposals, informed, showable, turns=turns, rng=rng)


async def edit(run: Run, step: int, current: Candidate, proposals: Proposals, known: frozenset[str]) -> Edited:
    """Project proposals onto the budget and reject those that are empty, known, leaking or break the contract."""
    return run.screen.admit(proposals, current, known, step=step, budget=proposals.budget)


async def screen(run: Run, search: Search, begun: Step, informed: Informed, edited: Edited) -> Screened:
    """Try the candidates on their own cases, where the method asks for it; the others need not be scored on dev."""
    with calls_about(run=run.id, step=begun.number):
        tried = await screen_step.try_all(run.models, run.spec, informed, edited.candidates, run.shown)
    return screen_step.screen(search, begun, tried, edited.candidates, run.spec)


async def select(run: Run, search: Search, step: Step) -> Search:
    """The search after this step, with its best prompt and the one that the next step starts from."""
    after = select_step.select(search, step, run.spec, run.rng(step.number, "select"))
    if after.restarts > search.restarts and run.spec.budget.is_set:
        emit(Note(f"No better prompt in {run.spec.optimizer.patience} steps: the search goes on from another one."))
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
    asked: Awaitable[Score] | None = None,
) -> Score:
    """The score, whose results are in the database before anything can be made of it; `asked`, where that has begun."""
    examples = run.examples(split)[:first]
    if asked is None:
        shown = run.shown(candidate)
        asked = _ask(
            run.models, run.spec, candidate.instruction, examples, incumbent, shown=shown, stops_unread=stops_unread
        )
    with calls_about(run=run.id, step=candidate.step):
        score = await asked
    found = results_of(score, examples, split, candidate)
    await asyncio.to_thread(run.results.put, run.key, split, candidate.id, found)
    return with_few_samples(score, KEPT_SAMPLES)


async def _ask(
    models: Models,
    spec: TaskSpec,
    instruction: str,
    examples: Sequence[Example],
    incumbent: Score | None = None,
    *,
    shown: Sequence[Example],
    stops_unread: bool = False,
) -> Score:
    return await evaluate_instruction(
        models.task,
        spec,
        instruction,
        examples,
        incumbent,
        demonstrations=shown,
        judge=models.judge,
        target=models.target,
        elsewhere=models.elsewhere,
        stops_unread=stops_unread,
        kept=len(examples),
    )
