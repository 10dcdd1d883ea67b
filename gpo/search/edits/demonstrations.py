"""How a search chooses the examples that stand before each question, with `optimizer.demonstrations: searched`.

They are part of a candidate, beside its instruction, and pass the same test, dev score and gate. A step's proposals
take turns: one changes the instruction, one the examples, one both, and then the oftener what was accepted oftener, so
that a task to which examples mean nothing pays less for them. A change adds an example, drops one or puts another in
its place; one that the current prompt gets wrong goes first, of the label that the fewest of those shown
have. A proposal is tried on cases of its own, none of which it shows.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from gpo.records import Candidate, Example
from gpo.search.inform import Informed
from gpo.search.requests.ways import TOLD_BY_TRIALS, draw_rate
from gpo.search.step import Proposal, Proposals, Step
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


def take_turns(spec: TaskSpec, before: Sequence[Step], candidates: int, *, may_change: bool = True) -> tuple[str, ...]:
    """What each proposal of the step after those `before` changes: `instruction`, `demonstrations` or `both`.

    Each is tried before any is drawn, by what was accepted (Thompson sampling). The first of several proposals changes
    the instruction alone; all do where no example `may_change`.
    """
    if not (spec.optimizer.searches_demonstrations and may_change):
        return (_TURNS[0],) * candidates
    rng = random.Random(f"{spec.seed}/{len(before) + 1}/turns")  # noqa: S311 - sampling, not secrets
    passed, tried = _count_turns(before)
    first = [_TURNS[0]] if candidates > 1 else []
    fresh = [turn for turn in _TURNS if not tried[turn] and turn not in first]
    taken = [*first, *fresh][:candidates]
    while len(taken) < candidates:
        taken.append(max(_TURNS, key=lambda turn: draw_rate(passed[turn], tried[turn], rng)))
    return tuple(taken)


def places_that_keep(turns: Sequence[str]) -> tuple[int, ...]:
    """The places at which the instruction stays, so that nothing is asked for them."""
    return tuple(place for place, turn in enumerate(turns) if turn == WAY)


def _count_turns(steps: Sequence[Step]) -> tuple[Counter[str], Counter[str]]:
    """How many proposals of each turn were accepted, and how many were tried: on cases or, without these, on dev.

    Other examples that could not be tried, as when none may be shown, were tried in vain.
    """
    passed, tried = Counter[str](), Counter[str]()
    taken_up = {step.current_id for step in steps}
    for step in steps:
        judged = [(trial.candidate, trial.passed) for trial in step.trials]
        judged = judged or [(item.candidate, item.candidate.id in taken_up) for item in step.scored]
        for candidate, is_accepted in judged:
            turn = _turn_of(candidate, step)
            tried[turn] += 1
            passed[turn] += is_accepted
        tried[WAY] += sum(each.way == WAY and each.reason not in TOLD_BY_TRIALS for each in step.rejected)
    return passed, tried


def _turn_of(candidate: Candidate, step: Step) -> str:
    if candidate.shown == step.shown:
        return _TURNS[0]
    return WAY if candidate.instruction == step.current else _TURNS[2]


def with_demonstrations(
    spec: TaskSpec,
    asked: Proposals,
    informed: Informed,
    showable: Showable,
    *,
    turns: Sequence[str],
    rng: random.Random,
) -> Proposals:
    """What was proposed in a step, with the examples that go with each, and the proposals for examples alone.

    `turns` says what each place changes.
    """
    if not spec.optimizer.searches_demonstrations:
        return asked
    current, found = informed.current.candidate, []
    kept = [Proposal(text=current.instruction, place=place, way=WAY) for place, turn in enumerate(turns) if turn == WAY]
    for proposal in sorted((*asked.proposals, *kept), key=lambda each: each.place):
        shown = current.shown
        if turns[proposal.place] != _TURNS[0]:
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
