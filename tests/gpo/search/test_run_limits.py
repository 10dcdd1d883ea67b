"""The caps: never exceeded, used as far as they go, and the proof of the result is always set aside."""

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.evaluation.calls import example_calls
from gpo.records import Candidate, Example, Score, Scored, Splits, Usage, UsageByRole
from gpo.search.run_limits import (
    PROBES,
    SplitSizes,
    affordable_candidates,
    affordable_scores,
    final_calls,
    least_amounts,
    least_calls,
    least_task_calls,
    search_usage,
    step_calls,
)
from gpo.search.select import select, why_stop
from gpo.search.state import start_search
from gpo.search.step import Edited, Rejection, Step
from gpo.spec.task import TaskSpec
from tests.support.outcomes import spec as spec_of
from tests.support.outcomes import step_of

JUDGE = {"name": "judge", "rubric": "Is it polite?"}


def spec(**changes: Any) -> TaskSpec:
    """A spec of GPO, in which all proposals are scored, unless another method is given."""
    return spec_of(**changes | {"optimizer": {"preset": "gpo"} | changes.get("optimizer", {})})


def sizes(dev: int, test: int = 0, train: int = 0) -> SplitSizes:
    return SplitSizes(train=train, dev=dev, test=test)


def examples(count: int) -> tuple[Example, ...]:
    return tuple(Example(id=f"e{number}", inputs={}, reference="") for number in range(count))


def capped(task: TaskSpec, **caps: Any) -> TaskSpec:
    return task.model_copy(update={"budget": task.budget.model_copy(update=caps)})


class Counted:
    """Models of chance: some calls answered and some failed, all of them counted, each answer 100 + 10 tokens long."""

    def __init__(self, rng: random.Random, task: TaskSpec, dev: int) -> None:
        self.rng, self.task, self.dev = rng, task, dev
        self.calls = self.task_calls = 0

    def score(self, step: int, number: int, tried: int) -> Scored:
        failed = self.rng.randrange(tried) if self.rng.random() < 0.2 else 0
        values = {f"e{index}": float(self.rng.random() < 0.5) for index in range(tried - failed)}
        extracted = self.rng.randint(0, tried - failed) if self.task.answer.extract else 0
        usage = {"task": answers(tried - failed + extracted)}
        self.task_calls += tried + extracted
        if self.task.metric.name == "judge":
            usage["judge"] = answers(self.rng.randint(0, 2 * (tried - failed)))
        self.calls += tried + extracted + usage.get("judge", Usage()).calls
        candidate = Candidate(instruction=f"{step}/{number}", step=step, number=number)
        return Scored(candidate=candidate, score=Score(values=values, planned=self.dev, failed=failed, usage=usage))

    def step(self, number: int, candidates: int) -> tuple[UsageByRole, Edited, list[Scored]]:
        """A step in which some proposals are refused or rejected, and the race ends some candidates early."""
        options = self.task.optimizer
        refused = self.rng.randint(0, candidates - 1)
        remarks = options.reflects + (options.trajectory == "summary" and number > 1)
        batch = self.rng.randint(0, options.batch) if options.reflects else 0
        self.calls += candidates + remarks + batch
        self.task_calls += batch
        admitted = self.rng.randint(0, candidates - refused)
        scored = [
            self.score(number, place, self.dev if self.rng.random() < 0.5 else self.rng.randint(1, self.dev))
            for place in range(admitted)
        ]
        rejected = [Rejection(reason="failed", text="")] * refused
        edited = Edited(budget=9, candidates=tuple(item.candidate for item in scored), rejected=tuple(rejected))
        return {"task": answers(batch), "optimizer": answers(candidates - refused + remarks)}, edited, scored

    def tried_on_cases(self, most: int) -> tuple[int, int]:
        """Up to so many calls about training examples: how many of them were answered, and how many failed."""
        asked = self.rng.randint(0, most)
        failed = self.rng.randint(0, asked) if self.rng.random() < 0.3 else 0
        self.calls += asked
        self.task_calls += asked
        return asked - failed, failed

    def begun(self, number: int, candidates: int) -> Step:
        """A step whose proposals are tried on cases first, up to what it has cost by then."""
        batch, refused = self.task.optimizer.batch, self.rng.randint(0, candidates - 1)
        self.calls += candidates
        informed, lost = self.tried_on_cases(candidates * batch)
        found, failed = self.tried_on_cases((candidates - refused) * batch)
        usage = {"task": answers(informed + found), "optimizer": answers(candidates - refused)}
        rejected = [Rejection(reason="failed", text="")] * refused
        step = recorded(number, usage, Edited(budget=None, candidates=(), rejected=tuple(rejected)), [])
        return step.model_copy(update={"failed": lost + failed})


