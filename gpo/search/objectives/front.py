"""The Pareto front of a search with several objectives: prompts that no other beats in one without losing in another.

The score is to be high; words, latency and cost are to be low. They are what the dev pass of a prompt came to, so that
a run that was killed and goes on has the same ones. What is not known of a prompt counts as worst.
"""

import math
import random
from collections.abc import Mapping, Sequence

from gpo.evaluation.racing import worth
from gpo.gate.guards import measures_of
from gpo.records import Candidate, Record, Scored
from gpo.search.estimate import Estimate
from gpo.spec.search.objectives import Objective, bounds_of, weights_of
from gpo.spec.task import TaskSpec
from gpo.words import split_words


class Standpoint(Record):
    """One prompt of a front with what it has of each objective; None is what is not known."""

    candidate: Candidate
    values: Mapping[Objective, float | None]


def find_front(spec: TaskSpec, scored: Sequence[Scored], means: Mapping[str, float]) -> tuple[Standpoint, ...]:
    """The prompts that no other beats, the best score first; of equal ones the first.

    `means` are the scores that count, by candidate id: those expected, or without them those on dev.
    """
    front: list[Standpoint] = []
    # Whatever beats a prompt comes before it in this order.
    for each in sorted(standpoints(spec, scored, means), key=_losses):
        if not any(_is_as_good(other, each) for other in front):
            front.append(each)
    return tuple(front)


def standpoints(spec: TaskSpec, scored: Sequence[Scored], means: Mapping[str, float]) -> list[Standpoint]:
    """What each prompt that went through all of dev has of the objectives, in the order in which they were scored."""
    found: dict[str, Standpoint] = {}
    for item in scored:
        if item.score.complete:
            found.setdefault(item.candidate.id, _standpoint(spec, item, means))
    return list(found.values())


def best_of_front(spec: TaskSpec, front: Sequence[Standpoint]) -> Standpoint | None:
    """The one that goes to the gate: the best by score, less what the spec's weights cost, of those within its bounds.

    None where none is within them.
    """
    allowed = within_bounds(spec, front)
    return max(allowed, key=lambda each: _worth(spec, each)) if allowed else None


def within_bounds(spec: TaskSpec, front: Sequence[Standpoint]) -> list[Standpoint]:
    """Those that have no more of an objective than the spec allows."""
    bounds = bounds_of(spec.optimizer.objectives)
    return [each for each in front if all(_or_worst(each.values.get(name)) <= most for name, most in bounds.items())]


def draw_parent(spec: TaskSpec, front: Sequence[Standpoint], best: Candidate, steps: int, rng: random.Random) -> str:
    """The id of the prompt that the next step starts from: the best at every other step, else any of the front.

    Those within the spec's bounds go first.
    """
    if steps % 2 == 0:
        return best.id
    return rng.choice(within_bounds(spec, front) or front).candidate.id


def adds_to_front(
    spec: TaskSpec, candidate: Candidate, known: Mapping[str, Estimate], scored: Sequence[tuple[float, Candidate]]
) -> bool:
    """Whether a candidate that was only tried on cases may belong to the front: none that is as good has as few words.

    `known` are all estimates by id, `scored` those of the prompts that went through dev. What a prompt takes besides
    words is known after its dev pass alone; words stand for it before.
    """
    if not spec.optimizer.objectives:
        return False
    mean = known[candidate.id].mean
    return not any(other >= mean and not is_shorter(candidate, each) for other, each in scored)


def is_shorter(candidate: Candidate, other: Candidate) -> bool:
    """Whether a candidate has fewer words than another."""
    return len(split_words(candidate.instruction)) < len(split_words(other.instruction))


def _standpoint(spec: TaskSpec, item: Scored, means: Mapping[str, float]) -> Standpoint:
    known = measures_of(spec, item.candidate, item.score)
    values: dict[Objective, float | None] = {"score": means.get(item.candidate.id, item.score.mean)}
    values |= {name: known[name] for name in spec.optimizer.objectives if name != "score"}
    return Standpoint(candidate=item.candidate, values=values)


def _losses(each: Standpoint) -> list[float]:
    """What is to be low, the score with the other sign first."""
    return [
        -(each.values["score"] or 0.0),
        *(_or_worst(value) for name, value in each.values.items() if name != "score"),
    ]


def _is_as_good(other: Standpoint, each: Standpoint) -> bool:
    return all(theirs <= ours for theirs, ours in zip(_losses(other), _losses(each), strict=True))


def _worth(spec: TaskSpec, each: Standpoint) -> float:
    costs = (
        weight * _or_worst(each.values.get(name)) for name, weight in weights_of(spec.optimizer.objectives).items()
    )
    score = worth(each.values["score"] or 0.0, each.candidate.instruction, spec.optimizer.length_penalty)
    return score - math.fsum(costs)


def _or_worst(value: float | None) -> float:
    return math.inf if value is None else value
