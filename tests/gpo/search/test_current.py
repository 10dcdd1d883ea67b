"""Where the next step starts: at the best prompt, at the best of the step, at one drawn, or elsewhere."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.records import Scored
from gpo.search.current import Standing, find_best, find_elsewhere, next_current
from gpo.search.state import Search, start_search
from gpo.spec.method import Iterate
from tests.gpo.search.test_select import DEV, after, scored

START = scored("start of all", 5, step=0)


def standing(of_step: list[Scored], current: Scored = START, best: Scored | None = None) -> Standing:
    """After a step; with another `best` the search had gone on from elsewhere before it."""
    own = best or find_best(current, of_step)
    return Standing(current=current, best=own, of_step=of_step, before=[START], was_best=best is None)


def rng(seed: int = 0) -> random.Random:
    return random.Random(seed)


def test_best_stays_until_a_better_one_is_found() -> None:
    worse, better = scored("worse", 4), scored("better", 7)
    assert next_current("best", standing([worse]), rng()) == START
    assert next_current("best", standing([worse, better]), rng()) == better


def test_after_a_restart_best_is_the_best_since_then_until_it_is_the_best_of_all() -> None:
    best, elsewhere = scored("the best of all", 9), scored("elsewhere", 5)
    climb = scored("a little better", 6, step=2)
    assert next_current("best", standing([scored("worse", 3)], elsewhere, best), rng()) == elsewhere
    assert next_current("best", standing([climb], elsewhere, best), rng()) == climb
    record = scored("a new record", 10, step=2)
    assert next_current("best", standing([climb, record], elsewhere, record), rng()) == record


@pytest.mark.parametrize("choice", ["best", "expected"])
def test_a_search_that_stands_at_its_best_moves_with_it_also_to_an_earlier_prompt(choice: Iterate) -> None:
    """Scores of the last step can say that an earlier prompt is better than the one that it stood at."""
    lucky, fell = scored("lucky", 8), Standing(scored("lucky", 8), START, [scored("worse", 3)], [START])
    assert next_current(choice, fell, rng()) == START
    assert next_current(choice, fell._replace(was_best=False), rng()) == lucky


def test_step_moves_to_the_best_of_the_step_even_where_it_is_worse() -> None:
    few = scored("cut short", 3, n=3)
    moved = next_current("step", standing([scored("worse", 2), scored("less bad", 4), few]), rng())
    assert moved.candidate.instruction == "less bad"
    assert next_current("step", standing([]), rng()) == START
    assert next_current("step", standing([few]), rng()) == START


def test_sampled_draws_the_better_more_often_and_never_one_that_was_cut_short() -> None:
    good, bad, few = scored("good", 8), scored("bad", 5), scored("cut short", 3, n=3)
    where = standing([good, bad, few])
    counts = Counter(next_current("sampled", where, rng(seed)).candidate.instruction for seed in range(300))
    assert counts["good"] > 10 * (counts["bad"] + counts["start of all"])
    assert "cut short" not in counts
    close = standing([scored("good", 6), scored("bad", 5)])
    counts = Counter(next_current("sampled", close, rng(seed)).candidate.instruction for seed in range(300))
    assert min(counts.values()) > 10
    assert len(counts) == 3


LONG = "Read the whole review and weigh the praise against the blame."
NEAR = "Read the whole review and weigh the praise against the complaints."
FAR = "Decide as a careful buyer would, and answer with one word."


def test_elsewhere_is_a_good_prompt_far_from_the_current_one() -> None:
    current, near, far = scored(LONG, 7), scored(NEAR, 7, number=2), scored(FAR, 6, number=3)
    short = scored("Guess.", 3, n=3, number=4)
    for seed in range(20):
        assert find_elsewhere(current, [current, near, far, short], rng(seed)) == far
        assert find_elsewhere(current, [current, near], rng(seed)) == near
        assert find_elsewhere(current, [current, short], rng(seed)) == current
    other = scored("Is the customer happy or not?", 1, number=5)
    counts = Counter(
        find_elsewhere(current, [current, far, other], rng(seed)).candidate.instruction for seed in range(100)
    )
    assert counts[FAR] > 95


def test_a_stale_search_goes_on_from_elsewhere_and_keeps_its_best() -> None:
    best = scored(LONG, 7)
    far = scored(FAR, 6, number=2)
    options = {"restart": True, "patience": 2}
    search = after(start_search(START), best, far, **options)
    assert (search.current, search.stale, search.restarts) == (best, 0, 0)
    search = after(search, scored("worse", 2, step=2), **options)
    assert (search.current, search.stale) == (best, 1)
    search = after(search, **options)
    assert (search.best, search.stale, search.restarts) == (best, 0, 1)
    assert search.current != best
    search = after(search, scored("a little better", 7, step=4), **options)
    assert search.best == best
    assert search.stale == 1


def test_without_restarts_it_stays() -> None:
    search = start_search(START)
    for _ in range(5):
        search = after(search, restart=False, patience=2)
    assert (search.current, search.restarts, search.stale) == (START, 0, 5)


marks = st.integers(0, DEV)


@given(
    st.lists(st.lists(marks, max_size=3), max_size=8),
    st.sampled_from(["best", "step", "sampled", "expected"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_the_current_prompt_is_one_that_was_scored_and_equal_seeds_take_the_same_way(
    rounds: list[list[int]], current: str, restart: bool, seed: int
) -> None:
    def walk() -> Search:
        search = start_search(START)
        for step, rights in enumerate(rounds, start=1):
            items = [scored(f"prompt {step} {n}", right, step=step, number=n) for n, right in enumerate(rights)]
            search = after(search, *items, seed=seed + step, current=current, restart=restart, patience=2)
            assert search.current in search.scored
            assert search.best.score.mean == max(item.score.mean for item in search.scored)
            if current in ("best", "expected") and not search.restarts:
                assert search.current == search.best
        return search

    assert walk() == walk()


def test_cases_of_a_prompt_are_those_of_the_steps_that_started_from_it() -> None:
    search = after(start_search(START), scored("better", 7))
    first = search.steps[0].model_copy(update={"cases": {"t1": 1.0}})
    second = first.model_copy(update={"number": 2, "current": "better", "cases": {"t2": 0.0}})
    third = first.model_copy(update={"number": 3, "cases": {"t3": 0.0}})
    search = search.model_copy(update={"steps": (first, second, third)})
    assert search.cases_of(START.candidate) == {"t1": 1.0, "t3": 0.0}
    assert search.cases_of(search.best.candidate) == {"t2": 0.0}
    assert search.cases_of(scored("another", 1).candidate) == {}
