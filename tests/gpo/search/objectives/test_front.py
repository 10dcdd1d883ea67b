"""Several objectives: the front, the prompt that goes to the gate, and what a search does with them."""

import random
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gpo.comparison.arms import preset_arms
from gpo.comparison.cells import TaskPlan, cell_spec
from gpo.errors import InputError
from gpo.records import Candidate, Score, Scored, Timing, Usage
from gpo.search.edit import ProposalFilter
from gpo.search.objectives.front import Standpoint, best_of_front, draw_parent, find_front
from gpo.search.screen import Tried, screen
from gpo.search.select import select, with_front
from gpo.search.state import Search, start_search
from gpo.search.step import Proposal, Proposals, Trial
from gpo.spec.task import TaskSpec
from tests.support.outcomes import spec, step_of

PRICED = {"task": {"model": "openai:m", "price": {"input": 1.0, "output": 1.0}}}


def task(objectives: object = ("score", "words"), **optimizer: Any) -> TaskSpec:
    wanted = list(objectives) if isinstance(objectives, tuple) else objectives
    return spec(optimizer={"objectives": wanted} | optimizer, models=PRICED)


def scored(words: int, right: int, *, number: int = 1, seconds: float | None = None, tokens: int = 0) -> Scored:
    values = {f"e{index}": float(index < right) for index in range(10)}
    timing = Timing() if seconds is None else Timing(calls=10, seconds=10 * seconds)
    usage = {"task": Usage(calls=10, input_tokens=tokens)} if tokens else {}
    text = " ".join(f"w{number}x{place}" for place in range(words))
    score = Score(values=values, planned=10, timing=timing, usage=usage)
    return Scored(candidate=Candidate(instruction=text, step=1, number=number), score=score)


POINTS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=12)


@given(POINTS)
def test_the_front_is_what_no_other_beats(points: list[tuple[int, int, int]]) -> None:
    found = [
        scored(words, right, number=number, seconds=seconds or None)
        for number, (words, right, seconds) in enumerate(points, start=1)
    ]
    front = find_front(task(("score", "words", "latency")), found, {})

    def losses(each: Scored) -> tuple[float, ...]:
        seconds = each.score.timing.mean
        words = len(each.candidate.instruction.split())
        return -each.score.mean, words, float("inf") if seconds is None else seconds

    on_front = {each.candidate.id for each in front}
    kept = {losses(each) for each in found if each.candidate.id in on_front}
    for each in found:
        is_beaten = any(
            other != losses(each) and all(map(float.__le__, map(float, other), map(float, losses(each))))
            for other in map(losses, found)
        )
        assert (losses(each) in kept) != is_beaten
    assert [each.values["score"] for each in front] == sorted((each.values["score"] for each in front), reverse=True)


LONG, MIDDLE, SHORT = scored(40, 8, number=1), scored(20, 7, number=2), scored(5, 4, number=3)
FRONT = [LONG, MIDDLE, SHORT]


@pytest.mark.parametrize(
    ("objectives", "chosen"),
    [
        (("score", "words"), LONG),
        ({"score": None, "words": "at most 30"}, MIDDLE),
        ({"score": None, "words": 0.001}, LONG),
        ({"score": None, "words": 0.01}, MIDDLE),
        ({"score": None, "words": 0.1}, SHORT),
        ({"score": None, "words": "at most 4"}, None),
    ],
)
def test_the_best_by_score_goes_to_the_gate_unless_weights_or_bounds_say_otherwise(
    objectives: object, chosen: Scored | None
) -> None:
    options = task(objectives)
    best = best_of_front(options, find_front(options, FRONT, {}))
    assert (best and best.candidate) == (chosen and chosen.candidate)


def test_a_cost_is_that_of_the_dev_pass_and_expectations_count_where_they_are_given() -> None:
    options = task(("score", "cost"))
    dear, cheap = scored(5, 6, number=1, tokens=2000), scored(5, 6, number=2, tokens=1000)
    (only,) = find_front(options, [dear, cheap], {})
    assert only.candidate == cheap.candidate
    assert only.values == {"score": 0.6, "cost": 0.1}
    front = find_front(options, [dear, cheap], {dear.candidate.id: 0.7})
    assert [each.candidate for each in front] == [dear.candidate, cheap.candidate]


def after(search: Search, options: TaskSpec, *items: Scored) -> Search:
    return select(search, step_of(search, items), options, random.Random(0))


