"""What gives examples away, openly and in disguise, and what every instruction may say."""

import itertools
import random
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.data.leaks import FreeRuns, LeakGuard, leak_words
from gpo.data.splits import load_splits
from gpo.spec.file import load_spec
from tests.support.paths import ROOT

FOX = "The quick brown fox jumps over the lazy dog near the river bank today"
REFUND = "如果客户要求退款并且订单已经发货超过三十天请拒绝退款申请并说明原因"
BROKEN = "この商品は三日で壊れてしまいとても残念でしたが、対応は丁寧でした。"
THAI = "สินค้าชิ้นนี้พังภายในสามวันและฉันผิดหวังมากแต่พนักงานสุภาพ"
HINDI = "यह उत्पाद तीन दिन में टूट गया और मुझे बहुत निराशा हुई"
RUSSIAN = "Этот товар сломался через три дня и я очень разочарован покупкой"

LOOK_ALIKES = str.maketrans("aceopxyi", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456")


def filled(text: str, every: int, filler: str = "really") -> str:
    words = text.split()
    groups = [words[start : start + every] for start in range(0, len(words), every)]
    return f" {filler} ".join(" ".join(group) for group in groups)


DISGUISES = {
    "verbatim": FOX,
    "capitals and hyphens": FOX.upper().replace(" ", "-"),
    "a filler after each seventh word": filled(FOX, 7),
    "a filler after each fourth word": filled(FOX, 4),
    "a filler after each second word": filled(FOX, 2, "uh"),
    "an invisible character in a word": FOX.replace("jumps", "ju\u200bmps").replace("river", "ri\u00adver"),
    "an invisible character everywhere": "\u2060".join(FOX),
    "Cyrillic letters": FOX.replace("o", "\u043e"),
    "many look-alike letters": FOX.translate(LOOK_ALIKES),
    "Greek letters": FOX.replace("o", "\u03bf").replace("v", "\u03bd"),
    "full width": "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else "\u3000" for each in FOX),
    "bold letters": "".join(chr(0x1D41A + ord(each) - 97) if "a" <= each <= "z" else each for each in FOX.lower()),
    "accents": unicodedata.normalize("NFC", FOX.replace("e", "e\u0301").replace("o", "o\u0308")),
    "underscores": FOX.replace(" ", "_"),
    "no spaces": FOX.replace(" ", ""),
    "spaces between letters": " ".join(FOX.replace(" ", "")),
    "points between letters": ".".join(FOX),
    "a word left out": FOX.replace(" brown", ""),
    "in a sentence": f"Judge well. For example, {FOX.lower()}: that one is negative.",
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_an_example_in_disguise_is_seen(disguise: str) -> None:
    assert LeakGuard([FOX]).finds(DISGUISES[disguise])


@pytest.mark.parametrize("text", [REFUND, BROKEN, THAI, HINDI, RUSSIAN], ids=["zh", "ja", "th", "hi", "ru"])
@pytest.mark.parametrize("form", ["{}", "例子 {}", "Example: {} Answer: negative"])
def test_an_example_in_any_script_is_seen(text: str, form: str) -> None:
    guard = LeakGuard([text, FOX])
    assert guard.finds(form.format(text))
    assert guard.finds(form.format(unicodedata.normalize("NFD", text)))


def test_a_part_of_a_long_example_with_fillers_is_seen() -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghij", k=5)) for _ in range(120)]
    guard = LeakGuard([" ".join(words)])
    for start in range(0, 100, 7):
        assert guard.finds(f"Say it: {filled(' '.join(words[start : start + 16]), 5)}")


def test_few_words_of_an_example_are_no_leak() -> None:
    guard = LeakGuard([FOX, REFUND, BROKEN])
    assert not guard.finds("Is the quick brown fox jumps over it a sentence? See the river bank.")
    assert not guard.finds("请判断客户的退款申请是否合理并说明原因")
    assert not guard.finds("この商品の評価は肯定的ですか、否定的ですか。")


def test_a_text_of_fewer_than_four_words_is_not_guarded() -> None:
    guard = LeakGuard(["Too bad.", "very positive", "退款申请", "Not worth the money."])
    assert not guard.finds("Too bad is very positive, 退款申请.")
    assert guard.finds("Not worth the money: negative.")


def test_what_is_allowed_gives_nothing_away() -> None:
    stem = "If you follow these instructions, do you return to the starting point?"
    guard = LeakGuard(
        [f"{stem} Take eleven steps to the left and then go back home again.", "the customer wants a refund"],
        FreeRuns([f"{stem} Take seven steps forward.", "Labels: the customer wants a refund, the customer is happy"]),
    )
    assert not guard.finds(f"{stem} Think before you answer.")
    assert not guard.finds(filled(stem, 5))
    assert not guard.finds("Say `the customer wants a refund` where money is asked back.")
    assert guard.finds("Take eleven steps to the left and then go back home again.")


@given(st.text(max_size=60))
def test_a_text_without_shared_words_is_no_leak(text: str) -> None:
    words = set(leak_words(text))
    assert not LeakGuard([" ".join(f"zq{number}" for number in range(40))]).finds(text) or words


@given(st.lists(st.sampled_from([*"abcdefgh", "人", "口", "ดี"]), min_size=32, max_size=60), st.integers(0, 1))
def test_a_guarded_text_is_always_seen_in_itself(words: list[str], spaced: int) -> None:
    text = " ".join(words) if spaced else "-".join(words)
    assert LeakGuard([" ".join(words)]).finds(f"Note that {text.upper()} holds")


SUBJECTS = ("the review", "this customer review", "the text", "the sentence below", "the following review of a product")
TASKS = (
    "Decide whether {} is positive or negative.",
    "Read {} carefully and say if the customer is happy with the product or not.",
    "Classify the sentiment of {} as positive or negative, and answer with one word only.",
    "You are an expert in sentiment analysis. Weigh praise against complaints in {}, then decide.",
    "Think step by step about what {} says about quality, price and service before you answer.",
    "Look at {}: if the last sentence says that it broke or does not work, answer negative.",
)
ENDINGS = (
    "",
    "Reply with exactly one word: positive or negative.",
    "Mixed reviews that end well are positive; those that end with a complaint are negative.",
    "Irony counts as negative. It works well, but the cap falls off, is a complaint.",
    "Do not explain. A review that recommends the product to others is positive.",
    "When in doubt, ask whether the writer would buy it again.",
)
OTHERS = (
    "Solve the problem step by step and give the final number after the answer is.",
    "Answer the question with yes or no. Think about where you end up after all the steps.",
    "Let's think step by step. Take note of every turn and of the number of steps in each direction.",
    "Count the objects in the list one after the other and give their number.",
    "Sort the words in alphabetical order, letter by letter, and write them with single spaces between them.",
    "Which of the options is the right answer? Give its letter in parentheses.",
    "Evaluate the expression from the inside out: first not, then and, then or. Say True or False.",
    "Describe the facts in one or two sentences of plain English, and leave none of them out.",
    "Choose the sentence whose adjectives stand in the usual order: opinion, size, age, shape, colour, origin.",
    "Find a movie similar to the ones that are named, and give the letter of the option.",
)


def instructions() -> list[str]:
    made = [
        f"{task.format(subject)} {ending}".strip()
        for subject, task, ending in itertools.product(SUBJECTS, TASKS, ENDINGS)
    ]
    return [*made, *OTHERS]


def test_ordinary_instructions_are_no_leaks() -> None:
    spec = load_spec(ROOT / "examples" / "review-sentiment" / "spec.yaml")
    splits = load_splits(spec)
    guard = LeakGuard([text for each in (*splits.dev, *splits.test) for text in each.inputs.values()])
    assert [text for text in instructions() if guard.finds(text)] == []
    assert all(guard.finds(f"As in: {text}") for each in splits.dev for text in each.inputs.values())


@pytest.mark.slow
def test_thousands_of_examples_take_milliseconds_a_proposal() -> None:
    rng = random.Random(1)
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(4000)]
    weights = [1 / rank for rank in range(1, 4001)]
    texts = [" ".join(rng.choices(vocabulary, weights, k=100)) for _ in range(3000)]
    guard = LeakGuard(texts)
    proposals = [" ".join(rng.choices(vocabulary, weights, k=150)) for _ in range(20)]
    guard.finds(proposals[0])
    began = time.process_time()
    assert not any(map(guard.finds, proposals))
    assert (time.process_time() - began) / len(proposals) < 0.5
    assert guard.finds(filled(texts[-1], 6))
