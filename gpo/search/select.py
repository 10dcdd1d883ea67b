"""The step `select`: keeps the state of a search, picks the prompt to refine next, and says when to stop."""

import random
from collections.abc import Sequence

from pydantic import Field

from gpo.evaluation.calls import calls_an_example
from gpo.progress import Dropped, emit
from gpo.records import (
    Candidate,
    Edited,
    Finalist,
    Proposals,
    Record,
    Score,
    Scored,
    Splits,
    Step,
    StopReason,
    UsageByRole,
    content_hash,
    total_usage,
)
from gpo.search.confirm import Confirmed, choose_finalist
from gpo.search.current import Standing, find_best, find_elsewhere, next_current
from gpo.search.inform import Informed
from gpo.search.plan import UNBOUNDED_STEPS
from gpo.search.retrieve import Recalled
from gpo.search.run_limits import affordable_candidates, affordable_scores, sizes_of
from gpo.search.screen import Screened, rejections
from gpo.spec.task import TaskSpec


class Search(Record):
    """Where the search stands. The next step starts from `current`; `best` is the best prompt of all by dev score.

    `stale` counts steps without a better one, since the best was found or the search went on from elsewhere.
    `restarts` counts how often it did. `earlier` are prompts of earlier runs, scored again before the first step.
    `finalists` were scored once more at the end, at the cost of `final_usage`. `digest` is equal for searches that went
    the same way; it is made from that of the step before, so that it costs the same after many steps as after one.
    """

    start: Scored
    best: Scored
    current: Scored
    stale: int = 0
    restarts: int = 0
    steps: tuple[Step, ...] = ()
    earlier: tuple[Scored, ...] = ()
    finalists: tuple[Finalist, ...] = ()
    final_usage: UsageByRole = Field(default={})
    digest: str = ""

    @property
    def summary(self) -> str:
        """What the last step's summary says of the prompts before it."""
        return self.steps[-1].summary if self.steps else ""

    @property
    def unsummarised(self) -> tuple[Scored, ...]:
        """Prompts scored since that summary was written; none before the first step, which has only its start."""
        if not self.steps:
            return ()
        start = (self.start, *self.earlier) if len(self.steps) == 1 else ()
        return (*start, *self.steps[-1].scored)

    @property
    def known(self) -> frozenset[str]:
        """Ids of all prompts scored so far, and of those that were tried on cases and not accepted."""
        tried = [trial.candidate.id for step in self.steps for trial in step.trials]
        return frozenset([*(item.candidate.id for item in self.scored), *tried])

    @property
    def scored(self) -> tuple[Scored, ...]:
        """All prompts scored so far, the start first."""
        return (self.start, *self.earlier, *(item for step in self.steps for item in step.scored))

    def cases_of(self, candidate: Candidate) -> dict[str, float]:
        """What a prompt scored on training examples while it was the current one, by example id."""
        own = [step.cases for step in self.steps if step.current == candidate.instruction]
        return {name: value for cases in own for name, value in cases.items()}


def start_search(start: Scored, earlier: Sequence[Scored] = ()) -> Search:
    """The search before its first step, at the best of the start and the prompts of earlier runs."""
    digest = content_hash([item.model_dump(mode="json") for item in (start, *earlier)])
    best = find_best(start, earlier)
    return Search(start=start, best=best, current=best, earlier=tuple(earlier), digest=digest)


def select(search: Search, step: Step, spec: TaskSpec, rng: random.Random) -> Search:
    """The search after one more step.

    The best prompt is that of the whole trajectory by dev score. Only prompts tried on every dev example can be it,
    compared on the examples that both were scored on; as good is not better. Which prompt is the current one then, is
    the choice `optimizer.current`. Where the search is stale and may restart, it goes on from another good prompt.
    """
    options = spec.optimizer
    best = find_best(search.best, step.scored)
    standing = Standing(search.current, best, step.scored, search.scored)
    after = search.model_copy(
        update={
            "best": best,
            "current": next_current(options.current, standing, rng),
            "stale": search.stale + 1 if best is search.best else 0,
            "steps": (*search.steps, step),
            "digest": content_hash([search.digest, step.model_dump(mode="json")]),
        }
    )
    if not (options.restart and after.stale >= options.patience):
        return after
    elsewhere = find_elsewhere(after.current, after.scored, rng)
    return after.model_copy(update={"current": elsewhere, "stale": 0, "restarts": search.restarts + 1})


def conclude_search(search: Search, confirmed: Confirmed) -> Search:
    """The search at its end, with the best of its finalists as the result."""
    if not confirmed.finalists:
        return search
    best = choose_finalist(confirmed.finalists)
    return search.model_copy(update={"best": best, "finalists": confirmed.finalists, "final_usage": confirmed.usage})


def describe_step(
    search: Search,
    informed: Informed,
    recalled: Recalled,
    proposals: Proposals,
    *,
    edited: Edited,
) -> Step:
    """The record of a step before its candidates are tried; its usage is what it has cost so far."""
    return Step(
        number=len(search.steps) + 1,
        budget=edited.budget,
        current=search.current.candidate.instruction,
        neighbours=tuple(item.instruction for item in recalled.neighbours),
        scored=(),
        rejected=edited.rejected,
        cases=informed.cases,
        failed=informed.failed,
        reflection=informed.reflection,
        summary=recalled.summary,
        usage=total_usage([informed.usage, recalled.usage, proposals.usage]),
    )


def complete_step(step: Step, screened: Screened, scored: Sequence[Scored]) -> Step:
    """The record of the whole step: with how its candidates were tried, and the scores of those that were accepted."""
    turned_away = rejections(screened.trials, [item.candidate for item in scored])
    return step.model_copy(
        update={
            "scored": tuple(scored),
            "trials": screened.trials,
            "failed": step.failed + screened.failed,
            "rejected": (*step.rejected, *turned_away),
            "usage": total_usage([step.usage, screened.usage]),
        }
    )


def why_stop(search: Search, spec: TaskSpec, splits: Splits) -> StopReason | None:
    """Why no further step is taken; None while there is one to take."""
    options = spec.optimizer
    if len(search.steps) >= options.max_steps:
        return "max_steps"
    if search.best.score.mean >= 1.0 or search.stale >= options.patience:
        return "plateau"
    if search.restarts and not spec.budget.is_set:
        return "plateau"
    return None if count_affordable(search, spec, splits) else "budget"


def count_affordable(search: Search, spec: TaskSpec, splits: Splits) -> int:
    """How many proposals the next step can have under the caps; the last step before a cap may have fewer."""
    return affordable_candidates(spec, _before(search), search.steps, sizes_of(splits))


def accept(search: Search, begun: Step, screened: Screened, spec: TaskSpec, splits: Splits) -> tuple[Candidate, ...]:
    """The candidates of a step that has begun which are scored on dev: those that passed and can be paid for."""
    steps = [*search.steps, complete_step(begun, screened, ())]
    wanted = len(screened.passed)
    accepted = screened.within(affordable_scores(spec, _before(search), steps, sizes_of(splits), wanted))
    if spare := len(screened.trials) - len(accepted):
        emit(Dropped(spare * len(splits.dev) * calls_an_example(spec)))
    return accepted


def name_step(step: int, spec: TaskSpec) -> str:
    """The name of a step for people: `step 3/18`; without the number of steps where the calls decide it."""
    most = spec.optimizer.max_steps
    return f"step {step}" if most == UNBOUNDED_STEPS else f"step {step}/{most}"


def _before(search: Search) -> list[Score]:
    return [search.start.score, *(item.score for item in search.earlier)]
