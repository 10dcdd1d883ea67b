"""From proposals to candidates: budget, duplicates, leaks, contract."""

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.records import Candidate, Example, content_hash
from gpo.search.edit import MAX_WORDS, ProposalFilter, rejections_by_reason
from gpo.search.step import Edited, Proposal, Proposals, Rejection
from gpo.template import variables_in
from gpo.words import word_distance
from tests.support.outcomes import proposals_of

REVIEW = "The pen writes well, but its cap falls off after a week of careful use."
CURRENT = Candidate(instruction="Decide whether the review is positive or negative.", step=2)


def screen(*texts: str, allowed: str = "") -> ProposalFilter:
    examples = [Example(id=str(n), inputs={"review": text}, reference="x") for n, text in enumerate(texts)]
    return ProposalFilter(examples, allowed=allowed)


def admit(
    *texts: str,
    budget: int | None = None,
    known: Collection[str] = (),
    guard: ProposalFilter | None = None,
    current: Candidate = CURRENT,
) -> Edited:
    return (guard or screen(REVIEW)).admit(proposals_of(*texts), current, known, step=3, budget=budget)


def reasons(edited: Edited) -> list[str]:
    return [item.reason for item in edited.rejected]


def test_a_good_proposal_becomes_a_candidate_with_its_history() -> None:
    edited = admit("Is it good?", budget=None)
    assert edited.candidates == (
        Candidate(
            instruction="Is it good?",
            step=3,
            number=1,
            parent=CURRENT.id,
            budget=None,
            proposed_distance=8,
            distance=8,
        ),
    )
    assert (edited.rejected, edited.budget) == ((), None)


def test_a_proposal_beyond_the_budget_is_shortened_by_sentences_and_its_own_text_is_kept() -> None:
    proposal = "Read the whole text twice and then say if its author is happy. Mind irony."
    edited = admit(proposal, budget=3)
    (candidate,) = edited.candidates
    assert candidate.instruction == f"{CURRENT.instruction} Mind irony."
    assert candidate.distance == word_distance(CURRENT.instruction, candidate.instruction) == 2
    assert candidate.proposed_distance == word_distance(CURRENT.instruction, proposal) > 3
    assert (edited.budget, candidate.budget, candidate.proposed) == (3, 3, proposal)


def test_a_proposal_of_which_no_sentence_fits_is_rejected() -> None:
    edited = admit("Read the text twice and then say in one word if its author is happy.", budget=3)
    assert (edited.candidates, reasons(edited)) == ((), ["budget"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        (CURRENT.instruction, "unchanged"),
        (f"  {CURRENT.instruction}\n", "unchanged"),
        ("Judge {{review}}.", "contract"),
        ("word " * (MAX_WORDS + 1), "too_long"),
        ("known already", "duplicate"),
        (f"As in: {REVIEW}", "leak"),
        ("Decide whether the review is positive or", "truncated"),
    ],
)
def test_each_reason(text: str, reason: str) -> None:
    edited = admit(text, known={content_hash("known already")})
    assert edited.rejected == (Rejection(reason=reason, text=text.strip()),)  # type: ignore[arg-type]
    assert edited.candidates == ()


def test_the_second_of_two_equal_proposals_is_a_duplicate() -> None:
    edited = admit("Is it good?", "Is it good? ", "Is it bad?")
    assert [item.instruction for item in edited.candidates] == ["Is it good?", "Is it bad?"]
    assert [item.number for item in edited.candidates] == [1, 2]
    assert reasons(edited) == ["duplicate"]


WALKS = [
    "seven steps to the left and then go back the way you came",
    "eleven steps forward, turn around and walk until you are tired",
    "one step, then wait for the others before you move on again",
    "two big jumps over the fence and run home as fast as you can",
]
STEM = "If you follow these instructions, do you return to the starting point?"


def walks() -> tuple[list[Example], ProposalFilter]:
    examples = [
        Example(id=str(number), inputs={"input": f"{STEM} Take {walk}."}, reference="no")
        for number, walk in enumerate(WALKS)
    ]
    return examples, ProposalFilter(examples[2:], allowed="Think.", shown=examples[:2])


def test_what_every_question_says_is_neither_a_leak_nor_a_copy() -> None:
    _, guard = walks()
    assert reasons(admit(f"{STEM} Say yes or no.", f"{STEM} Take care.", guard=guard)) == []


