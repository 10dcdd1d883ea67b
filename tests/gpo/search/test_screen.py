"""Which candidates are worth a score on dev: those that beat the current prompt on their own cases."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.errors import TooManyFailures
from gpo.records import Candidate, Example, Sample
from gpo.search.cases import Batch, TrainingCase
from gpo.search.inform import Informed
from gpo.search.screen import Screened, rejections, screen
from gpo.search.step import Trial
from gpo.template import Message
from tests.gpo.search.test_inform import CURRENT, Pair
from tests.gpo.search.test_refine import task
from tests.support.fakes import StatusError, in_time, scripted


def batch(name: str, values: Sequence[float]) -> Batch:
    """Cases that the current prompt got these scores on; the right answer is always `positive`."""
    found = []
    for number, value in enumerate(values):
        example = Example(id=f"{name}{number}", inputs={"review": f"{name} {number}"}, reference="positive")
        found.append(TrainingCase(example=example, sample=Sample(example=example.id, text="", answer="", value=value)))
    return tuple(found)


def right_on(rights: Mapping[str, int]) -> Callable[[Sequence[Message]], str]:
    """A task model that is right with an instruction on so many of its cases, the first ones."""

    def answer(messages: Sequence[Message]) -> str:
        review, instruction = messages[-1].text.split("\n")
        return "positive" if int(review.split()[1]) < rights[instruction] else "negative"

    return answer


def screened(rights: Mapping[str, int], batches: Sequence[Batch], pair: Pair | None = None, **method: Any) -> Screened:
    """Screen one candidate an instruction, each on the batch of its place."""
    spec = task(optimizer={"preset": "minibatch"} | method)
    candidates = [
        Candidate(instruction=text, step=1, number=place + 1, place=place, way="scores")
        for place, text in enumerate(rights)
    ]
    informed = Informed(current=CURRENT, batches=tuple(batches))
    models = (pair or Pair(scripted(right_on(rights)))).models
    return in_time(screen(models, spec, informed, candidates))


def names(found: Sequence[Candidate]) -> list[str]:
    return [each.instruction for each in found]


def test_better_on_its_cases_passes_and_as_good_does_not() -> None:
    half = [1.0, 1.0, 0.0, 0.0]
    found = screened({"Better.": 3, "Equal.": 2, "Worse.": 1}, [batch("a", half), batch("b", half), batch("c", half)])
    assert names(found.passed) == ["Better."]
    assert [(each.before, each.after, each.n) for each in found.trials] == [
        (0.5, 0.75, 4),
        (0.5, 0.5, 4),
        (0.5, 0.25, 4),
    ]
    assert found.usage["task"].calls == 12
    turned_away = rejections(found.trials, found.passed)
    assert [(each.reason, each.text, each.way) for each in turned_away] == [
        ("no_gain", "Equal.", "scores"),
        ("no_gain", "Worse.", "scores"),
    ]


def test_the_best_gain_comes_first_and_the_first_of_equals() -> None:
    none = [0.0, 0.0, 0.0, 0.0]
    rights = {"One.": 1, "Three.": 3, "Also three.": 3, "Four.": 4}
    found = screened(rights, [batch(letter, none) for letter in "abcd"])
    assert names(found.passed) == ["Four.", "Three.", "Also three.", "One."]
    assert names(found.within(2)) == ["Three.", "Four."]
    assert names(found.within(0)) == []
    assert names(found.within(9)) == list(rights)
    turned_away = rejections(found.trials, found.within(2))
    assert [(each.reason, each.text) for each in turned_away] == [
        ("unaffordable", "One."),
        ("unaffordable", "Also three."),
    ]


def test_each_candidate_is_tried_on_the_cases_of_its_place() -> None:
    """A gain is measured against what the current prompt had on the same cases, not on those of another."""
    easy, hard = [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]
    found = screened({"On easy ones.": 3, "On hard ones.": 1}, [batch("a", easy), batch("b", hard)])
    assert names(found.passed) == ["On hard ones."]


def test_a_call_that_failed_decides_nothing() -> None:
    """Only the cases that have an answer from both are compared."""
    pair = Pair(scripted(right_on({"Say it.": 4}), errors={0: StatusError(400)}))
    (trial,) = screened({"Say it.": 4}, [batch("a", [0.0, 1.0, 1.0, 1.0])], pair).trials
    # The only case that could be won is the one whose call failed.
    assert (trial.before, trial.after, trial.n, trial.is_passed) == (1.0, 1.0, 3, False)
    pair = Pair(scripted(right_on({"Say it.": 3}), errors={3: StatusError(400)}))
    found = screened({"Say it.": 3}, [batch("a", [0.0, 1.0, 1.0, 0.0])], pair)
    assert [(each.n, each.is_passed) for each in found.trials] == [(3, True)]
    assert found.failed == 1
    assert found.usage["task"].calls == 3


def test_too_many_failed_calls_end_it() -> None:
    pair = Pair(scripted(right_on({"Say it.": 4}), errors={number: StatusError(400) for number in range(4)}))
    with pytest.raises(TooManyFailures):
        screened({"Say it.": 4}, [batch("a", [0.0] * 4)], pair)


def test_a_candidate_without_cases_has_not_gained() -> None:
    found = screened({"Say it.": 4}, [()])
    assert found.passed == ()
    assert [each.reason for each in rejections(found.trials, [])] == ["no_gain"]


@pytest.mark.parametrize("accept", ["none", "race"])
def test_without_a_test_all_pass_and_nothing_is_asked(accept: str) -> None:
    pair = Pair(scripted(lambda _: None))
    found = screened({"One.": 0, "Two.": 0}, [batch("a", [1.0])], pair, accept=accept)
    assert names(found.passed) == ["One.", "Two."]
    assert (found.trials, found.usage) == ((), {})


def test_what_was_paid_for_is_not_paid_again() -> None:
    pair = Pair(scripted(right_on({"Say it.": 2})))
    first = screened({"Say it.": 2}, [batch("a", [0.0, 0.0])], pair)
    assert screened({"Say it.": 2}, [batch("a", [0.0, 0.0])], pair) == first
    assert len(pair.task.calls) == 2


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8), st.integers(0, 9))
def test_what_is_taken_is_never_behind_what_is_left(gains: list[tuple[float, float]], affordable: int) -> None:
    trials = [
        Trial(candidate=Candidate(instruction=str(number), number=number), before=before, after=after, n=4)
        for number, (before, after) in enumerate(gains)
    ]
    ranked = sorted((each for each in trials if each.is_passed), key=lambda each: each.before - each.after)
    found = Screened(passed=tuple(each.candidate for each in ranked), trials=tuple(trials))
    taken = found.within(affordable)
    assert len(taken) == min(affordable, len(ranked))
    assert [each.number for each in taken] == sorted(each.number for each in taken)
    reasons = {each.text: each.reason for each in rejections(trials, taken)}
    assert reasons.keys() == {each.candidate.instruction for each in trials} - set(names(taken))
    assert all((reasons.get(each.candidate.instruction) == "no_gain") == (not each.is_passed) for each in trials)
