"""How the examples before each question change from step to step, where a search chooses them."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.errors import DatasetError
from gpo.evaluation.few_shot import as_shown, candidate_of, demonstrations, demonstrations_of, find_shown, showable
from gpo.records import Candidate, Example, Score, Scored, Splits
from gpo.runs.run import may_show, open_screen
from gpo.search.edit import ProposalFilter
from gpo.search.edits.demonstrations import Showable, change_demonstrations, take_turns, with_demonstrations
from gpo.search.inform import Informed
from gpo.search.state import start_search
from gpo.search.step import Proposal, Proposals, Rejection, Trial
from gpo.spec.task import TaskSpec
from tests.gpo.search.test_screen import batch
from tests.support.outcomes import START, spec, step_of

LABELS = ("positive", "negative")


def example(number: int, prefix: str = "e") -> Example:
    text = f"{prefix}{number}"
    return Example(id=text, inputs={"review": f"{text} is fine"}, reference=LABELS[number % 2])


POOL = {each.id: each for each in map(example, range(8))}


def task(**optimizer: Any) -> TaskSpec:
    return spec(optimizer={"demonstrations": "searched"} | optimizer)


@given(
    seed=st.integers(0, 500),
    most=st.integers(1, 3),
    start=st.lists(st.sampled_from(sorted(POOL)), max_size=3, unique=True),
    cases=st.sets(st.sampled_from(sorted(POOL)), max_size=4),
)
def test_a_change_adds_drops_or_swaps_one(seed: int, most: int, start: list[str], cases: set[str]) -> None:
    current = tuple(start[:most])
    may_show = Showable(POOL, lambda each: each.id != "e0", {"e1": 0.0})
    after = change_demonstrations(task(max_demonstrations=most), current, may_show, cases, random.Random(seed))
    added = set(after) - set(current)
    assert len(after) <= most
    assert len(set(after)) == len(after)
    assert len(added) <= 1
    assert len(set(current) - set(after)) <= 1
    assert after != current or not set(POOL) - {"e0", *current, *cases}, "the same only where none is left"
    assert not added & (cases | {"e0"}), "a case of the proposal, or one that repeats an example of dev or test"
    assert [each for each in after if each in current] == [each for each in current if each in after], "the order"


def test_what_the_prompt_gets_wrong_goes_first_and_labels_stay_balanced() -> None:
    options, tried = task(max_demonstrations=8), {"e0": 1.0, "e4": 0.0, "e5": 0.0}
    for seed in range(20):
        first = change_demonstrations(options, (), Showable(POOL, lambda _: True, tried), (), random.Random(seed))
        assert set(first) <= {"e4", "e5"}
        grown, rng = first, random.Random(seed)
        while len(grown) < 6:
            grown = max(
                (change_demonstrations(options, grown, Showable(POOL, lambda _: True, tried), (), rng), grown), key=len
            )
        labels = [POOL[name].reference for name in grown]
        assert abs(labels.count("positive") - labels.count("negative")) <= 2


def test_a_step_takes_turns_between_instruction_and_examples() -> None:
    current = Candidate(instruction=START, shown=("e0", "e1"))
    informed = Informed(
        current=Scored(candidate=current, score=Score(values={}, planned=0)), batches=(batch("e", [0.0, 1.0]),) * 4
    )
    asked = Proposals(proposals=tuple(Proposal(text=f"Weigh it {n} times.", place=n) for n in (0, 2, 3)))
    options, may_show = task(candidates=4), Showable(POOL, lambda _: True, {})
    assert take_turns(options, (), 4)[:3] == ("instruction", "demonstrations", "both")
    turns = ("instruction", "demonstrations", "both", "instruction")
    found = with_demonstrations(options, asked, informed, may_show, turns=turns, rng=random.Random(0)).proposals
    assert [each.place for each in found] == [0, 1, 2, 3]
    assert [each.text == START for each in found] == [False, True, False, False]
    assert [each.shown == current.shown for each in found] == [True, False, False, True]
    assert found[1].way == "demonstrations"
    # Its own text with other examples is a prompt of its own, and the same one is not scored twice.
    checks = ProposalFilter([], allowed=START, labels=LABELS)
    made = checks.admit(Proposals(proposals=(found[1],)), current, {current.id}, step=1, budget=5)
    (candidate,) = made.candidates
    assert (candidate.instruction, candidate.shown, candidate.distance) == (START, found[1].shown, 0)
    again = checks.admit(Proposals(proposals=(found[1],)), current, {current.id, candidate.id}, step=2, budget=5)
    assert [each.reason for each in again.rejected] == ["duplicate"]


def test_without_the_option_nothing_is_added() -> None:
    current = Scored(candidate=Candidate(instruction=START), score=Score(values={}, planned=0))
    asked = Proposals(proposals=(Proposal(text="Weigh it."),))
    showable_ = Showable(POOL, lambda _: True, {})
    turns = take_turns(spec(), (), 4)
    assert set(turns) == {"instruction"}
    found = with_demonstrations(spec(), asked, Informed(current=current), showable_, turns=turns, rng=random.Random(0))
    assert found is asked


@pytest.mark.parametrize("helps", ["demonstrations", "instruction"])
def test_what_was_accepted_oftener_has_its_turn_oftener(helps: str) -> None:
    current = Scored(candidate=Candidate(instruction=START, shown=("e0",)), score=Score(values={}, planned=0))
    kinds = {"instruction": ("Weigh it.", ("e0",)), "demonstrations": (START, ("e1",)), "both": ("Weigh it.", ("e1",))}
    trials = tuple(
        Trial(candidate=Candidate(instruction=text, shown=shown), before=0.5, values={}, passed=name == helps)
        for name, (text, shown) in kinds.items()
    )
    step = step_of(start_search(current), ()).model_copy(update={"trials": trials})
    drawn = Counter(turn for count in range(2, 30) for turn in take_turns(task(), (step,) * count, 8)[1:])
    assert drawn[helps] > 2 * sum(drawn[name] for name in kinds if name != helps)
    assert set(take_turns(task(), (), 1)) == {"instruction"}
    alone = step.model_copy(update={"trials": trials[:1]})
    assert take_turns(task(), (alone,), 1) == ("demonstrations",)


def test_a_turn_for_examples_that_brings_no_candidate_is_not_taken_for_ever() -> None:
    """With one proposal a step, no instruction would be asked for any more."""
    current = Scored(candidate=Candidate(instruction=START), score=Score(values={}, planned=0))
    in_vain = Rejection(reason="unchanged", text=START, way="demonstrations")
    step = step_of(start_search(current), ()).model_copy(update={"rejected": (in_vain,)})
    weighed = Trial(candidate=Candidate(instruction="Weigh it."), before=0.5, values={}, passed=True)
    asked = step.model_copy(update={"rejected": (), "trials": (weighed,)})
    assert take_turns(task(), (asked,), 1) == ("demonstrations",)
    assert take_turns(task(), (asked, step), 1) == ("both",)
    late = Trial(candidate=Candidate(instruction="Weigh it.", shown=("e0",)), before=0.5, values={}, passed=True)
    every = [asked, step, asked.model_copy(update={"trials": (late,)})]
    drawn = Counter(take_turns(task(), (*every, *[step] * count), 1)[0] for count in range(40))
    assert drawn["demonstrations"] < 10
    # One that was tried on cases, to no gain, counts once.
    tried = Trial(candidate=Candidate(instruction=START, shown=("e1",)), before=0.5, values={}, passed=False)
    told = {"trials": (tried,), "rejected": (in_vain.model_copy(update={"reason": "no_gain"}),)}
    once = step.model_copy(update={"trials": (tried,), "rejected": ()})
    for count in range(20):
        steps = [*every, *[once] * count]
        assert take_turns(task(), steps, 8) == take_turns(task(), [*every, *[step.model_copy(update=told)] * count], 8)


@pytest.mark.parametrize("candidates", [1, 8])
def test_where_no_example_may_be_shown_every_proposal_changes_the_instruction(candidates: int) -> None:
    """As where each of the training examples repeats a passage of dev."""
    passage = "The soup was cold when it came, and the waiter laughed about it in front of all the other guests"
    dev = Example(id="d", inputs={"review": f"{passage}."}, reference="positive")
    alike = POOL["e0"].model_copy(update={"inputs": {"review": f"{passage}, as the others said."}})
    found = Splits(train=(alike,), dev=(dev,), test=(), fingerprint="f")
    assert not may_show(open_screen(task(), found), alike)
    assert may_show(open_screen(task(), found), POOL["e1"])
    assert set(take_turns(task(), (), candidates, may_change=False)) == {"instruction"}


def splits() -> Splits:
    train = tuple(POOL.values())
    twice = example(7, "d").model_copy(update={"inputs": train[3].inputs})
    return Splits(train=train, dev=(example(0, "d"), twice), test=(example(0, "t"),), fingerprint="f")


def test_an_example_of_dev_or_test_is_never_shown() -> None:
    assert set(showable(splits())) == set(POOL) - {"e3"}
    with pytest.raises(DatasetError, match=r"`optimizer\.shown` names the example 'd0', which is no training example"):
        demonstrations(task(shown=("d0",)), splits())
    # A folder may bring examples that are in its dev data as well.
    brought = splits().model_copy(update={"few_shot": (POOL["e3"], *splits().dev, POOL["e5"])})
    for options in (spec(few_shot=1), spec(few_shot=1, optimizer={"demonstrations": "searched"})):
        shown = demonstrations(options, brought)
        assert [each.id for each in shown] == ["e5"]
        assert shown[0].id in showable(brought)


def test_a_candidate_shows_its_own_only_where_the_search_chooses_them() -> None:
    candidate, drawn = Candidate(instruction=START, shown=("e5", "e2")), [POOL["e0"]]
    assert demonstrations_of(task(), candidate, drawn, POOL) == (POOL["e5"], POOL["e2"])
    assert demonstrations_of(spec(few_shot=1), candidate, drawn, {}) == (POOL["e0"],)
    assert candidate_of(task(), START, (POOL["e5"], POOL["e2"])) == candidate
    assert candidate_of(spec(few_shot=1), START, drawn) == Candidate(instruction=START)


def test_those_of_a_kept_prompt_are_found_again_by_what_they_look_like() -> None:
    options = task(shown=("e5", "e2"))
    shown = demonstrations(options, splits())
    assert [each.id for each in shown] == ["e5", "e2"]
    template = options.prompt.template
    kept = as_shown(template, START, shown)
    assert find_shown(template, START, kept, splits()) == ("e5", "e2")
    assert find_shown(template, "Another text.", kept, splits()) is None
    assert find_shown(template, START, (), splits()) == ()
