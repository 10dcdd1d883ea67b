"""Proposals that break off, and those that lose a label."""

import pytest

from gpo.search.edits.soundness import is_cut_off, lost_labels, named_labels

CURRENT = "Decide whether the review is positive or negative."
LABELS = ("positive", "negative", "mixed")


@pytest.mark.parametrize(
    "text",
    [
        "Decide whether the review is positive or",
        "Read the review and",
        "Consider the tone, the price,",
        "Answer with one of (positive, negative",
        'Say "positive',
        "Read the review. Then decide whether it is good for the",
        "Decide what the customer thinks of",
        "Judge the tone. Then weigh the compl",
        "Judge it -",
        "请判断。然后\uff08回答",
        "Lies den Text und",
    ],
)
def test_a_proposal_that_breaks_off_is_seen(text: str) -> None:
    assert is_cut_off(CURRENT, text)


@pytest.mark.parametrize(
    "text",
    [
        "Is it good?",
        "Classify the review as positive or negative",
        "Judge it. Answer with one word:",
        "Judge it. Answer:\n- positive\n- negative",
        'Judge it. Say "positive" or "negative"',
        'Judge it (or do not). Use 5" screens as a hint.',
        "Judge it. Be brief (one word)",
        "Say :( for bad reviews.",
        "请判断这条评论。回答正面或负面。",
        "判断情感",
        "อ่านรีวิว แล้วตอบว่าดีหรือไม่ดี",
        "Rate it from 1 to 5",
        "",
    ],
)
def test_a_whole_proposal_is_not(text: str) -> None:
    assert not is_cut_off(CURRENT, text)


def test_a_preposition_may_end_a_text_like_the_current_one() -> None:
    assert is_cut_off("Name the topic.", "Name the topic it belongs to")
    assert not is_cut_off("Name the topic", "Name the topic it belongs to")


def test_a_label_that_the_current_text_names_may_not_be_lost_alone() -> None:
    current = "Say positive, negative or mixed."
    assert lost_labels(current, "Answer Positive or MIXED only.", LABELS) == ("negative",)
    assert lost_labels(current, "Judge the tone.", LABELS) == ()
    assert lost_labels("Is it positive or not?", "Judge it: negative or mixed.", LABELS) == ()
    assert lost_labels(CURRENT, "Say positive, negative or mixed.", LABELS) == ()
    assert lost_labels(current, "Say positively nothing, or negative.", LABELS) == ("positive", "mixed")


def test_labels_of_one_character_and_their_ranges() -> None:
    letters = ("(A)", "(B)", "(C)", "(D)")
    assert lost_labels("Say (A), (B), (C) or (D).", "Give the letter, (A) to (D).", letters) == ()
    assert lost_labels("Say A, B, C or D.", "Say A, B or D.", ("A", "B", "C", "D")) == ("C",)
    assert lost_labels("Rate it 1, 2, 3, 4 or 5.", "Rate it from 1-5.", ("1", "2", "3", "4", "5")) == ()
    assert lost_labels("Rate it 1, 2, 3, 4 or 5.", "Give it a grade.", ("1", "2", "3", "4", "5")) == ()


def test_labels_of_several_words_and_of_other_scripts() -> None:
    assert named_labels("Is it very-Good or bad?", ("very good", "good", "very bad")) == ("very good", "good")
    assert named_labels("回答正面或负面。", ("正面", "负面", "中性")) == ("正面", "负面")