def answers(count: int) -> Usage:
    return Usage(calls=count, input_tokens=100 * count, output_tokens=10 * count)


def recorded(number: int, usage: UsageByRole, edited: Edited, scored: list[Scored]) -> Step:
    return Step(
        number=number,
        budget=9,
        current="",
        neighbours=(),
        scored=tuple(scored),
        rejected=edited.rejected,
        usage=usage,
    )


METHODS: Mapping[str, dict[str, Any]] = {
    "plain": {},
    "reflecting": {"optimizer": {"preset": "apo", "batch": 4}},
    "summarising": {"optimizer": {"preset": "sgdm"}},
    "extracting": {"answer": {"kind": "exact", "extract": "So?"}},
    "judged": {"answer": {"kind": "free"}, "metric": JUDGE},
}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@given(
    seed=st.integers(0, 10_000),
    dev=st.integers(1, 20),
    test=st.integers(1, 30),
    candidates=st.integers(1, 6),
    spare=st.integers(0, 400),
)
def test_a_run_never_makes_more_calls_than_its_caps(
    *, method: str, seed: int, dev: int, test: int, candidates: int, spare: int
) -> None:
    rng = random.Random(seed)
    changes = METHODS[method]
    task = spec(**changes | {"optimizer": {"candidates": candidates} | changes.get("optimizer", {})})
    kind = rng.choice(["max_calls", "max_task_calls"])
    cap = (least_calls(task, sizes(dev, test)) if kind == "max_calls" else least_task_calls(task, sizes(dev))) + spare
    task = capped(task, **{kind: cap})

    models = Counted(rng, task, dev)
    start = models.score(0, 0, dev).score
    steps: list[Step] = []
    while len(steps) < 30 and (affordable := affordable_candidates(task, [start], steps, sizes(dev, test))):
        assert affordable <= candidates
        steps.append(recorded(len(steps) + 1, *models.step(len(steps) + 1, affordable)))
        assert sum(usage.calls for usage in search_usage([start], steps).values()) == PROBES + models.calls
        assert search_usage([start], steps)["task"].calls == models.task_calls
    assert steps
    used = PROBES + models.calls + final_calls(task, test) if kind == "max_calls" else models.task_calls
    assert used <= cap
    if len(steps) < 30:
        batch = task.optimizer.batch if task.optimizer.reflects else 0
        one_more = {
            "max_calls": step_calls(task, dev, 1, step=len(steps) + 1),
            "max_task_calls": dev * example_calls(task)["task"] + batch,
        }
        assert used + one_more[kind] > cap


