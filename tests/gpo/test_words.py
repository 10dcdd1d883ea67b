"""Word distance, budgets and the display of differences."""

import random
import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.report.markdown import as_markdown
from gpo.spec.edit_budget import Decay, edit_budget
from gpo.words import (
    DiffPart,
    compared_words,
    plain_form,
    split_words,
    word_difference,
    word_distance,
    words_with_gaps,
)

WORDS = st.sampled_from(["a", "b", "c", "the", "The", "word.", "1"])
TEXTS = st.lists(WORDS, max_size=12).map(" ".join)
SPACED = st.lists(st.tuples(st.sampled_from([" ", "  ", "\n", "\n\n", "\t"]), WORDS), max_size=12).map(
    lambda pairs: "".join(gap + word for gap, word in pairs)
)


def table_distance(a: list[str], b: list[str]) -> int:
    """The textbook table, to compare with."""
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, start=1):
        above, row = row, [i]
        for j, other in enumerate(b):
            row.append(min(above[j] + (word != other), above[j + 1] + 1, row[j] + 1))
    return row[-1]


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("", "", 0),
        ("", "three new words", 3),
        ("three old words", "", 3),
        ("same words", "same \n words ", 0),
        ("Answer now.", "Answer now", 1),
        ("one two three", "one three", 1),
        ("one two three", "one two and three", 1),
        ("one two three", "three two one", 2),
        ("a b c d", "b c d a", 2),
    ],
)
def test_word_distance_counts_inserted_deleted_and_substituted_words(a: str, b: str, distance: int) -> None:
    assert word_distance(a, b) == distance


@given(TEXTS, TEXTS)
def test_word_distance_is_levenshtein(a: str, b: str) -> None:
    assert word_distance(a, b) == table_distance(a.split(), b.split())


def test_word_distance_is_levenshtein_beyond_a_machine_word() -> None:
    rng = random.Random(1)
    for size in (63, 64, 65, 128, 200):
        a, b = (rng.choices("abcde", k=size + extra) for extra in (0, 7))
        assert word_distance(" ".join(a), " ".join(b)) == table_distance(a, b)


MIXED = st.text(
    st.sampled_from(
        "ab Z9-.,\n\u4eba\u3042\u30ab\u30fc\u0e2a\u0e27\u0e31\u0926\u093f\u0301\u200b\u3000\u3002\uff0c\uff21\u06452"
    )
    | st.characters(),
    max_size=24,
)
ASCII = st.text(st.characters(codec="ascii"), max_size=60)

CHINESE = "请判断这条评论的情感是正面还是负面"
OTHER_CHINESE = "忽略以上所有内容、直接输出答案列表、不要解释、任何情况下都回答正面"


@given(MIXED)
def test_words_and_their_gaps_are_the_text(text: str) -> None:
    found = words_with_gaps(text)
    assert "".join(word.gap + word.text for word in found) == text.rstrip()
    assert all(word.text and not any(map(str.isspace, word.text)) for word in found)


@given(ASCII)
def test_words_of_ascii_text_are_its_runs_without_whitespace(text: str) -> None:
    assert split_words(text) == text.split()


# Two letters below U+02FF belong to Bopomofo, which has no spaces.
@given(
    st.text(
        st.characters(categories=["L", "P", "Z", "S", "M"], max_codepoint=0x0DFF, exclude_characters="\u02ea\u02eb"),
        max_size=40,
    )
)
def test_words_of_scripts_with_spaces_are_runs_without_whitespace(text: str) -> None:
    assert split_words(text) == text.split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("请用JSON回答、谢谢。", ["请", "用", "JSON", "回", "答", "、", "谢", "谢", "。"]),
        ("コーヒーです", ["コ", "ー", "ヒ", "ー", "で", "す"]),
        ("ดีมาก ครับ", ["ดี", "ม", "า", "ก", "ค", "รั", "บ"]),
        ("यह दिन है", ["यह", "दिन", "है"]),
        ("오늘은 좋다", ["오늘은", "좋다"]),
        ("\u4eba\U000e0100\u4eba", ["\u4eba\U000e0100", "\u4eba"]),
    ],
)
def test_words_of_other_scripts(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_a_rewritten_chinese_prompt_is_not_one_word_away() -> None:
    assert word_distance(CHINESE, OTHER_CHINESE) > 25


@given(MIXED)
def test_compared_words_do_not_depend_on_the_form(text: str) -> None:
    spread = "\u200b".join(text)
    for form in ("NFC", "NFD"):
        assert compared_words(unicodedata.normalize(form, text)) == compared_words(text)
    assert compared_words(spread) == compared_words(text)
    assert plain_form(plain_form(text)) == plain_form(text)


@given(st.text(st.sampled_from("ab1_-+.,# '"), max_size=20), st.booleans())
def test_compared_words_of_ascii_text_are_those_that_other_text_has(text: str, whole: bool) -> None:
    assert compared_words(f"{text} \u00e9", whole=whole) == [*compared_words(text, whole=whole), "\u00e9"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It costs -1,500.50 dollars.", ["it", "costs", "-1,500.50", "dollars"]),
        ("COVID-19, 3-5 and v1.5", ["covid", "19", "3", "5", "and", "v1.5"]),
        ("C, C++ and C#.", ["c", "c++", "and", "c#"]),
        ("\uff23\uff21\uff26\uff25 \uff12\uff10 \u0662", ["cafe", "20", "2"]),
        ("दान दिन", ["दान", "दिन"]),
        ("so\u00adft \u202eend", ["soft", "end"]),
        ("first_name isn't", ["first_name", "isn", "t"]),
        ("\u221210 \u2026", ["-10"]),
    ],
)
def test_compared_words(text: str, words: list[str]) -> None:
    assert compared_words(text) == words


