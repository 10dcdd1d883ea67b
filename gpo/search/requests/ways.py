"""The ways in which a step asks for proposals, so that those of one step are not samples of one distribution.

A new way is a word in `Way` of `gpo.spec.method`, and an entry in `WAYS`. Which way each proposal of a step is asked in
is drawn: the oftener the proposals of a way were accepted, the oftener it is asked again. So a weak optimizer model
falls back to what it can do.
"""

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gpo.search.step import RejectionReason, Step
from gpo.spec.method import Way


@dataclass(frozen=True)
class Asking:
    """One way: the request that ends the meta-prompt, and what stands before it.

    `shows` names what of the training examples: the proposal's own cases, examples of each label, or a few examples.
    """

    request: str
    shows: str = "examples"


WAYS: Mapping[Way, Asking] = {
    "cases": Asking(
        "Work out from the cases which facts and rules a person would need to know to get all such cases right, and "
        "why the wrong answers are wrong. Then write a new improved instruction that states these facts and rules in "
        "general words, and keeps what already works.",
        shows="cases",
    ),
    "define": Asking(
        "Work out what each possible answer stands for, and what tells it from the others. Then write a new improved "
        "instruction that names every possible answer and says in a few words when it is the right one.",
        shows="labels",
    ),
    "scores": Asking(
        "Write a new improved instruction that differs from all of the above and leads to better answers: take over "
        "what the better ones have and the worse ones lack."
    ),
    "simplify": Asking(
        "Write a shorter instruction that keeps what matters for right answers and leaves out the rest.", shows="cases"
    ),
    "restructure": Asking(
        "Write the current instruction anew in a clearer order: first what the task is, then the rules that decide, "
        "then the form of the answer. Add a rule that the cases show to be missing.",
        shows="cases",
    ),
    "merge": Asking(
        "Write one instruction that has what is right in both the current instruction and the other one: take over "
        "each rule that the cases do not speak against, say each thing once, and keep one form of the answer.",
        shows="cases",
    ),
    "paraphrase": Asking("Write the current instruction in other words, as someone else would put it."),
}

TOLD_BY_TRIALS: Collection[RejectionReason] = ("no_gain", "unaffordable", "failed")
"""Of a proposal that was rejected so, its trial tells whether it was accepted, or it was never made."""


def choose_ways(allowed: Sequence[Way], steps: Sequence[Step], count: int, rng: random.Random) -> tuple[Way, ...]:
    """The way of each of `count` proposals, given the steps before; empty where there are none to choose from.

    Each way is taken once before any is drawn. After that, each is drawn as often as it is likely to be the one whose
    proposals are accepted most (Thompson sampling on Beta distributions).
    """
    if not allowed:
        return ()
    passed, tried = _count_trials(steps)
    fresh = [way for way in allowed if way not in tried]
    taken = fresh[:count]
    while len(taken) < count:
        taken.append(max(allowed, key=lambda way: draw_rate(passed[way], tried[way], rng)))
    return tuple(taken)


def draw_rate(passed: int, tried: int, rng: random.Random) -> float:
    """A rate of acceptance, drawn from what its trials leave open."""
    return rng.betavariate(1 + passed, 1 + tried - passed)


def _count_trials(steps: Sequence[Step]) -> tuple[Counter[str], Counter[str]]:
    """How many proposals of each way were accepted, and how many were tried, in all steps."""
    taken_up = {step.current_id for step in steps}
    judged = [each for step in steps for each in _judge_step(step, taken_up)]
    return Counter(way for way, is_accepted in judged if is_accepted), Counter(way for way, _ in judged)


def _judge_step(step: Step, taken_up: Collection[str]) -> Iterator[tuple[str, bool]]:
    """The way of each proposal of a step, and whether it was accepted; calls that failed tell nothing of a way.

    Without a test on cases, one was accepted when a later step started from it: when it was `taken_up`.
    """
    on_cases = {trial.candidate.id for trial in step.trials}
    for item in step.scored:
        if item.candidate.id not in on_cases:
            yield item.candidate.way, item.candidate.id in taken_up
    for trial in step.trials:
        yield trial.candidate.way, trial.passed
    for rejection in step.rejected:
        if rejection.way and rejection.reason not in TOLD_BY_TRIALS:
            yield rejection.way, False
