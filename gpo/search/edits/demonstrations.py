"""How a search chooses the examples that stand before each question, with `optimizer.demonstrations: searched`.

They are part of a candidate, beside its instruction, and pass the same test, dev score and gate. A step's proposals
take turns: one changes the instruction, one the examples, one both. A change adds an example, drops one or puts
another in its place; one that the current prompt gets wrong goes first, of the label that the fewest of those shown
have. A proposal is tried on cases of its own, none of which it shows.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from gpo.records import Example
from gpo.search.inform import Informed
from gpo.search.step import Proposal, Proposals
from gpo.spec.task import TaskSpec

WAY = "demonstrations"
"""The way of a proposal whose instruction stays as it is: the optimizer model is not asked for it."""

_TURNS = ("instruction", WAY, "both")


class Showable(NamedTuple):
    """What may be shown: a `pool` of examples by id, of which some repeat one of dev or test and may not.

    `tried` are the scores of the current prompt on those that it was tried on.
    """

    pool: Mapping[str, Example]
    may_show: Callable[[Example], bool]
    tried: Mapping[str, float]


def what_changes(spec: TaskSpec, step: int, place: int, candidates: int) -> str:
    """What the proposal at a place, from 0, changes; where a step has but one, its steps take turns."""
    if not spec.optimizer.searches_demonstrations:
        return _TURNS[0]
    return _TURNS[(place if candidates > 1 else step - 1) % len(_TURNS)]


def places_that_keep(spec: TaskSpec, step: int, candidates: int) -> tuple[int, ...]:
    """The places at which the instruction stays, so that nothing is asked for them."""
    return tuple(place for place in range(candidates) if what_changes(spec, step, place, candidates) == WAY)


def with_demonstrations(
    spec: TaskSpec,
    asked: Proposals,
    informed: Informed,
    showable: Showable,
    *,
    step: int,
    candidates: int,
    rng: random.Random,
) -> Proposals:
    """What was proposed in a step, with the examples that go with each, and the proposals for examples alone."""
    if not spec.optimizer.searches_demonstrations:
        return asked
    current, found = informed.current.candidate, []
    kept = [
        Proposal(text=current.instruction, place=each, way=WAY) for each in places_that_keep(spec, step, candidates)
    ]
    for proposal in sorted((*asked.proposals, *kept), key=lambda each: each.place):
        shown = current.shown
        if what_changes(spec, step, proposal.place, candidates) != _TURNS[0]:
            cases = {case.example.id for case in informed.batch_of(proposal.place)}
            shown = change_demonstrations(spec, shown, showable, cases, rng)
        found.append(proposal.model_copy(update={"shown": shown}))
    return asked.model_copy(update={"proposals": tuple(found)})


def change_demonstrations(
    spec: TaskSpec, current: Sequence[str], showable: Showable, cases: Collection[str], rng: random.Random
) -> tuple[str, ...]:
    """The ids of the `current` examples after one change; the same where nothing can be changed.

    An example is added at a drawn place while there are fewer than the spec allows, put in the place of another, or one
    is dropped. None of the `cases` is added.
    """
    pool, shown = showable.pool, list(current)
    most = max(spec.few_shot, spec.optimizer.max_demonstrations)
    move = rng.choice([*(["add", "add"] if len(shown) < most else []), *(["drop", "swap"] if shown else [])])
    place = rng.randrange(len(shown) + (move == "add"))
    if move != "add":
        del shown[place]
    if move == "drop":
        return tuple(shown)
    barred = {*current, *cases}
    free = [example for name, example in pool.items() if name not in barred]
    ranked = _by_need(spec, free, [pool[name] for name in shown], showable.tried, rng)
    added = next(filter(showable.may_show, ranked), None)
    if added is None:
        return tuple(current)
    return (*shown[:place], added.id, *shown[place:])


def _by_need(
    spec: TaskSpec,
    free: Sequence[Example],
    shown: Sequence[Example],
    tried: Mapping[str, float],
    rng: random.Random,
) -> list[Example]:
    """Examples by how much the prompt needs them: of a label that few show first, and then what it gets wrong."""
    counts = Counter(example.reference for example in shown if spec.answer.choices is not None)
    drawn = rng.sample(free, len(free))
    return sorted(drawn, key=lambda each: (counts[each.reference], tried.get(each.id, 1.0) >= 1.0))
