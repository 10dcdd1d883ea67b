"""Which prompt is refined next, which is the best so far, and when the search is over."""

from collections.abc import Sequence

from gpo.budget import affords_step
from gpo.records import Edited, Record, Scored, Splits, Step, Stopped
from gpo.spec import TaskSpec
from gpo.trajectory import Neighbour


class Search(Record):
    """Where the search stands. `stale` counts the steps in a row without a better best."""

    start: Scored
    current: Scored
    best: Scored
    stale: int = 0
    steps: tuple[Step, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        """Ids of all prompts scored so far."""
        scored = [item.candidate.id for step in self.steps for item in step.scored]
        return frozenset([self.start.candidate.id, *scored])


def begin(start: Scored) -> Search:
    """The search before its first step."""
    return Search(start=start, current=start, best=start)


def select(search: Search, neighbours: Sequence[Neighbour], edited: Edited, scored: Sequence[Scored]) -> Search:
    """The search after one more step.

    The best of the step's candidates and of the current prompt, with its own score, becomes current. The best is the
    best of the whole trajectory by dev score; only prompts scored on every dev example can be it. On equal scores the
    earlier prompt stays.
    """
    whole = [item for item in scored if item.score.complete]
    current = max([search.current, *whole], key=lambda item: item.score.mean)
    is_better = current.score.mean > search.best.score.mean
    step = Step(
        number=len(search.steps) + 1,
        budget=edited.budget,
        current=search.current.candidate.instruction,
        neighbours=tuple(item.instruction for item in neighbours),
        scored=tuple(scored),
        rejected=edited.rejected,
    )
    return Search(
        start=search.start,
        current=current,
        best=current if is_better else search.best,
        stale=0 if is_better else search.stale + 1,
        steps=(*search.steps, step),
    )


def why_stop(search: Search, spec: TaskSpec, splits: Splits) -> Stopped | None:
    """Why no further step is taken; None while there is one to take."""
    if len(search.steps) >= spec.optimizer.max_steps:
        return "max_steps"
    if search.stale >= spec.optimizer.patience or search.best.score.mean >= 1.0:
        return "plateau"
    if not affords_step(spec, search.start.score, search.steps, len(splits.dev), len(splits.test)):
        return "budget"
    return None
