"""The step `select`: keeps the state of a search, picks the prompt to refine next, and says when to stop."""

from collections.abc import Sequence

from gpo.evaluation.racing import is_ahead
from gpo.records import Edited, Proposals, Record, Scored, Splits, Step, StopReason, content_hash, total_usage
from gpo.search.inform import Informed
from gpo.search.retrieve import Recalled
from gpo.search.run_limits import affordable_candidates
from gpo.spec.task import TaskSpec


class Search(Record):
    """Where the search stands. `best` is what the next step starts from; `stale` counts steps without a better one.

    `earlier` are prompts of earlier runs, scored again before the first step. `digest` is equal for searches that
    went the same way; it is made from that of the step before, so that it costs the same after many steps as after one.
    """

    start: Scored
    best: Scored
    stale: int = 0
    steps: tuple[Step, ...] = ()
    earlier: tuple[Scored, ...] = ()
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
        """Ids of all prompts scored so far."""
        scored = [item.candidate.id for step in self.steps for item in step.scored]
        return frozenset([self.start.candidate.id, *(item.candidate.id for item in self.earlier), *scored])


def start_search(start: Scored, earlier: Sequence[Scored] = ()) -> Search:
    """The search before its first step, at the best of the start and the prompts of earlier runs."""
    digest = content_hash([item.model_dump(mode="json") for item in (start, *earlier)])
    return Search(start=start, best=_best(start, earlier), earlier=tuple(earlier), digest=digest)


def select(search: Search, step: Step) -> Search:
    """The search after one more step.

    The best of the step's candidates becomes current, unless the current prompt, with its own score, is as good: so the
    current prompt is always the best of the whole trajectory by dev score. Only prompts tried on every dev example can
    be it, compared on the examples that both were scored on.
    """
    best = _best(search.best, step.scored)
    changed = {
        "best": best,
        "stale": search.stale + 1 if best is search.best else 0,
        "steps": (*search.steps, step),
        "digest": content_hash([search.digest, step.model_dump(mode="json")]),
    }
    return search.model_copy(update=changed)


def describe_step(
    search: Search,
    informed: Informed,
    recalled: Recalled,
    proposals: Proposals,
    *,
    edited: Edited,
    scored: Sequence[Scored],
) -> Step:
    """The record of one step, with all that led to it; its usage leaves the scores out, which have their own."""
    return Step(
        number=len(search.steps) + 1,
        budget=edited.budget,
        current=search.best.candidate.instruction,
        neighbours=tuple(item.instruction for item in recalled.neighbours),
        scored=tuple(scored),
        rejected=edited.rejected,
        reflection=informed.reflection,
        summary=recalled.summary,
        usage=total_usage([informed.usage, recalled.usage, proposals.usage]),
    )


def why_stop(search: Search, spec: TaskSpec, splits: Splits) -> StopReason | None:
    """Why no further step is taken; None while there is one to take."""
    if len(search.steps) >= spec.optimizer.max_steps:
        return "max_steps"
    if search.stale >= spec.optimizer.patience or search.best.score.mean >= 1.0:
        return "plateau"
    return None if count_affordable(search, spec, splits) else "budget"


def count_affordable(search: Search, spec: TaskSpec, splits: Splits) -> int:
    """How many candidates the next step can have under the caps; the last step before a cap may have fewer."""
    scores = [search.start.score, *(item.score for item in search.earlier)]
    return affordable_candidates(spec, scores, search.steps, len(splits.dev), len(splits.test))


def _best(best: Scored, others: Sequence[Scored]) -> Scored:
    for item in others:
        if item.score.complete and is_ahead(item.score, best.score):
            best = item
    return best