def test_copies_of_training_and_of_other_examples_are_told_apart() -> None:
    examples, guard = walks()
    proposals = [f"For example: {each.inputs['input']}" for each in examples]
    assert reasons(admit(*proposals, guard=guard)) == ["copy", "copy", "leak", "leak"]
    assert reasons(admit(f"Take {WALKS[0]}.", f"Take {WALKS[2]}.", guard=guard)) == ["copy", "leak"]


@pytest.mark.parametrize("text", ["Very good.", "positive", "Is it good", "A book"])
def test_short_training_examples_and_labels_forbid_nothing(text: str) -> None:
    guard = ProposalFilter([], allowed="Judge.", shown=[Example(id="e", inputs={"t": text}, reference="very positive")])
    assert reasons(admit(f"Judge the text: {text}! Say very positive.", guard=guard)) == []


def test_demonstrations_in_the_instruction_are_copies() -> None:
    shown = [Example(id="e", inputs={"q": "Where did the old sailor go?"}, reference="To the harbour")]
    guard = ProposalFilter([], allowed="Answer.", shown=shown)
    assert reasons(admit("Answer. Where did the old sailor go? To the harbour.", guard=guard)) == ["copy"]


LABELS = ("good", "bad", "mixed")


def test_a_label_that_is_lost_is_named() -> None:
    current = Candidate(instruction="Say good, bad or mixed.")
    guard = ProposalFilter([], allowed="", labels=LABELS)
    edited = admit("Say good or bad.", "Judge it.", "Is it mixed, bad or good?", guard=guard, current=current)
    assert edited.rejected == (Rejection(reason="label", text="Say good or bad.", detail="mixed"),)
    assert [each.instruction for each in edited.candidates] == ["Judge it.", "Is it mixed, bad or good?"]


def test_a_label_that_the_messages_name_may_go() -> None:
    current = Candidate(instruction="Say good, bad or mixed.")
    guard = ProposalFilter([], allowed="", labels=LABELS, frame="{{review}} {{instruction}} (mixed: both)")
    assert reasons(admit("Say good or bad.", guard=guard, current=current)) == []


def test_a_label_that_the_shortening_would_lose_is_lost() -> None:
    current = Candidate(instruction="Say good, bad or mixed.")
    guard = ProposalFilter([], allowed="", labels=LABELS)
    proposal = "Say good or bad. Where praise and complaints are of about equal weight, however, always say mixed."
    assert reasons(admit(proposal, budget=6, guard=guard, current=current)) == ["label"]


def test_a_candidate_keeps_the_place_of_its_proposal_and_how_it_was_asked_for() -> None:
    """The place says which cases it is tried on; what was rejected before it must not move it."""
    written = (
        Proposal(text="", place=0, way="scores"),
        Proposal(text="One.", place=1, way="define"),
        Proposal(text="Two.", place=3, way="cases"),
    )
    edited = screen().admit(Proposals(proposals=written), CURRENT, (), step=1, budget=None)
    assert [(each.number, each.place, each.way) for each in edited.candidates] == [(1, 1, "define"), (2, 3, "cases")]
    assert [(each.reason, each.way) for each in edited.rejected] == [("empty", "scores")]


def test_what_was_rejected_before_comes_first() -> None:
    earlier = Rejection(reason="empty", text="?")
    proposals = proposals_of("One.", "", "Two.", rejected=[earlier])
    edited = screen().admit(proposals, CURRENT, (), step=1, budget=None)
    assert [item.instruction for item in edited.candidates] == ["One.", "Two."]
    assert edited.rejected == (earlier, Rejection(reason="empty", text=""))
    assert rejections_by_reason(edited.rejected) == {"empty": 2}


# Leaks


def words(start: int, end: int) -> str:
    return " ".join(REVIEW.split()[start:end])


@pytest.mark.parametrize("start", range(8))
def test_eight_words_in_a_row_are_a_leak_wherever_they_are(start: int) -> None:
    assert reasons(admit(f"For example {words(start, start + 8).upper()}!")) == ["leak"]


def test_seven_words_in_a_row_or_eight_with_a_gap_are_not() -> None:
    assert reasons(admit(words(2, 9), f"{words(0, 5)} maybe {words(5, 10)}")) == []


def test_a_short_example_leaks_whole_and_a_very_short_one_never() -> None:
    guard = screen("Not worth the money.", "Too bad.")
    assert reasons(admit("Not worth the money: negative.", guard=guard)) == ["leak"]
    assert reasons(admit("Worth the money: positive.", "Too bad: negative.", guard=guard)) == []