@pytest.mark.parametrize("kind", ["max_calls", "max_task_calls"])
@given(
    seed=st.integers(0, 10_000),
    dev=st.integers(1, 20),
    test=st.integers(1, 30),
    candidates=st.integers(1, 6),
    spare=st.integers(0, 150),
)
def test_a_run_that_tries_proposals_on_cases_keeps_its_caps_and_leaves_less_than_one_more(
    *, kind: str, seed: int, dev: int, test: int, candidates: int, spare: int
) -> None:
    rng, own = random.Random(seed), sizes(dev, test, train=25)
    method = {"preset": "minibatch", "candidates": candidates, "batch": 3, "accept": rng.choice(["batch", "expected"])}
    cap = _least(kind, spec(optimizer=method), own) + spare
    task = capped(spec(optimizer=method), **{kind: cap})
    models = Counted(rng, task, dev)
    start = models.score(0, 0, dev).score
    steps: list[Step] = []
    while affordable := affordable_candidates(task, [start], steps, own):
        begun = models.begun(len(steps) + 1, affordable)
        wanted = rng.randint(0, affordable)
        taken = affordable_scores(task, [start], [*steps, begun], own, wanted)
        assert taken <= wanted
        assert taken or not wanted, "a step that has begun can score one of its proposals"
        scored = tuple(models.score(begun.number, place, dev) for place in range(taken))
        steps.append(begun.model_copy(update={"scored": scored}))
    counted = search_usage([start], steps)
    assert counted["task"].calls == models.task_calls
    assert sum(usage.calls for usage in counted.values()) == PROBES + models.calls
    assert steps, "the least cap is that of one step"
    # The proof is set aside, where the cap is one on all calls.
    aside = PROBES + final_calls(task, test) if kind == "max_calls" else 0
    used = aside + (models.calls if kind == "max_calls" else models.task_calls)
    one_more = dev + 2 * task.optimizer.batch + (kind == "max_calls")
    assert used <= cap < used + one_more


def _least(kind: str, task: TaskSpec, own: SplitSizes) -> int:
    return least_calls(task, own) if kind == "max_calls" else least_task_calls(task, own)


def test_a_step_with_a_test_needs_its_cases_twice_and_one_score() -> None:
    task = spec(optimizer={"preset": "minibatch", "candidates": 4, "batch": 5})
    # Each proposal's cases are answered with the current prompt and with its own.
    assert least_task_calls(task, sizes(48)) == 48 + 4 * 5 * 2 + 48
    assert least_calls(task, sizes(48, 144)) == 1 + 48 + 4 * (5 * 2 + 1) + 48 + 288
    assert step_calls(task, 48) == 4 * (5 * 2 + 1) + 4 * 48
    shown = spec(optimizer={"preset": "gpo", "information": "cases", "candidates": 4, "batch": 5})
    assert step_calls(shown, 48) == 4 * (5 + 1) + 4 * 48


def test_the_last_step_under_a_cap_is_smaller() -> None:
    task = capped(spec(optimizer={"candidates": 4}), max_calls=1 + 10 + 4 * 11 + 2 * 11 + 20)
    start = Score(values={f"e{n}": 0.0 for n in range(10)}, planned=10, usage={"task": answers(10)})
    step = recorded(1, {"optimizer": answers(4)}, Edited(budget=9, candidates=()), [])
    full = [scored_item(number) for number in range(4)]
    taken = [step.model_copy(update={"scored": tuple(full)})]
    assert affordable_candidates(task, [start], [], sizes(10, 10)) == 4
    assert affordable_candidates(task, [start], taken, sizes(10, 10)) == 2


def scored_item(number: int, usage: UsageByRole | None = None) -> Scored:
    values = {f"e{n}": 0.0 for n in range(10)}
    score = Score(values=values, planned=10, usage={"task": answers(10)} if usage is None else usage)
    return Scored(candidate=Candidate(instruction=f"p{number}", step=1, number=number), score=score)


def test_a_search_stops_when_no_step_is_afforded() -> None:
    task = capped(spec(optimizer={"candidates": 2}), max_calls=1 + 10 + 2 * 11 + 20)
    splits = Splits(train=(), dev=examples(10), test=examples(10), fingerprint="f")
    search = start_search(scored_item(0))
    assert why_stop(search, task, splits) is None
    items = [scored_item(1), scored_item(2)]
    search = select(search, step_of(search, items, budget=9), task, random.Random(0))
    assert why_stop(search, task, splits) == "budget"


def test_without_a_cap_there_is_always_a_next_step() -> None:
    start = Score(values={}, planned=10**6, failed=10**6)
    assert affordable_candidates(spec(), [start], [], sizes(10**6, 10**6)) == spec().optimizer.candidates


