"""A proposal beyond the budget keeps whole sentences, and never a word of two texts in one."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.search.edits.project import project_onto_budget
from gpo.search.edits.sentences import Unit, cut_units
from gpo.words import split_words, word_distance

CURRENT = "Should this question be accepted or refused? Answer accept or refuse."
PROPOSAL = (
    "Accept the question if it is about health, medicine, nutrition or the human body. Refuse it if it is about any "
    "other subject, such as history, law, business or physics. Answer with one word: accept or refuse."
)

SENTENCES = [
    "Read the review twice.",
    "Read the whole review.",
    "Is it good or bad?",
    "Say (yes. no.) alone!",
    "Weigh praise, e.g. of 3.5 stars; weigh blame; then decide.",
    "Weigh praise; weigh every complaint; then decide with care.",
    "请判断情感。",
    "只回答正面或负面。",
    "- be brief",
    "- be kind. Be brief",
    "1. think of it",
    "2. answer it",
    "Rules:\n- never lie\n- be short",
    "Rules:\n- never lie\n- be very short\n- be nice",
    "No mark at the end",
]


def joined(pairs: list[tuple[str, str]]) -> str:
    """Sentences on one line or on many; what is a list, or has no mark, has lines of its own."""
    text = ""
    for gap, sentence in pairs:
        alone = any(each[:2] in {"- ", "1.", "2.", "Ru", "No"} for each in (sentence, text.rsplit("\n", 1)[-1]))
        text += ("\n" if alone and "\n" not in gap else gap) + sentence
    return text.strip()


PAIRS = st.tuples(st.sampled_from([" ", "\n", "\n\n"]), st.sampled_from(SENTENCES))
TEXTS = st.lists(PAIRS, max_size=7, unique_by=lambda pair: pair[1]).map(joined)


def leaves(text: str) -> list[str]:
    """The pieces that no edit may cut, without their marks."""

    def below(unit: Unit) -> list[str]:
        return [leaf for part in unit.parts for leaf in below(part)] or [unit.text]

    return [" ".join(split_words(leaf)) for unit in cut_units(text) for leaf in below(unit)]


@given(TEXTS, TEXTS, st.integers(0, 30))
def test_what_comes_out_is_whole_units_within_the_budget(current: str, proposal: str, budget: int) -> None:
    result = project_onto_budget(current, proposal, budget)
    assert word_distance(current, result) <= budget
    if word_distance(current, proposal) <= budget:
        assert result == proposal
    else:
        allowed = {*leaves(current), *leaves(proposal)}
        assert set(leaves(result)) <= allowed
    assert project_onto_budget(current, result, budget) == result
    assert project_onto_budget(current, proposal, budget) == result


@given(TEXTS, TEXTS, st.integers(0, 30))
def test_nothing_is_said_more_often_than_a_text_says_it(current: str, proposal: str, budget: int) -> None:
    found, old, new = (leaves(text) for text in (project_onto_budget(current, proposal, budget), current, proposal))
    assert all(found.count(each) <= max(old.count(each), new.count(each)) for each in set(found))


@given(TEXTS, TEXTS, st.integers(0, 20), st.integers(0, 20))
def test_a_wider_budget_brings_no_less_of_the_proposal(current: str, proposal: str, narrow: int, more: int) -> None:
    a, b = (project_onto_budget(current, proposal, words) for words in (narrow, narrow + more))
    if a != current:
        assert b != current


@given(st.text(max_size=80), st.text(max_size=80), st.integers(0, 12))
def test_the_budget_is_kept_for_any_text(current: str, proposal: str, budget: int) -> None:
    assert word_distance(current, project_onto_budget(current, proposal, budget)) <= budget


def test_sentences_that_fit_are_taken_and_the_others_stay() -> None:
    assert project_onto_budget(CURRENT, PROPOSAL, 2) == CURRENT
    assert (
        project_onto_budget(CURRENT, PROPOSAL, 10)
        == f"{CURRENT.partition('? ')[0]}? Answer with one word: accept or refuse."
    )
    assert project_onto_budget(CURRENT, PROPOSAL, 24) == (
        "Should this question be accepted or refused? Refuse it if it is about any other subject, such as history, "
        "law, business or physics. Answer with one word: accept or refuse."
    )
    assert project_onto_budget(CURRENT, PROPOSAL, None) == PROPOSAL


def test_a_proposal_that_is_one_word_over_is_not_spliced() -> None:
    over = word_distance(CURRENT, PROPOSAL) - 1
    result = project_onto_budget(CURRENT, PROPOSAL, over)
    assert set(leaves(result)) <= {*leaves(CURRENT), *leaves(PROPOSAL)}
    assert result.endswith("accept or refuse.")


def test_what_is_replaced_goes_only_when_what_replaces_it_has_come() -> None:
    current = "Say accept for health. Say refuse for law. Be brief."
    proposal = "Say accept for whatever concerns the body and its health in any way at all. Be brief."
    assert project_onto_budget(current, proposal, 6) == current
    assert project_onto_budget("One. Two three. Four.", "One. Four.", 1) == "One. Two three. Four."
    assert project_onto_budget("One. Two three. Four five six. Seven.", "Seven.", 3) == "Four five six. Seven."


def test_the_parts_of_a_list_and_of_a_sentence_are_taken_one_by_one() -> None:
    current = "Rules:\n1. Read it.\n2. Think.\n3. Answer.\nDone."
    proposal = "Rules:\n1. Read it twice, slowly and with care.\n2. Answer.\n3. Never explain.\nDone."
    assert (
        project_onto_budget(current, proposal, 3)
        == "Rules:\n1. Read it.\n2. Think.\n3. Answer.\n4. Never explain.\nDone."
    )
    clauses = project_onto_budget(
        "Accept the new; refuse the old; ask.", "Accept all that is new and has a seal; refuse the broken; ask.", 2
    )
    assert clauses == "Accept the new; refuse the broken; ask."


def test_the_numbers_of_a_list_are_set_right() -> None:
    current = "1. Read it all.\n2. Think.\n3. Answer."
    proposal = "1. Think.\n2. Answer in one word and give no reason for it.\n3. Stop."
    result = project_onto_budget(current, proposal, 7)
    assert [line.partition(" ")[0] for line in result.splitlines()] == ["1.", "2.", "3."][: len(result.splitlines())]


def test_a_sentence_that_moved_stays_and_comes_once() -> None:
    current = "Be brief. Judge the review. Answer yes or no."
    proposal = f"Answer yes or no. You are an expert in {'reviews and ' * 4}what they say. Judge the review. Be brief."
    assert project_onto_budget(current, proposal, 5) == current
    assert sorted(leaves(project_onto_budget(current, proposal, 16))).count("Be brief.") == 1


def test_a_sentence_never_runs_on_from_one_without_a_mark() -> None:
    current = "Judge the review"
    proposal = (
        "You judge reviews of all the goods of a shop. Think about it. Answer with one word, and do not explain it."
    )
    assert project_onto_budget(current, proposal, 4) == "Judge the review\nThink about it."
    assert project_onto_budget("- one\n- two", "- one\n- two\n\nLast words. And many more of them here.", 2) == (
        "- one\n- two\n\nLast words."
    )


def test_scripts_without_spaces_get_none() -> None:
    assert (
        project_onto_budget("判断情感。", "你是专家。判断情感。请仔细阅读整条评论再作决定。", 5)
        == "你是专家。判断情感。"
    )


def test_negative_budgets_do_not_exist() -> None:
    with pytest.raises(ValueError, match="cannot be negative, received -1"):
        project_onto_budget("a", "b", -1)


def test_long_prompts_are_projected_in_reasonable_work() -> None:
    rng = random.Random(3)
    a, b = (
        " ".join(f"Say {' '.join(rng.choices(['one', 'two', 'six', 'ten'], k=9))}." for _ in range(40))
        for _ in range(2)
    )
    assert 0 < word_distance(a, project_onto_budget(a, b, 50)) <= 50
