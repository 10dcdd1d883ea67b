"""The loop of GPO (Tang et al., arXiv 2402.17564): inform, retrieve, refine, edit, screen, evaluate, select.

It takes its steps as given: the plain functions of `steps.py`, which need no Prefect, or the same as Prefect tasks, as
`flows/optimize.py` has them. Both ways come to the same outcome.
"""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from gpo.concurrency import gather_or_cancel
from gpo.models.sharing import share_tallies
from gpo.progress import Began, emit
from gpo.records import Candidate, Score, Scored, Splits
from gpo.runs import steps as plain
from gpo.runs.conclude import Clock, conclude
from gpo.runs.job import Checked, Job
from gpo.runs.outcome import Outcome
from gpo.runs.proof import ScoreOnTest, prove
from gpo.runs.run import Run, open_run
from gpo.search.inform import Informed
from gpo.search.retrieve import Recalled
from gpo.search.run_limits import step_calls
from gpo.search.screen import Screened
from gpo.search.select import (
    accept,
    complete_step,
    count_affordable,
    count_scorable,
    describe_step,
    name_step,
    why_stop,
    with_front,
)
from gpo.search.state import Search, start_search
from gpo.search.step import Edited, Proposals, Step

T = TypeVar("T")
Async = Coroutine[Any, Any, T]


class Evaluate(Protocol):
    """Score a candidate on the dev split; with an incumbent, it may stop early."""

    def __call__(self, run: Run, candidate: Candidate, incumbent: Score | None = None) -> Async[Scored]:
        """The candidate with its score."""


class Group(Protocol):
    """Do work that consists of several steps, under a name by which a person finds it."""

    def __call__(self, name: str, work: Callable[[], Async[T]]) -> Async[T]:
        """What the work comes to."""


@dataclass(frozen=True)
class Steps:
    """The steps in their order. `steps.py` says of each what it takes, does and raises."""

    group: Group = plain.group
    check: Callable[[Job, Splits | None], Async[Checked]] = plain.check
    spread: Callable[[Run], AbstractAsyncContextManager[None]] = plain.spread
    note_start: Callable[[Run], Async[None]] = plain.note_start
    inform: Callable[[Run, int, int, Search], Async[Informed]] = plain.inform
    retrieve: Callable[[Run, int, Search, Informed], Async[Recalled]] = plain.retrieve
    refine: Callable[[Run, int, Search, Informed, Recalled], Async[Proposals]] = plain.refine
    edit: Callable[[Run, int, Candidate, Proposals, frozenset[str]], Async[Edited]] = plain.edit
    screen: Callable[[Run, Search, Step, Informed, Edited], Async[Screened]] = plain.screen
    evaluate: Evaluate = plain.evaluate
    select: Callable[[Run, Search, Step], Async[Search]] = plain.select
    record: Callable[[Run, int, Sequence[Scored]], Async[None]] = plain.record
    prove: ScoreOnTest = plain.prove
    finish: Callable[[Run, Outcome], Async[None]] = plain.finish


PLAIN = Steps()
"""The steps in this process, without Prefect."""


async def optimize(job: Job, steps: Steps = PLAIN, splits: Splits | None = None) -> Outcome:
    """Improve the prompt of a job and prove the gain on examples that the search never saw.

    `splits` is the job's data, where it has been read already.

    Raises:
        InputError: what is wrong with the spec, the data or the models; nothing was started.
        TooManyFailures: more model calls failed than `max_failure_rate` allows; what was paid for is kept.
        StateError: the state folder or a shared service cannot be used.
    """
    clock = Clock()
    with share_tallies():
        checked = await steps.check(job, splits)
        async with open_run(checked) as run, steps.spread(run):
            await steps.note_start(run)
            search = await steps.group("start", partial(_begin, run, steps))
            while (stopped := why_stop(search, run.spec, run.splits)) is None:
                search = await steps.group(f"step {len(search.steps) + 1}", partial(_take_step, run, search, steps))
            proof = await steps.group("proof", partial(prove, run, search, steps.prove))
            outcome = conclude(run, search, proof, stopped, clock)
            await steps.finish(run, outcome)
            return outcome


async def _begin(run: Run, steps: Steps) -> Search:
    """Score the start, and the prompts of earlier runs."""
    if not plain.has_begun(run):
        emit(plain.began_start(run.spec, len(run.splits.dev)))
    start = await steps.evaluate(run, run.start)
    known = run.earlier[: count_scorable(start_search(start), len(run.earlier), run.spec, run.splits)]
    earlier = await gather_or_cancel(*(steps.evaluate(run, each, incumbent=start.score) for each in known))
    await steps.record(run, 0, [start, *earlier])
    return with_front(start_search(start, earlier, run.spec.optimizer.length_penalty), run.spec)


async def _take_step(run: Run, search: Search, steps: Steps) -> Search:
    """One step of the method: new prompts from the current one, their scores, and the prompt that follows."""
    step, current = len(search.steps) + 1, search.current
    candidates = count_affordable(search, run.spec, run.splits)
    emit(Began(name_step(step, run.spec), step_calls(run.spec, len(run.splits.dev), candidates)))
    informed = await steps.inform(run, step, candidates, search)
    recalled = await steps.retrieve(run, step, search, informed)
    proposals = await steps.refine(run, step, search, informed, recalled)
    edited = await steps.edit(run, step, current.candidate, proposals, search.known)
    begun = describe_step(search, informed, recalled, proposals, edited=edited)
    screened = await steps.screen(run, search, begun, informed, edited)
    accepted = accept(search, begun, screened, run.spec, run.splits)
    scored = await gather_or_cancel(*(steps.evaluate(run, each, incumbent=current.score) for each in accepted))
    after = await steps.select(run, search, complete_step(begun, screened, scored))
    await steps.record(run, step, scored)
    return after
