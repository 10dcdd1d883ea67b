"""Which prompt is the current one, the iterate of the method: where the next step starts.

A new choice is a word in `Iterate` of `gpo.spec.method`, and a function here in `CHOICES`.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gpo.evaluation.racing import is_ahead, worth
from gpo.records import Scored
from gpo.search.step import Step
from gpo.spec.method import Iterate
from gpo.spec.task import TaskSpec
from gpo.words import split_words, word_distance

TEMPERATURE = 0.05
"""Of the draw by score: a prompt that is 0.05 behind is drawn about a third as often."""

NEAREST_SHARE = 0.25
"""How far another prompt must be from the current one to go on from: as a share of the words of the longer."""


class Standing(NamedTuple):
    """Where a search stands after a step: what it stood at, its best prompt, those of the step and those before it.

    What it stood at `was_best` until then, unless it went on from elsewhere.
    """

    current: Scored
    best: Scored
    of_step: Sequence[Scored]
    before: Sequence[Scored]
    was_best: bool = True
    length_penalty: float = 0.0


def next_current(choice: Iterate, standing: Standing, rng: random.Random) -> Scored:
    """The prompt that the next step starts from."""
    return CHOICES[choice](standing, rng)


def find_best(best: Scored, others: Sequence[Scored], length_penalty: float = 0.0) -> Scored:
    """The best of some prompts by dev score, less what their words cost; of equals the first.

    One that the race ended is never it.
    """
    for item in others:
        if item.score.complete and _is_better(item, best, length_penalty):
            best = item
    return best


def _is_better(item: Scored, best: Scored, length_penalty: float) -> bool:
    if not length_penalty:
        return is_ahead(item.score, best.score)
    ours, theirs = (worth(each.score.mean, each.candidate.instruction, length_penalty) for each in (item, best))
    return ours > theirs


def find_elsewhere(current: Scored, scored: Sequence[Scored], rng: random.Random) -> Scored:
    """A good prompt far from the current one, drawn by score; the current one itself where there is no other."""
    far = [item for item in scored if item.score.complete and _is_far(item, current)]
    near = [item for item in scored if item.score.complete and item.candidate.id != current.candidate.id]
    return _draw(far or near or [current], rng)


def find_lineage(spec: TaskSpec, current: Scored, before: Sequence[Step], step: int) -> Scored | None:
    """A good prompt far from the current one that the steps before came to, for a step to merge the two; None: none.

    It is drawn by score from those that are no parent or child of the current one, the same for the same seed and step.
    """
    own = current.candidate
    related = {own.parent, own.id}
    others = [item for each in before for item in each.scored if item.score.complete and _is_far(item, current)]
    far = [item for item in others if item.candidate.id not in related and item.candidate.parent != own.id]
    rng = random.Random(f"{spec.seed}/{step}/merge")  # noqa: S311 - sampling, not secrets
    return _draw(far, rng) if far else None


def _keep_best(standing: Standing, rng: random.Random) -> Scored:
    """The best of all; after a restart the best since then, until it is the best of all again."""
    del rng
    if standing.was_best or standing.best in standing.of_step:
        return standing.best
    return find_best(standing.current, standing.of_step, standing.length_penalty)


def _last_step(standing: Standing, rng: random.Random) -> Scored:
    """The best of the step, even where it is worse than the current one: a walk that always moves."""
    del rng
    whole = [item for item in standing.of_step if item.score.complete]
    return find_best(whole[0], whole[1:], standing.length_penalty) if whole else standing.current


def _sampled(standing: Standing, rng: random.Random) -> Scored:
    """One of all prompts so far, drawn by score."""
    return _draw([item for item in (*standing.before, *standing.of_step) if item.score.complete], rng)


CHOICES: Mapping[Iterate, Callable[[Standing, random.Random], Scored]] = {
    "best": _keep_best,
    "step": _last_step,
    "sampled": _sampled,
    # What is best was chosen by expectation before: where to go on from is the same question.
    "expected": _keep_best,
}


def _draw(scored: Sequence[Scored], rng: random.Random) -> Scored:
    """One prompt by a softmax over the scores."""
    most = max(item.score.mean for item in scored)
    weights = [math.exp((item.score.mean - most) / TEMPERATURE) for item in scored]
    return rng.choices(scored, weights)[0]


def _is_far(item: Scored, current: Scored) -> bool:
    texts = (item.candidate.instruction, current.candidate.instruction)
    return word_distance(*texts) > NEAREST_SHARE * max(len(split_words(text)) for text in texts)