def test_the_least_cap_is_a_step_and_the_proof() -> None:
    task: TaskSpec = spec(optimizer={"candidates": 8})
    # One probe, the start on 48, 8 proposals each scored on 48, both prompts on 144.
    assert least_calls(task, sizes(48, 144)) == 1 + 48 + 8 * 49 + 288
    assert least_task_calls(task, sizes(48)) == 48 + 8 * 48


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 8 + 8 * 10),
        ({"optimizer": {"preset": "apo", "batch": 5}}, 8 + 1 + 8 * 10 + 5),
        ({"optimizer": {"preset": "sgdm"}}, 8 + 1 + 8 * 10),
        ({"answer": {"kind": "exact", "extract": "So?"}}, 8 + 8 * 20),
        ({"metric": JUDGE, "answer": {"kind": "free"}}, 8 + 8 * 30),
    ],
)
def test_a_step_counts_all_its_calls(changes: dict[str, Any], expected: int) -> None:
    assert step_calls(spec(**changes), 10) == expected


def test_scores_of_older_versions_count_a_call_for_each_example() -> None:
    start = Score(values={"a": 1.0, "b": 0.0}, planned=3, failed=1)
    assert sum(usage.calls for usage in search_usage([start], []).values()) == PROBES + 3


# Tokens and cost


PRICES = {"task": {"model": "openai:x", "price": {"input": 1, "output": 10}}, "optimizer": "local:smollm2-135m"}
MEASURED = Score(
    values={f"e{n}": 0.0 for n in range(10)},
    planned=10,
    usage={"task": Usage(calls=10, input_tokens=1000, output_tokens=100)},
)


def test_a_step_starts_only_if_its_expected_tokens_and_those_of_the_proof_fit() -> None:
    task = spec(optimizer={"candidates": 4, "examples": 1})
    # Measured: 110 a task call; a meta-prompt with one example counts as two of them.
    start, final, candidate = 1100, 20 * 110, 10 * 110 + 220
    for affordable in range(5):
        cap = start + final + affordable * candidate
        for spare in (0, candidate - 1):
            limited = capped(task, max_tokens=cap + spare)
            assert affordable_candidates(limited, [MEASURED], [], sizes(10, 10)) == affordable


def test_a_cap_on_cost_counts_what_has_a_price() -> None:
    task = spec(optimizer={"candidates": 4, "examples": 0}, models=PRICES)
    # 100 tokens in and 10 out cost 0.0002 a task call; the optimizer model is free.
    one = 0.0002
    assert affordable_candidates(capped(task, max_cost=51 * one), [MEASURED], [], sizes(10, 10)) == 2
    assert affordable_candidates(capped(task, max_cost=29 * one), [MEASURED], [], sizes(10, 10)) == 0


def test_the_dearest_step_so_far_is_what_the_next_is_expected_to_take() -> None:
    task = spec(optimizer={"candidates": 1, "examples": 0})
    long = Usage(calls=10, input_tokens=5000, output_tokens=100)
    taken = [recorded(1, {"optimizer": Usage(calls=1, input_tokens=40)}, Edited(budget=9, candidates=()), [])]
    taken = [taken[0].model_copy(update={"scored": (scored_item(1, {"task": long}),)})]
    used, step, final = 1100 + 5100 + 40, 5100 + 40, 20 * 510
    for spare, affordable in ((0, 1), (-1, 0)):
        limited = capped(task, max_tokens=used + step + final + spare)
        assert affordable_candidates(limited, [MEASURED], taken, sizes(10, 10)) == affordable


def test_the_least_amounts_go_by_the_first_answers() -> None:
    task = spec(optimizer={"candidates": 2, "examples": 0}, models=PRICES)
    least = least_amounts(task, MEASURED, sizes(10, 10))
    assert least["max_tokens"] == 110 * (10 + 20 + 20) + 2 * 110
    assert least["max_cost"] == pytest.approx(0.0002 * 50)
