"""In which way each proposal of a step is asked for."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.records import Candidate, Score, Scored
from gpo.search.refine import build_request
from gpo.search.requests.grounding import LABELLED, LABELLED_EACH, draw_labelled
from gpo.search.requests.ways import WAYS, choose_ways
from gpo.search.retrieve import Recalled
from gpo.search.step import Rejection, RejectionReason, Step, Trial
from gpo.spec.method import PRESETS, Way
from tests.gpo.search.test_inform import CURRENT, TRAIN, Informed
from tests.gpo.search.test_refine import task

ALL: tuple[Way, ...] = get_args(Way)


def step(
    number: int, passed: Sequence[Way] = (), failed: Sequence[Way] = (), rejected: Sequence[Rejection] = ()
) -> Step:
    """A step in which a proposal of each way passed its test, or did not."""
    trials = [
        Trial(
            candidate=Candidate(instruction=f"{number}/{place}", step=number, way=way),
            before=0,
            values=dict.fromkeys("abcd", float(is_better)),
            passed=is_better,
        )
        for place, (way, is_better) in enumerate([*((way, True) for way in passed), *((way, False) for way in failed)])
    ]
    return Step(
        number=number,
        budget=None,
        current="now",
        neighbours=(),
        scored=(),
        rejected=tuple(rejected),
        trials=tuple(trials),
    )


def drawn(allowed: Sequence[Way], steps: Sequence[Step], draws: int = 400) -> Counter[str]:
    return Counter(choose_ways(allowed, steps, draws, random.Random(0)))


def test_every_way_has_a_request_of_its_own() -> None:
    assert set(WAYS) == set(ALL)
    assert len({asking.request for asking in WAYS.values()}) == len(ALL)
    assert {asking.shows for asking in WAYS.values()} == {"cases", "labels", "examples"}


def test_without_ways_all_are_asked_for_alike() -> None:
    assert choose_ways((), [step(1)], 4, random.Random(0)) == ()


@given(st.lists(st.sampled_from(ALL), min_size=1, unique=True), st.integers(1, 4), st.integers(0, 99))
def test_each_way_is_taken_once_before_any_is_drawn(allowed: list[Way], count: int, seed: int) -> None:
    steps: list[Step] = []
    asked: list[Way] = []
    while len(asked) < len(allowed):
        found = choose_ways(allowed, steps, count, random.Random(seed))
        assert len(found) == count
        assert found == choose_ways(allowed, steps, count, random.Random(seed))
        asked += found
        steps.append(step(len(steps) + 1, passed=found))
    assert asked[: len(allowed)] == allowed


def test_the_way_that_passes_more_is_drawn_more_and_none_is_given_up() -> None:
    steps = [step(number, passed=["cases"], failed=["define", "scores"]) for number in range(1, 9)]
    counts = drawn(("cases", "define", "scores"), steps)
    assert counts["cases"] > 300
    once = drawn(("cases", "define", "scores"), steps[:1])
    assert once["define"] > 40
    assert once["scores"] > 40


@pytest.mark.parametrize("reason", ["duplicate", "unchanged", "empty", "leak", "contract", "too_long"])
def test_a_proposal_that_is_no_candidate_counts_against_its_way(reason: RejectionReason) -> None:
    unusable = [Rejection(reason=reason, text="", way="define")] * 2
    counts = drawn(("cases", "define"), [step(1, passed=["cases", "cases"], rejected=unusable)])
    assert counts["cases"] > 3 * counts["define"] > 0


def test_a_request_that_the_provider_refused_says_nothing_of_the_way() -> None:
    refused = step(1, rejected=[Rejection(reason="failed", text="", way="define")])
    assert choose_ways(("define", "cases"), [refused], 1, random.Random(0)) == ("define",)


def test_what_did_not_pass_or_was_not_affordable_is_counted_once() -> None:
    """Its trial is in the record of the step already."""
    both = [Rejection(reason="no_gain", text="", way="cases"), Rejection(reason="unaffordable", text="", way="define")]
    plain, told = step(1, passed=["define"], failed=["cases"]), step(1, ["define"], ["cases"], both)
    assert drawn(("cases", "define"), [plain]) == drawn(("cases", "define"), [told])


def test_without_a_test_on_cases_a_way_gains_by_prompts_that_a_step_started_from() -> None:
    def scored(text: str, way: Way) -> Scored:
        return Scored(candidate=Candidate(instruction=text, way=way), score=Score(values={"a": 1.0}, planned=1))

    steps = []
    for number in range(1, 4):
        found = tuple(scored(f"{way} {number}", way) for way in ("scores", "paraphrase"))
        steps.append(
            step(number).model_copy(
                update={"scored": found, "current": f"scores {number - 1}" if number > 1 else "start"}
            )
        )
    counts = drawn(("scores", "paraphrase"), steps)
    assert counts["scores"] > 3 * counts["paraphrase"] > 0


# What a request is built from


def request_ways(step_number: int, before: Sequence[Step], ways: Sequence[Way]) -> tuple[Way, ...]:
    spec = task(optimizer={"preset": "minibatch", "ways": ways})
    request = build_request(
        spec,
        TRAIN,
        Informed(current=CURRENT),
        Recalled(),
        step=step_number,
        candidates=4,
        rng=random.Random(f"0/{step_number}"),
        before=before,
    )
    assert [request.way_of(place) for place in range(4)] == list(request.ways)
    return request.ways


def test_the_first_step_of_the_default_asks_in_all_its_ways() -> None:
    assert request_ways(1, [], PRESETS["minibatch"].ways) == ("cases", "define", "scores", "restructure")


def test_a_way_that_no_proposal_of_was_accepted_is_asked_for_less() -> None:
    ways: tuple[Way, ...] = ("cases", "paraphrase")
    steps = [step(number, passed=["cases"] * 3, failed=["paraphrase"]) for number in range(1, 6)]
    asked = Counter(way for number in range(6, 19) for way in request_ways(number, steps, ways))
    assert asked["cases"] > 3 * asked["paraphrase"]


def test_labels_are_drawn_in_turn_a_few_of_each() -> None:
    spec = task()
    train = [*TRAIN, *(each.model_copy(update={"id": f"n{each.id}", "reference": "negative"}) for each in TRAIN)]
    found = draw_labelled(spec, train, random.Random(0))
    assert [each.reference for each in found] == ["positive", "negative"] * LABELLED_EACH
    assert {each.id for each in found} != {each.id for each in draw_labelled(spec, train, random.Random(1))}
    assert draw_labelled(spec, TRAIN, random.Random(0)) == draw_labelled(spec, TRAIN, random.Random(0))
    assert {each.reference for each in draw_labelled(spec, TRAIN, random.Random(0))} == {"positive"}
    many = task(answer={"kind": "choice", "labels": [f"label {number}" for number in range(30)]})
    row = [TRAIN[0].model_copy(update={"id": str(number), "reference": f"label {number}"}) for number in range(30)]
    assert len(draw_labelled(many, row, random.Random(0))) == LABELLED


def test_without_labels_there_are_none_to_show() -> None:
    assert draw_labelled(task(answer={"kind": "number"}), TRAIN, random.Random(0)) == ()
    spec = task(optimizer={"preset": "minibatch", "ways": ["scores"]})
    request = build_request(
        spec, TRAIN, Informed(current=CURRENT), Recalled(), step=1, candidates=2, rng=random.Random(0)
    )
    assert request.labelled == ()


# Merging two lineages


def lineages(*texts: tuple[str, str | None], score: float = 0.5) -> list[Step]:
    """A step for each prompt, with its parent's text."""
    return [
        step(number).model_copy(
            update={
                "scored": (
                    Scored(
                        candidate=Candidate(
                            instruction=text,
                            step=number,
                            number=1,
                            parent=parent and Candidate(instruction=parent).id,
                        ),
                        score=Score(values={"d": score}, planned=1),
                    ),
                )
            }
        )
        for number, (text, parent) in enumerate(texts, start=1)
    ]