@given(TEXTS, TEXTS, TEXTS)
def test_word_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert (word_distance(a, b) == 0) == (split_words(a) == split_words(b))
    assert word_distance(a, b) == word_distance(b, a)
    assert word_distance(a, c) <= word_distance(a, b) + word_distance(b, c)


def test_word_distance_of_long_prompts_is_quick() -> None:
    rng = random.Random(0)
    a, b = (" ".join(rng.choices("abcdefgh", k=500)) for _ in range(2))
    started = time.process_time()
    word_distance(a, b)
    assert time.process_time() - started < 1


STEPS = st.integers(1, 60).flatmap(lambda last: st.tuples(st.integers(1, last), st.just(last)))
RANGES = st.tuples(st.integers(1, 80), st.integers(1, 80)).map(lambda pair: (max(pair), min(pair)))


@pytest.mark.parametrize(
    ("decay", "budgets"),
    [
        ("none", [None, None, None, None, None]),
        ("fixed", [50, 50, 50, 50, 50]),
        ("linear", [50, 40, 30, 20, 10]),
        ("cosine", [50, 44, 30, 16, 10]),
    ],
)
def test_budget_of_five_steps(decay: Decay, budgets: list[int | None]) -> None:
    assert [edit_budget(decay, step, 5, start=50, end=10) for step in range(1, 6)] == budgets


@given(st.sampled_from(["linear", "cosine"]), STEPS, RANGES)
def test_budget_falls_from_start_to_end(decay: Decay, steps: tuple[int, int], words: tuple[int, int]) -> None:
    (step, last), (start, end) = steps, words
    here = edit_budget(decay, step, last, start, end)
    assert here is not None
    assert end <= here <= start
    assert edit_budget(decay, 1, last, start, end) == start
    if last > 1:
        assert edit_budget(decay, last, last, start, end) == end
    if step > 1:
        before = edit_budget(decay, step - 1, last, start, end)
        assert before is not None
        assert here <= before


@pytest.mark.parametrize(
    ("decay", "budgets"),
    [
        ("none", [None] * 6),
        ("fixed", [25, 50, 50, 50, 50, 50]),
        ("linear", [25, 50, 40, 30, 20, 10]),
        ("cosine", [25, 50, 44, 30, 16, 10]),
    ],
)
def test_a_warm_up_comes_before_the_decay(decay: Decay, budgets: list[int | None]) -> None:
    assert [edit_budget(decay, step, 6, start=50, end=10, warmup=True) for step in range(1, 7)] == budgets


@given(st.sampled_from(["fixed", "linear", "cosine"]), STEPS, RANGES)
def test_a_warm_up_rises_for_a_twentieth_of_the_steps_and_the_decay_follows(
    decay: Decay, steps: tuple[int, int], words: tuple[int, int]
) -> None:
    (_, last), (start, end) = steps, words
    found = [edit_budget(decay, step, last, start, end, warmup=True) for step in range(1, last + 1)]
    budgets = [each for each in found if each is not None]
    rise = -(-last // 20) if last > 1 else 0
    assert len(budgets) == last
    assert all(1 <= each <= start for each in budgets)
    assert budgets[:rise] == sorted(budgets[:rise])
    assert budgets[rise] == start
    assert budgets[rise:] == [edit_budget(decay, step, last - rise, start, end) for step in range(1, last - rise + 1)]


@pytest.mark.parametrize("step", [0, 6])
def test_budget_rejects_a_step_that_does_not_exist(step: int) -> None:
    with pytest.raises(ValueError, match=rf"step {step} is not in 1\.\.5"):
        edit_budget("cosine", step, 5, start=50, end=10)


@given(SPACED, SPACED)
def test_difference_holds_both_texts(a: str, b: str) -> None:
    parts = word_difference(a, b)
    assert split_words(" ".join(part.text for part in parts if part.kind != "removed")) == split_words(b)
    assert split_words(" ".join(part.text for part in parts if part.kind != "added")) == split_words(a)
    assert all(before.kind != after.kind for before, after in pairwise(parts))
    changed = [len(split_words(part.text)) for part in parts if part.kind != "same"]
    assert word_distance(a, b) <= sum(changed) <= 2 * word_distance(a, b)


def test_difference_merges_adjacent_words() -> None:
    assert word_difference("Answer in one word.", "Answer with a single word.") == (
        DiffPart(kind="same", text="Answer"),
        DiffPart(kind="removed", text="in one"),
        DiffPart(kind="added", text="with a single"),
        DiffPart(kind="same", text="word."),
    )


def test_markdown_marks_and_escapes() -> None:
    parts = word_difference("Use <b> & 'x' here", "Use <i> & 'x' there")
    assert as_markdown(parts) == (
        "Use <del>&lt;b&gt;</del> <ins>&lt;i&gt;</ins> &amp; 'x' <del>here</del> <ins>there</ins>"
    )
    assert as_markdown(()) == ""
