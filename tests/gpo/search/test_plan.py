"""How a search is fitted to the calls that it may make."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.search.plan import (
    LEAST_CANDIDATES,
    LEAST_STEPS,
    UNBOUNDED_STEPS,
    describe_aims,
    fit_to_calls,
    search_calls,
)
from gpo.search.run_limits import SplitSizes
from gpo.spec.method import PRESETS, OptimizerSpec
from gpo.spec.task import TaskSpec
from tests.support.outcomes import spec

SIZES = SplitSizes(train=30, dev=48, test=100)
JUDGE = {"metric": {"name": "judge", "rubric": "Is it polite?"}, "answer": {"kind": "free"}}


def task(
    cap: int | None = 600, kind: str = "max_task_calls", *, changes: dict[str, Any] | None = None, **optimizer: Any
) -> TaskSpec:
    budget = {} if cap is None else {kind: cap}
    return spec(optimizer={"preset": "gpo"} | optimizer, budget=budget, **changes or {})


def fitted(given: TaskSpec) -> OptimizerSpec:
    return fit_to_calls(given, SIZES).spec.optimizer


def test_without_a_cap_on_calls_nothing_is_planned() -> None:
    for plain in (task(None), task(90_000, "max_tokens")):
        found = fit_to_calls(plain, SIZES)
        assert (found.spec, found.told) == (plain, "")


def test_what_a_search_aims_at_besides_is_told_before_the_first_call() -> None:
    assert describe_aims(task().optimizer, 3) == ()
    both = task(demonstrations="searched", objectives={"score": None, "words": "at most 80"})
    assert describe_aims(both.optimizer, 6) == (
        "The examples before each question are searched for too: at first 6 examples, at most 6.",
        "Objectives: score, words (at most 80); the best by score goes to the gate.",
    )


def test_with_a_number_of_steps_the_spec_says_it_all() -> None:
    for preset in PRESETS:
        whole = task(preset=preset, max_steps=5)
        assert fit_to_calls(whole, SIZES).spec == whole
        assert fit_to_calls(whole, SIZES).told == ""


def test_a_small_cap_has_smaller_steps_so_that_there_are_six() -> None:
    # 552 calls after the start: two steps of the published 8, or six of 2, the last of which is smaller.
    options = fitted(task(600))
    assert (options.max_steps, options.candidates, options.patience) == (6, 2, 6)
    told = fit_to_calls(task(600), SIZES).told
    assert told == (
        "Planned: 6 steps of 2 proposals with 600 task-model calls; to choose yourself, set `optimizer.max_steps` "
        "or `candidates`."
    )


def test_a_large_cap_has_more_steps_of_the_published_size() -> None:
    options = fitted(task(48 + 30 * 8 * 48))
    assert (options.max_steps, options.candidates) == (30, 8)
    # The word budget falls over the steps that there are.
    assert (options.budget_at(1), options.budget_at(30)) == (50, 10)


def test_proposals_and_patience_that_the_spec_gives_stay() -> None:
    options = fitted(task(600, candidates=4, patience=3))
    assert (options.max_steps, options.candidates, options.patience) == (3, 4, 3)
    assert fitted(task(600, restart=True)).patience == 6


def test_where_proposals_are_tried_first_the_calls_alone_decide() -> None:
    options = fitted(task(600, preset="minibatch"))
    assert (options.max_steps, options.candidates, options.patience) == (UNBOUNDED_STEPS, 4, 6)
    assert (
        "steps of 4 proposals until 600 task-model calls are spent"
        in fit_to_calls(task(preset="minibatch"), SIZES).told
    )


def test_of_a_cap_on_all_calls_the_proof_is_set_aside() -> None:
    assert search_calls(task(900, "max_calls"), SIZES) == 900 - 2 * 100
    assert search_calls(task(100, "max_calls"), SIZES) == 0
    both = spec(optimizer="gpo", budget={"max_calls": 900, "max_task_calls": 650})
    assert search_calls(both, SIZES) == 650
    # Of what is left, each answer of the task model has one grade of the judge.
    assert search_calls(task(900, "max_calls", changes=JUDGE), SIZES) == (900 - 2 * 100 * 3) // 2


def test_a_plan_is_made_once() -> None:
    """What is written down for a cell of a comparison is run as it stands there."""
    for preset in PRESETS:
        once = fit_to_calls(task(preset=preset), SIZES).spec
        assert fit_to_calls(once, SIZES).spec == once
        assert fit_to_calls(TaskSpec.model_validate(once.model_dump()), SIZES).spec.optimizer == once.optimizer


@pytest.mark.parametrize("kind", ["max_calls", "max_task_calls"])
@given(
    cap=st.integers(1, 5000),
    preset=st.sampled_from(sorted(PRESETS)),
    given_sizes=st.fixed_dictionaries({}, optional={"candidates": st.integers(1, 9), "patience": st.integers(1, 9)}),
    dev=st.integers(1, 60),
)
def test_whatever_the_cap_the_plan_keeps_what_is_given_and_has_steps_that_can_begin(
    *, kind: str, cap: int, preset: str, given_sizes: dict[str, int], dev: int
) -> None:
    sizes = SIZES.model_copy(update={"dev": dev})
    given_spec = task(cap, kind, preset=preset, **given_sizes)
    options, usual = fit_to_calls(given_spec, sizes).spec.optimizer, given_spec.optimizer
    assert {name: getattr(options, name) for name in given_sizes} == given_sizes
    planned = {"max_steps", "candidates", "patience"}
    assert options.model_dump(exclude=planned) == usual.model_dump(exclude=planned)
    if usual.tries_cases:
        assert (options.max_steps, options.candidates) == (UNBOUNDED_STEPS, usual.candidates)
        return
    calls = search_calls(given_spec, sizes)
    assert calls is not None
    a_step = options.candidates * dev + (options.batch if options.reflects else 0)
    assert options.max_steps == 1 or dev + (options.max_steps - 1) * a_step < calls
    assert dev + options.max_steps * a_step >= calls
    if "candidates" not in given_sizes:
        assert LEAST_CANDIDATES <= options.candidates <= usual.candidates
        assert options.max_steps >= LEAST_STEPS or options.candidates == LEAST_CANDIDATES
