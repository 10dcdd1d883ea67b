"""Nearly equal inputs in two splits are found and told."""

import random
import time

import pytest

from gpo.data.near_duplicates import near_duplicates
from gpo.records import Example, Splits

STORY = "The parcel that I ordered on Monday has still not arrived, and nobody at the shop answers the telephone."


def example(text: str) -> Example:
    return Example(id=text, inputs={"text": text}, reference="x")


def told(test: list[str], dev: list[str], train: list[str] | None = None) -> tuple[str, ...]:
    found = [tuple(map(example, texts)) for texts in (train or [], dev, test)]
    return near_duplicates(Splits(train=found[0], dev=found[1], test=found[2], fingerprint=""))


@pytest.mark.parametrize(
    "copy", [f"{STORY} Thanks!", STORY.replace("Monday", "Sunday"), STORY.replace(",", ""), f"Hi. {STORY.upper()}"]
)
def test_a_reworded_copy_is_told_with_both_texts(copy: str) -> None:
    (line,) = told(["Something else entirely, about the weather.", STORY], ["Where is my invoice?", copy])
    assert line.startswith("1 example of dev nearly equals one of test; the first: ")
    assert copy[:30] in line
    assert STORY[:30] in line


@pytest.mark.parametrize(
    "other",
    [
        "Where is my invoice?",
        "The parcel that I ordered has arrived, and the people at the shop were kind to me on the telephone.",
        STORY.replace("Monday", "the 13th"),
    ],
)
def test_another_question_is_no_copy(other: str) -> None:
    assert told([STORY], [other]) == ()


def test_problems_of_one_pattern_with_other_numbers_are_no_copies() -> None:
    texts = [
        f"Eve has {n} apples, gets {n * 7 % 50} more and gives 3 away. How many apples are left?" for n in range(90)
    ]
    assert told(texts[:45], texts[45:]) == ()


def test_every_pair_of_splits_is_looked_at() -> None:
    lines = told(
        [STORY],
        ["Another story, of a lamp that broke after a day."],
        [f"{STORY} Help", "Another story, of a lamp that broke after a day!"],
    )
    assert [line.partition(";")[0] for line in lines] == [
        "1 example of train nearly equals one of test",
        "1 example of train nearly equals one of dev",
    ]


def test_copies_within_one_split_and_no_examples_are_fine() -> None:
    assert told([STORY, f"{STORY} Thanks"], []) == ()


@pytest.mark.slow
def test_ten_thousand_examples_take_seconds() -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 9))) for _ in range(3000)]
    texts = [" ".join(rng.choices(words, k=40)) for _ in range(9_999)]
    begin = time.process_time()
    (line,) = told(texts[:5000], [*texts[5000:], f"{texts[7]} again"])
    assert line.startswith("1 example of dev")
    assert time.process_time() - begin < 10