def test_what_the_start_instruction_says_itself_is_allowed() -> None:
    start = "Answer with one of the two words positive or negative, please."
    guard = screen(f"{start} {REVIEW}", allowed=start)
    assert reasons(admit(f"{start} Think first.", guard=guard)) == []
    assert reasons(admit(f"{start} {words(0, 8)}", guard=guard)) == ["leak"]


def test_right_answers_and_solutions_of_four_words_or_more_are_guarded() -> None:
    answer = "The parcel was sent on Monday and will reach you within two days."
    example = Example(
        id="e", inputs={"mail": "?"}, reference=answer, also=("It is on its way.",), solution="Look into the log first."
    )
    guard = ProposalFilter([example], allowed="")
    leaking = (f"Write: {answer}", "Say that it is on its way.", "Look into the log first!")
    assert reasons(admit(*leaking, guard=guard)) == ["leak"] * 3
    label = Example(id="l", inputs={"mail": "?"}, reference="very positive")
    assert reasons(admit("Say very positive or very negative.", guard=ProposalFilter([label], allowed=""))) == []


def test_a_right_answer_that_is_one_of_a_kind_is_a_copy() -> None:
    answer = "The parcel was sent on Monday and will reach you within two days."
    shown = [Example(id="e", inputs={"mail": "?"}, reference=answer)]
    guard = ProposalFilter([], allowed="", shown=shown)
    assert reasons(admit(f"Write: {answer}", guard=guard)) == ["copy"]


def test_right_answers_that_training_examples_have_too_may_be_named() -> None:
    dev, train = (
        Example(id=name, inputs={"mail": name}, reference="the customer wants a refund") for name in ("one", "two")
    )
    proposal = "Say `the customer wants a refund` or `the customer is happy`."
    assert reasons(admit(proposal, guard=ProposalFilter([dev], allowed=""))) == ["leak"]
    assert reasons(admit(proposal, guard=ProposalFilter([dev], allowed="", shown=[train]))) == []
    assert reasons(admit(proposal, guard=ProposalFilter([dev], allowed="Labels: the customer wants a refund"))) == []


def test_a_prompt_of_characters_may_be_as_long_as_one_of_words() -> None:
    assert reasons(admit("说" * MAX_WORDS, "说" * (3 * MAX_WORDS + 1))) == ["too_long"]


def test_a_leak_is_found_also_where_the_budget_cuts_it_out() -> None:
    assert reasons(admit(f"{REVIEW} Is that so?", budget=1)) == ["leak"]


def test_a_variable_made_by_the_projection_breaks_the_contract() -> None:
    current = Candidate(instruction="review }}")
    proposal = "{{\nIt is a long way from here to where the other one stands."
    assert reasons(admit(proposal, current=current)) == []
    assert reasons(admit(proposal, budget=1, current=current)) == ["contract"]


# Properties

WORDS = st.lists(
    st.sampled_from(["the", "review", "is", "good", "bad", "{{", "x", "}}", "\n", *REVIEW.split()[:9]]), max_size=14
).map(" ".join)


@given(
    current=WORDS,
    texts=st.lists(WORDS, max_size=8),
    budget=st.none() | st.integers(0, 8),
    known=st.sets(WORDS, max_size=3),
)
def test_whatever_is_admitted_keeps_the_rules(
    *, current: str, texts: list[str], budget: int | None, known: set[str]
) -> None:
    guard = screen(REVIEW)
    parent = Candidate(instruction=current.strip())
    taken = {content_hash(text.strip()) for text in known} | {parent.id}
    edited = guard.admit(
        proposals_of(*texts),
        parent,
        taken,
        step=1,
        budget=budget,
    )
    found = [item.instruction for item in edited.candidates]
    assert len({item.id for item in edited.candidates}) == len(found)
    assert len(found) + len(edited.rejected) == len(texts)
    for candidate in edited.candidates:
        assert candidate.id not in taken
        assert candidate.distance == word_distance(parent.instruction, candidate.instruction)
        assert budget is None or candidate.distance <= budget
        assert candidate.proposed in (None, *(text.strip() for text in texts))
        assert candidate.proposed is not None or candidate.instruction in {text.strip() for text in texts}
        assert candidate.instruction
        assert not variables_in(candidate.instruction)
        assert not guard.leaks(candidate.instruction)
