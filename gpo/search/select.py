"""The step `select`: notes the best prompt, picks the one to refine next, and says when to stop."""

import random
from collections.abc import Sequence

from gpo.evaluation.calls import calls_an_example
from gpo.evaluation.racing import worth
from gpo.progress import Dropped, emit
from gpo.records import Candidate, Score, Scored, Splits, total_usage
from gpo.search.current import Standing, find_best, find_elsewhere, next_current
from gpo.search.inform import Informed
from gpo.search.objectives.front import best_of_front, draw_parent, find_front
from gpo.search.plan import UNBOUNDED_STEPS
from gpo.search.retrieve import Recalled
from gpo.search.run_limits import affordable_candidates, affordable_scores, sizes_of
from gpo.search.screen import Screened, rejections
from gpo.search.state import Search
from gpo.search.step import Edited, Proposals, Step, StopReason
from gpo.spec.method import OptimizerSpec
from gpo.spec.task import TaskSpec

IDLE_PERIODS = 2
"""Times `patience` that a search goes on without a proposal that can be tried."""


def select(search: Search, step: Step, spec: TaskSpec, rng: random.Random) -> Search:
    """The search after one more step.

    The best prompt is that of the whole trajectory: by dev score, compared on the examples that both were scored on,
    where as good is not better; or, with `optimizer.current: expected`, the one that is expected to be best. Only
    prompts tried on every dev example can be it. Which prompt is the current one then, is the choice
    `optimizer.current`; with several objectives, it is one of their front. Where the search is stale and may restart,
    it goes on from another good prompt.
    """
    options, taken = spec.optimizer, search.with_step(step)
    expects = options.expects(search.start.score)
    if options.objectives:
        return _restarted(_of_front(taken, spec, rng), search, options, rng)
    best = _expected_best(taken, options) if expects else find_best(search.best, step.scored, options.length_penalty)
    was_best = search.current.candidate.id == search.best.candidate.id
    standing = Standing(search.current, best, step.scored, search.scored, was_best, options.length_penalty)
    is_new = best.candidate.id != search.best.candidate.id
    after = taken.model_copy(
        update={
            "best": best,
            "current": next_current(options.current, standing, rng),
            "stale": 0 if is_new else search.stale + 1,
        }
    )
    return _restarted(after, search, options, rng)


def _restarted(after: Search, search: Search, options: OptimizerSpec, rng: random.Random) -> Search:
    """The same, gone on from another good prompt where it is stale and may."""
    if not (options.restart and after.stale >= options.patience):
        return after
    elsewhere = find_elsewhere(after.current, after.scored, rng)
    return after.model_copy(update={"current": elsewhere, "stale": 0, "restarts": search.restarts + 1})


def with_front(search: Search, spec: TaskSpec) -> Search:
    """The search with its front, and with the best of that as its best prompt; as it is where the score alone counts.

    Where no prompt is within the bounds of the spec, the start stays the best.
    """
    if not spec.optimizer.objectives:
        return search
    expects = spec.optimizer.expects(search.start.score)
    means = {name: each.mean for name, each in search.estimates().items()} if expects else {}
    front = find_front(spec, search.scored, means)
    chosen = best_of_front(spec, front)
    by_id = {item.candidate.id: item for item in reversed(search.scored)}
    best = search.start if chosen is None else by_id[chosen.candidate.id]
    return search.model_copy(update={"front": front, "best": best, "current": best})


def _of_front(taken: Search, spec: TaskSpec, rng: random.Random) -> Search:
    """The search after a step with several objectives; a new prompt of the front is progress."""
    after = with_front(taken, spec)
    is_new = {each.candidate.id for each in after.front} != {each.candidate.id for each in taken.front}
    parent = draw_parent(spec, after.front, after.best.candidate, len(after.steps), rng)
    current = next(item for item in after.scored if item.candidate.id == parent)
    return after.model_copy(update={"current": current, "stale": 0 if is_new else taken.stale + 1})


def _expected_best(search: Search, options: OptimizerSpec) -> Scored:
    """The prompt that is expected to be best, of those tried on every dev example; of equals the first."""
    known = search.estimates()
    penalty = options.length_penalty
    whole = [item for item in search.scored if item.score.complete]
    return max(whole, key=lambda item: worth(known[item.candidate.id].mean, item.candidate.instruction, penalty))


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
        grounding=informed.grounding,
        parts=informed.parts,
        shown=search.current.candidate.shown,
        usage=total_usage([informed.usage, recalled.usage, proposals.usage]),
    )


def complete_step(step: Step, screened: Screened, scored: Sequence[Scored]) -> Step:
    """The record of the whole step: with how its candidates were tried, and the scores of those that were accepted."""
    turned_away = rejections(screened, [item.candidate for item in scored])
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
    if _is_idle(search, IDLE_PERIODS * options.patience):
        return "plateau"
    return None if count_affordable(search, spec, splits) else "budget"


def count_scorable(search: Search, wanted: int, spec: TaskSpec, splits: Splits) -> int:
    """How many of the wanted prompts of earlier runs can be scored on dev under the caps, before the first step."""
    if not count_affordable(search, spec, splits):
        return 0
    return affordable_scores(spec, _before(search), search.steps, sizes_of(splits), wanted)


def _is_idle(search: Search, steps: int) -> bool:
    """Whether nothing could be tried in so many steps: such steps cost no call of the task model, and never end."""
    last = search.steps[-steps:]
    return len(last) == steps and not any(step.trials or step.scored for step in last)


def count_affordable(search: Search, spec: TaskSpec, splits: Splits) -> int:
    """How many proposals the next step can have under the caps; the last step before a cap may have fewer."""
    return affordable_candidates(spec, _before(search), search.steps, sizes_of(splits))


def accept(search: Search, begun: Step, screened: Screened, spec: TaskSpec, splits: Splits) -> tuple[Candidate, ...]:
    """The candidates of a step that has begun which are scored on dev: those that passed and can be paid for."""
    steps = [*search.steps, complete_step(begun, screened, ())]
    wanted = len(screened.passed)
    accepted = screened.within(affordable_scores(spec, _before(search), steps, sizes_of(splits), wanted))
    if spare := max(len(screened.trials), len(screened.passed)) - len(accepted):
        emit(Dropped(spare * len(splits.dev) * calls_an_example(spec)))
    return accepted


def name_step(step: int, spec: TaskSpec) -> str:
    """The name of a step for people: `step 3/18`; without the number of steps where the calls decide it."""
    most = spec.optimizer.max_steps
    return f"step {step}" if most == UNBOUNDED_STEPS else f"step {step}/{most}"


def _before(search: Search) -> list[Score]:
    return [search.start.score, *(item.score for item in search.earlier)]
