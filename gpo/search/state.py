"""Where a search stands: its prompts and steps so far, and what they say about how good a prompt is."""

from collections.abc import Mapping, Sequence

from gpo.records import Candidate, Record, Scored, content_hash
from gpo.search.current import find_best
from gpo.search.estimate import Estimate, Seen, estimate
from gpo.search.objectives.front import Standpoint
from gpo.search.step import Step


class Search(Record):
    """Where the search stands. The next step starts from `current`; `best` is the best prompt of all.

    `stale` counts steps without a better one, since the best was found or the search went on from elsewhere.
    `restarts` counts how often it did. `earlier` are prompts of earlier runs, scored again before the first step.
    `front` are the prompts that no other beats, where there are several objectives.
    `digest` is equal for searches that went the same way; it is made from that of the step before, so that it costs
    the same after many steps as after one.
    """

    start: Scored
    best: Scored
    current: Scored
    stale: int = 0
    restarts: int = 0
    steps: tuple[Step, ...] = ()
    earlier: tuple[Scored, ...] = ()
    front: tuple[Standpoint, ...] = ()
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

    def with_step(self, step: Step) -> "Search":
        """The same with one more step that was taken; what follows from it is not chosen yet."""
        digest = content_hash([self.digest, step.model_dump(mode="json")])
        return self.model_copy(update={"steps": (*self.steps, step), "digest": digest})

    def estimates(self, *begun: Step) -> dict[str, Estimate]:
        """How good each prompt is expected to be, by candidate id, from all scores so far, those `begun` among them."""
        return estimate(self._seen(*begun))

    def expected(self, candidate: Candidate) -> Estimate:
        """How good a prompt that was scored is expected to be."""
        return self.estimates()[candidate.id]

    def _seen(self, *begun: Step) -> list[Seen]:
        """Every score of every prompt, a parent before its children."""
        found = [_seen(item.candidate, item.score.values) for item in (self.start, *self.earlier)]
        for step in (*self.steps, *begun):
            found.append(Seen(candidate=step.current_id, parent=None, values=step.cases))
            found += [_seen(trial.candidate, trial.values) for trial in step.trials]
            found += [_seen(item.candidate, item.score.values) for item in step.scored]
        return found

    def cases_of(self, candidate: Candidate) -> dict[str, float]:
        """What a prompt scored on training examples while it was the current one, by example id."""
        own = [step.cases for step in self.steps if step.current_id == candidate.id]
        return {name: value for cases in own for name, value in cases.items()}


def start_search(start: Scored, earlier: Sequence[Scored] = (), length_penalty: float = 0.0) -> Search:
    """The search before its first step, at the best of the start and the prompts of earlier runs."""
    digest = content_hash([item.model_dump(mode="json") for item in (start, *earlier)])
    best = find_best(start, earlier, length_penalty)
    return Search(start=start, best=best, current=best, earlier=tuple(earlier), digest=digest)


def _seen(candidate: Candidate, values: Mapping[str, float]) -> Seen:
    return Seen(candidate=candidate.id, parent=candidate.parent, values=values)