def merged_with(before: Sequence[Step], step_number: int = 4) -> str | None:
    spec = task(optimizer={"preset": "minibatch", "ways": ["merge", "scores"]})
    rng = random.Random(0)
    request = build_request(
        spec, TRAIN, Informed(current=CURRENT), Recalled(), step=step_number, candidates=2, rng=rng, before=before
    )
    assert ("merge" in request.ways) == (request.other is not None)
    return request.other and request.other.candidate.instruction


def test_a_prompt_of_another_lineage_is_merged_with_the_current_one() -> None:
    own = CURRENT.candidate.instruction
    far = "Count all that was praised, then all that was blamed, and compare the two."
    assert merged_with(lineages((far, "Elsewhere."))) == far
    assert merged_with([]) is None
    assert merged_with(lineages((far, own))) is None, "a child of the current prompt is of its own lineage"
    assert merged_with(lineages(("Judge  the review.", "Elsewhere."))) is None, "the same words have nothing to add"


def test_which_lineage_is_drawn_by_score_and_is_the_same_for_the_same_step() -> None:
    good = "Count all that was praised, then all that was blamed, and compare the two."
    poor = "Ask yourself whether you would buy what this person bought, knowing only this."
    before = [*lineages((good, None), score=1.0), *lineages((poor, None), score=0.0)]
    drawn_by_step = [merged_with(before, number) for number in range(3, 19)]
    assert drawn_by_step == [merged_with(before, number) for number in range(3, 19)]
    assert set(drawn_by_step) == {good}