def test_a_search_goes_on_from_the_front_and_a_new_prompt_on_it_is_progress() -> None:
    options = task(preset="gpo")
    search = with_front(start_search(MIDDLE), options)
    search = after(search, options, SHORT)
    assert (search.best, search.stale) == (MIDDLE, 0)
    search = after(search, options, scored(50, 3, number=4))
    assert (search.best, search.stale, search.current) == (MIDDLE, 1, MIDDLE)
    front: list[Standpoint] = list(search.front)
    rng = random.Random(0)
    drawn = Counter(draw_parent(options, front, MIDDLE.candidate, step, rng) for step in range(200))
    assert drawn[MIDDLE.candidate.id] > drawn[SHORT.candidate.id] > 20


def test_where_the_start_is_beyond_a_bound_a_worse_prompt_within_it_is_the_best() -> None:
    options = task({"score": None, "words": "at most 30"}, preset="gpo")
    search = with_front(start_search(LONG), options)
    assert search.best == LONG
    search = after(search, options, SHORT)
    assert search.best == SHORT


@pytest.mark.parametrize(("accept", "passes"), [("batch", False), ("expected", True)])
def test_a_shorter_proposal_passes_the_test_although_it_is_not_better(accept: str, passes: bool) -> None:
    """By its cases alone it has to do as well; where all scores are read, it may trade score for words."""
    search = start_search(LONG)
    values = {"a": 1.0, "b": 0.0, "c": 1.0, "d": 0.0}

    def names(options: TaskSpec, before: float) -> list[int]:
        trial = Trial(candidate=SHORT.candidate, before=before, values=values, passed=False)
        begun = step_of(search, ())
        found = screen(search, begun, Tried(trials=(trial,)), [SHORT.candidate], options)
        return [each.number for each in found.passed]

    assert names(task(accept=accept), 0.5) == [3]
    assert names(task(accept=accept), 0.75) == ([3] if passes else [])
    alone = spec(optimizer={"accept": accept})
    assert names(alone, 0.75) == []


def test_a_bound_on_words_turns_longer_proposals_away_but_not_those_on_the_way_to_it() -> None:
    checks = ProposalFilter([], allowed="", most_words=6)
    texts = ("Weigh the praise against the blame and the tone.", "Weigh praise against blame.")
    proposals = Proposals(proposals=tuple(Proposal(text=text, place=place) for place, text in enumerate(texts)))
    short = Candidate(instruction="Judge it well.")
    found = checks.admit(proposals, short, (), step=1, budget=None)
    assert [each.instruction for each in found.candidates] == [texts[1]]
    assert [each.reason for each in found.rejected] == ["too_long"]
    long = Candidate(instruction="Read all of the review, weigh the praise against the blame and the tone, then judge.")
    assert len(checks.admit(proposals, long, (), step=1, budget=None).candidates) == 2


@pytest.mark.parametrize(
    ("objectives", "told"),
    [
        (["words"], "`objectives` names the score and at least one of words, latency, cost"),
        (["score", "length"], "`objectives` names 'length'; allowed: score, words, latency, cost"),
        ({"score": None, "words": "80"}, "`objectives.words` is '80'; give nothing, a bound such as `at most 80`"),
        ({"score": 1.0, "words": None}, "`objectives.score` is 1.0"),
        ({"score": None, "words": -1}, "`objectives.words` is -1"),
        (["score", "cost"], "`optimizer.objectives` names `cost`, and `models.task` has no price"),
    ],
)
def test_what_is_no_objective_is_told(objectives: object, told: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(told)):
        spec(optimizer={"objectives": objectives})


@pytest.mark.parametrize("race", [{"accept": "race"}, {"race_after": 8}, {"preset": "protegi-like"}])
def test_a_race_by_score_alone_would_empty_the_front_and_is_refused(race: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="choose `accept: none` without `race_after`, or leave `objectives` out"):
        task(**race)
    assert spec(optimizer=race).optimizer.accept == "race"
    assert task(**{name: value for name, value in race.items() if name == "preset"}, accept="none")


def test_a_comparison_says_which_method_does_not_go_with_several_objectives() -> None:
    plan = TaskPlan(name="reviews", dev=48, test=48, train=48, calls=2000)
    for arm in preset_arms("gpo,minibatch,opro"):
        assert cell_spec(task(), arm, plan).optimizer.objectives
    [raced] = preset_arms("protegi-like")
    with pytest.raises(InputError, match=r"with the method protegi-like: `objectives` names score, words.*leave that"):
        cell_spec(task(), raced, plan)
