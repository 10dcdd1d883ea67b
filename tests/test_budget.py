"""The cap on calls: never exceeded, and the proof of the result is always set aside."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gpo.budget import PROBES, affords_step, final_calls, least_calls, search_calls, step_calls
from gpo.records import Candidate, Edited, Example, Score, Scored, Splits
from gpo.selection import begin, select, why_stop
from gpo.spec import TaskSpec
from tests.outcomes import spec


def examples(count: int) -> tuple[Example, ...]:
    return tuple(Example(id=f"e{number}", inputs={}, reference="") for number in range(count))


class Counted:
    """A task model of chance: scores of some calls answered and some failed, all of them counted."""

    def __init__(self, rng: random.Random, dev: int) -> None:
        self.rng, self.dev, self.calls = rng, dev, 0

    def score(self, step: int, number: int, tried: int) -> Scored:
        self.calls += tried
        failed = self.rng.randrange(tried) if self.rng.random() < 0.2 else 0
        values = {f"e{index}": float(self.rng.random() < 0.5) for index in range(tried - failed)}
        candidate = Candidate(instruction=f"{step}/{number}", step=step, number=number)
        return Scored(candidate=candidate, score=Score(values=values, planned=self.dev, failed=failed))


@given(
    seed=st.integers(0, 10_000),
    dev=st.integers(1, 20),
    test=st.integers(1, 30),
    candidates=st.integers(1, 6),
    spare=st.integers(0, 400),
)
def test_a_run_never_makes_more_calls_than_its_cap(seed: int, dev: int, test: int, candidates: int, spare: int) -> None:
    rng = random.Random(seed)
    uncapped = spec(optimizer={"candidates": candidates, "patience": 4, "max_steps": 8})
    cap = least_calls(uncapped, dev, test) + spare
    capped = uncapped.model_copy(update={"budget": uncapped.budget.model_copy(update={"max_calls": cap})})
    splits = Splits(train=(), dev=examples(dev), test=examples(test), fingerprint="f")

    model = Counted(rng, dev)
    search = begin(model.score(0, 0, dev))
    asked = PROBES
    while (stopped := why_stop(search, capped, splits)) is None:
        step = len(search.steps) + 1
        asked += candidates
        # Some proposals are rejected, and the race ends some candidates early.
        admitted = rng.randint(0, candidates)
        scored = [model.score(step, n, dev if rng.random() < 0.5 else rng.randint(1, dev)) for n in range(admitted)]
        edited = Edited(budget=9, candidates=tuple(item.candidate for item in scored))
        search = select(search, [], edited, scored)
        assert search_calls(capped, search.start.score, search.steps) == asked + model.calls
    assert asked + model.calls + final_calls(test) <= cap
    assert search.steps or stopped == "plateau"
    if stopped == "budget":
        assert asked + model.calls + step_calls(capped, dev) + final_calls(test) > cap


def test_without_a_cap_there_is_always_a_next_step() -> None:
    start = Score(values={}, planned=10**6, failed=10**6)
    assert affords_step(spec(), start, [], 10**6, 10**6)


def test_the_least_cap_is_a_step_and_the_proof() -> None:
    task: TaskSpec = spec(optimizer={"candidates": 8})
    # One probe, the start on 48, 8 proposals each scored on 48, both prompts on 144.
    assert least_calls(task, dev=48, test=144) == 1 + 48 + 8 * 49 + 288
