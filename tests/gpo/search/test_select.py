"""Which prompt is next, which is the best, and when the search ends."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.records import Candidate, Example, Labels, Score, Scored, Splits, Usage, content_hash
from gpo.search.inform import Informed
from gpo.search.memory.neighbours import Neighbour
from gpo.search.plan import UNBOUNDED_STEPS
from gpo.search.retrieve import Recalled
from gpo.search.screen import Screened
from gpo.search.select import accept, complete_step, describe_step, name_step, select, why_stop
from gpo.search.state import Search, start_search
from gpo.search.step import Edited, Proposals, Rejection, Step, Trial
from gpo.spec.task import TaskSpec
from tests.support.outcomes import proposals_of, spec, step_of

DEV = 10


def scored(text: str, right: int, n: int = DEV, step: int = 1, number: int = 1) -> Scored:
    values = {f"e{index}": float(index < right) for index in range(n)}
    return Scored(
        candidate=Candidate(instruction=text, step=step, number=number), score=Score(values=values, planned=DEV)
    )


def after(search: Search, *items: Scored, budget: int | None = 9, seed: int = 0, **optimizer: Any) -> Search:
    options = task(**({"preset": "gpo"} | optimizer))
    return select(search, step_of(search, items, budget), options, random.Random(seed))


def splits(dev: int = DEV, test: int = 20) -> Splits:
    def examples(count: int) -> tuple[Example, ...]:
        return tuple(Example(id=f"e{n}", inputs={}, reference="") for n in range(count))

    return Splits(train=(), dev=examples(dev), test=examples(test), fingerprint="f")


def task(**optimizer: Any) -> TaskSpec:
    return spec(optimizer=optimizer)


def test_a_better_candidate_becomes_current_and_best() -> None:
    search = after(start_search(scored("start", 5, step=0)), scored("worse", 4), scored("better", 7), scored("good", 6))
    assert search.best.candidate.instruction == "better"
    assert search.stale == 0


@pytest.mark.parametrize("preset", ["gpo", "minibatch"])
def test_of_prompts_nearly_as_good_the_shorter_wins_where_words_cost(preset: str) -> None:
    start = scored("start", 3, step=0)
    long, short = scored("word " * 100, 8, number=1), scored("a few words", 7, number=2)
    for penalty, best in ((0.0, long), (0.02, long), (0.3, short)):
        found = after(start_search(start), long, short, preset=preset, length_penalty=penalty)
        assert found.best == best
    assert start_search(long, [short]).best == long
    assert start_search(long, [short], 0.3).best == short


def test_a_step_without_a_better_one_keeps_the_current_with_its_own_score() -> None:
    start = scored("start", 5, step=0)
    search = after(start_search(start), scored("worse", 4))
    assert (search.best, search.stale) == (start, 1)
    assert after(search).stale == 2


def test_a_tie_keeps_the_earlier_one() -> None:
    start = scored("start", 5, step=0)
    assert after(start_search(start), scored("equal", 5)).best == start
    search = after(start_search(start), scored("first", 7, number=1), scored("second", 7, number=2))
    assert search.best.candidate.instruction == "first"


def test_a_score_of_a_part_never_wins() -> None:
    start = scored("start", 5, step=0)
    search = after(start_search(start), scored("lucky", 3, n=3))
    assert search.best == start


def test_failed_calls_decide_nothing() -> None:
    start = scored("start", 5, step=0)
    right = [key for key, value in start.score.values.items() if value == 1.0]
    lucky = Score(values=dict.fromkeys(right, 1.0), planned=DEV, failed=DEV - len(right))
    assert lucky.complete
    assert lucky.mean == 1.0
    assert after(start_search(start), Scored(candidate=Candidate(instruction="x"), score=lucky)).best == start


@given(
    st.integers(0, DEV),
    st.lists(st.lists(st.tuples(st.integers(0, DEV), st.integers(1, DEV)), max_size=4), max_size=6),
)
def test_the_best_is_the_first_of_the_highest_whole_scores(start: int, steps: list[list[tuple[int, int]]]) -> None:
    search = start_search(scored("start", start, step=0))
    whole = [search.start]
    for step, results in enumerate(steps, start=1):
        items = [scored(f"{step}/{n}", right, tried, step, n) for n, (right, tried) in enumerate(results)]
        search = after(search, *items)
        whole += [item for item in items if item.score.complete]
        assert search.best == max(whole, key=lambda item: item.score.mean)
    assert len(search.steps) == len(steps)
    assert len(search.known) == 1 + sum(map(len, steps))


def test_a_step_is_recorded_as_it_was() -> None:
    start = scored("start", 5, step=0)
    neighbour = Neighbour(instruction="near", percent=50.0, similarity=0.9, step=0, number=0)
    rejection = Rejection(reason="empty", text="")
    edited = Edited(budget=14, candidates=(), rejected=(rejection,))
    spent = {"optimizer": Usage(calls=9)}
    search = start_search(start)
    informed = Informed(current=start, reflection="vague")
    recalled = Recalled(neighbours=(neighbour,), summary="be brief", usage=spent)
    taken = describe_step(search, informed, recalled, Proposals(proposals=()), edited=edited)
    after_it = select(search, taken, task(preset="gpo"), random.Random(0))
    (step,) = after_it.steps
    assert (step.reflection, step.summary, step.usage, after_it.summary) == ("vague", "be brief", spent, "be brief")
    assert (step.number, step.budget, step.current, step.neighbours) == (1, 14, "start", ("near",))
    assert (step.scored, step.rejected) == ((), (rejection,))
    assert after(start_search(start), budget=None).steps[0].budget is None


def trial(text: str, right: int, number: int) -> Trial:
    candidate = Candidate(instruction=text, step=1, number=number, place=number - 1)
    values = {f"t{index}": float(index < right) for index in range(4)}
    return Trial(candidate=candidate, before=0.5, values=values, passed=right > 2)


def begun_and_screened() -> tuple[Search, Step, Screened]:
    """A step in which two of three candidates beat the current prompt on their cases, the second by more."""
    search = start_search(scored("start", 5, step=0))
    trials = (trial("good", 3, 1), trial("worse", 1, 2), trial("best", 4, 3))
    edited = Edited(budget=None, candidates=tuple(each.candidate for each in trials))
    informed = Informed(current=search.current, cases={"t1": 0.0, "t2": 1.0}, failed=1)
    begun = describe_step(search, informed, Recalled(), proposals_of(), edited=edited)
    passed = (trials[2].candidate, trials[0].candidate)
    return search, begun, Screened(passed=passed, trials=trials, failed=2, usage={"task": Usage(calls=12)})


@pytest.mark.parametrize(("left", "taken"), [(20, ["good", "best"]), (19, ["best"]), (10, ["best"]), (9, [])])
def test_what_passed_best_is_scored_where_not_all_can_be_paid_for(left: int, taken: list[str]) -> None:
    search, begun, screened = begun_and_screened()
    # 10 for the start, 12 for the trials and 3 that failed.
    limited = spec(optimizer={"preset": "minibatch"}, budget={"max_task_calls": 10 + 12 + 3 + left})
    accepted = accept(search, begun, screened, limited, splits())
    assert [each.instruction for each in accepted] == taken


def test_the_record_of_a_step_says_how_each_candidate_was_tried() -> None:
    search, begun, screened = begun_and_screened()
    best = scored("best", 8, number=3)
    whole = complete_step(begun, screened, [best])
    assert (whole.scored, whole.trials) == ((best,), screened.trials)
    assert [(each.reason, each.text) for each in whole.rejected] == [("unaffordable", "good"), ("no_gain", "worse")]
    assert (whole.cases, whole.failed, whole.usage) == ({"t1": 0.0, "t2": 1.0}, 3, {"task": Usage(calls=12)})
    ended = select(search, whole, task(), random.Random(0))
    # None of them is asked for again.
    assert ended.known == {content_hash(text) for text in ("start", "good", "worse", "best")}
    assert ended.current == ended.best == best


# The best prompt by what is expected of it


def took(search: Search, *items: Scored, cases: Sequence[float] = (), first: int = 0, **optimizer: Any) -> Search:
    """The search after a step of the default method, in which the current prompt had these scores on new cases."""
    known = {f"t{first + place:02d}": value for place, value in enumerate(cases)}
    step = step_of(search, items).model_copy(update={"cases": known})
    return select(search, step, task(**optimizer), random.Random(0))


def child(text: str, right: int, parent: Scored, step: int = 1, number: int = 1) -> Scored:
    item = scored(text, right, step=step, number=number)
    return item.model_copy(update={"candidate": item.candidate.model_copy(update={"parent": parent.candidate.id})})


def of(search: Search) -> tuple[str, str]:
    return search.best.candidate.instruction, search.current.candidate.instruction


GOOD, BAD = [1.0] * 15 + [0.0] * 5, [1.0] * 3 + [0.0] * 17


def test_a_lucky_prompt_loses_its_place_once_its_training_cases_say_so() -> None:
    start = scored("start", 7, step=0)
    search = took(start_search(start), child("lucky", 9, start), cases=GOOD)
    assert of(search) == ("lucky", "lucky")
    lucky = search.best
    search = took(search, cases=BAD)
    assert of(search) == ("start", "start")
    assert search.expected(lucky.candidate).mean < search.expected(start.candidate).mean
    # By dev score alone it would have stayed for good.
    kept = took(took(start_search(start), lucky, cases=GOOD, current="best"), cases=BAD, current="best")
    assert of(kept) == ("lucky", "lucky")


def test_a_prompt_whose_training_cases_go_well_stays_before_one_that_was_lucky_once() -> None:
    start = scored("start", 5, step=0)
    search = took(start_search(start), child("good", 8, start))
    for first in (0, 20, 40):
        search = took(search, cases=[1.0] * 20, first=first)
    assert of(search) == ("good", "good")
    low = child("low", 6, search.best, step=5)
    assert of(took(search, low)) == ("good", "good")


def test_of_prompts_that_are_expected_to_be_as_good_the_first_stays() -> None:
    start = scored("start", 5, step=0)
    assert of(took(start_search(start))) == ("start", "start")
    twins = [child(text, 8, start, number=number) for number, text in enumerate(["first", "second"])]
    assert of(took(start_search(start), *twins)) == ("first", "first")


def test_a_prompt_that_was_not_tried_on_all_of_dev_is_not_the_best_however_much_is_expected() -> None:
    start = scored("start", 5, step=0)
    cut = scored("cut short", 9, n=9)
    assert of(took(start_search(start), cut)) == ("start", "start")


def test_after_a_restart_the_search_climbs_from_where_it_went_on() -> None:
    start = scored("start", 8, step=0)
    low = child("low", 3, start)
    search = took(start_search(start), low)
    search = search.model_copy(update={"current": low, "restarts": 1})
    climb = child("climb", 5, low, step=2)
    assert of(took(search, climb)) == ("start", "climb")
    assert of(took(search, child("worse", 2, low, step=2))) == ("start", "low")
    record = child("record", 10, low, step=2)
    assert of(took(search, climb, record, cases=[1.0] * 20)) == ("record", "record")


def test_a_measure_of_the_set_goes_by_dev() -> None:
    """Its examples have no scores of their own that could be read one by one."""

    def measured(text: str, right: int, parent: str | None = None) -> Scored:
        pairs = {f"e{index}": ("ab"[index % 2], "ab"[(index + (index >= right)) % 2]) for index in range(DEV)}
        score = scored(text, right).score.model_copy(update={"labels": Labels(metric="macro_f1", pairs=pairs)})
        return Scored(candidate=Candidate(instruction=text, parent=parent), score=score)

    start = measured("start", 6)
    lucky = measured("lucky", 8, start.candidate.id)
    assert of(took(took(start_search(start), lucky, cases=GOOD), cases=BAD)) == ("lucky", "lucky")


def test_what_was_scored_since_the_last_summary_includes_the_start_once() -> None:
    start, first, second = scored("start", 5, step=0), scored("first", 4), scored("second", 3, step=2)
    search = start_search(start)
    assert (search.summary, search.unsummarised) == ("", ())
    search = after(search, first)
    assert search.unsummarised == (start, first)
    search = after(search, second)
    assert search.unsummarised == (second,)
    assert after(search).unsummarised == ()


def test_it_ends_after_the_last_step() -> None:
    search = start_search(scored("start", 5, step=0))
    for taken in range(3):
        assert why_stop(search, task(max_steps=3), splits()) is None
        search = after(search, scored(f"better {taken}", 6 + taken, step=taken + 1))
    assert why_stop(search, task(max_steps=3), splits()) == "max_steps"


def test_it_ends_when_patience_does_and_a_better_best_renews_it() -> None:
    search = after(after(start_search(scored("start", 5, step=0))), scored("better", 6))
    assert search.stale == 0
    search = after(search)
    assert why_stop(search, task(patience=2), splits()) is None
    assert why_stop(after(search), task(patience=2), splits()) == "plateau"


def test_a_search_restarts_as_long_as_its_limits_let_it_and_once_without_any() -> None:
    options = {"preset": "gpo", "restart": True, "patience": 2}
    search = after(after(start_search(scored("start", 5, step=0)), **options), **options)
    assert (search.restarts, search.stale) == (1, 0)
    assert why_stop(search, task(**options), splits()) == "plateau"
    limited = spec(optimizer=options, budget={"max_task_calls": 500})
    assert why_stop(search, limited, splits()) is None


def test_a_search_in_which_nothing_can_be_tried_ends_although_no_call_of_the_task_model_is_spent() -> None:
    capped = spec(optimizer={"preset": "minibatch", "max_steps": 1000, "patience": 2}, budget={"max_task_calls": 900})
    search = start_search(scored("start", 5, step=0))
    for _ in range(3):
        search = select(search, step_of(search, []), capped, random.Random(0))
        assert why_stop(search, capped, splits()) is None
    search = select(search, step_of(search, []), capped, random.Random(0))
    assert why_stop(search, capped, splits()) == "plateau"


def test_what_passed_without_a_trial_and_was_not_affordable_is_recorded() -> None:
    begun = step_of(start_search(scored("start", 5, step=0)), [])
    two = [scored(text, 5).candidate for text in ("one", "two")]
    step = complete_step(begun, Screened(passed=tuple(two)), [scored("one", 5)])
    assert [(each.reason, each.text) for each in step.rejected] == [("unaffordable", "two")]


def test_a_step_is_named_by_its_number_and_how_many_there_are_at_most() -> None:
    assert name_step(3, task(max_steps=18)) == "step 3/18"
    assert name_step(3, task(max_steps=UNBOUNDED_STEPS)) == "step 3"


def test_nothing_is_better_than_everything_right() -> None:
    assert why_stop(start_search(scored("start", DEV, step=0)), task(), splits()) == "plateau"


@pytest.mark.parametrize(("cap", "stopped"), [(1 + 10 + 11 + 40, None), (1 + 10 + 11 + 40 - 1, "budget")])
def test_it_ends_when_a_step_and_the_proof_are_not_to_be_had(cap: int, stopped: str | None) -> None:
    capped = spec(optimizer={"preset": "gpo", "candidates": 2}, budget={"max_calls": cap})
    assert why_stop(start_search(scored("start", 5, step=0)), capped, splits()) == stopped


def test_a_search_survives_json() -> None:
    rng = random.Random(0)
    search = start_search(scored("start", 5, step=0))
    for step in range(3):
        search = after(search, *(scored(f"{step}{n}", rng.randrange(DEV), step=step, number=n) for n in range(3)))
    assert Search.model_validate_json(search.model_dump_json()) == search
