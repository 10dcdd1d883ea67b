"""A task with a known answer: how good an instruction is, is a function that is written down here.

It serves tests, and the study of the algorithm without a language model. The questions are small sums. Whether the
synthetic task model answers one rightly depends on the *quality* of the instruction, a number in 0..1 known from its
words, and on the *difficulty* of the question, spread evenly over 0..1. So the mean score of an instruction over many
questions is close to its quality, its score over a few is a noisy estimate of it, and the scores of two instructions
on the same questions go together, as those of real prompts do.

What makes up the quality, of an instruction read without case and punctuation:

- `BASE`, for any instruction;
- the worth of every phrase of `WORTH` that it holds, once, be it helpful or harmful;
- the worth of every pair of `TOGETHER` of which it holds both phrases;
- less `WORD_COST` for each word beyond `FREE_WORDS`.
"""

import hashlib
import json
import random
import re
from collections.abc import Mapping
from itertools import combinations
from statistics import NormalDist

from gpo.records import Record

BASE = 0.25
FREE_WORDS = 40
WORD_COST = 0.005

WORTH: Mapping[str, float] = {
    "Think step by step.": 0.10,
    "Check the result once more.": 0.08,
    "Subtract what is given away.": 0.08,
    "Write down each number first.": 0.06,
    "Answer with a number.": 0.06,
    "Be very brief.": 0.04,
    "Use a table.": 0.02,
    "Tell a short story.": -0.06,
    "Use creative language.": -0.06,
    "Answer as fast as possible.": -0.08,
    "Guess if unsure.": -0.10,
    "Round all numbers.": -0.12,
}
"""What a phrase adds to the quality by itself."""

TOGETHER: Mapping[tuple[str, str], float] = {
    ("Make a plan.", "Follow the plan exactly."): 0.10,
    ("Name what is asked for.", "Ignore everything else."): 0.10,
    ("Think step by step.", "Be very brief."): -0.10,
}
"""What two phrases add when both are there: two pairs work only together, one stands in its own way."""

NEUTRAL = (
    "Be polite.",
    "Good luck.",
    "Read the text.",
    "Take a deep breath.",
    "This matters to me.",
    "Use plain words.",
    "You are a helpful assistant.",
    "You have plenty of time.",
)

PHRASES = tuple(sorted({*WORTH, *(phrase for pair in TOGETHER for phrase in pair), *NEUTRAL}))
"""All phrases in alphabetical order, which tells nothing of their worth."""

START = "Solve the problem."

_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gwen", "Hugo", "Iris", "Jon", "Kim", "Leo")
_THINGS = ("apples", "books", "coins", "eggs", "lamps", "marbles", "pens", "shells", "stamps", "tickets")
_QUESTION = re.compile(r"\w+ has (\d+) (\w+), gets (\d+) more and gives (\d+) away\. How many \2 are left\?")
_WORD = re.compile(r"\w+")


class Question(Record):
    """A question as the synthetic task has them, what it counts, and its right answer."""

    text: str
    things: str
    answer: int


def quality(instruction: str) -> float:
    """How good an instruction is, in 0..1: the truth that a search can only estimate.

    >>> quality("Solve the problem."), round(quality("Think step by step. Guess if unsure."), 2)
    (0.25, 0.25)
    >>> round(quality("Make a plan."), 2), round(quality("Make a plan. Follow the plan exactly."), 2)
    (0.25, 0.35)
    """
    words = _WORD.findall(instruction.casefold())
    text = _spaced(words)

    def holds(phrase: str) -> bool:
        return _SOUGHT[phrase] in text

    alone = sum(worth for phrase, worth in WORTH.items() if holds(phrase))
    together = sum(worth for pair, worth in TOGETHER.items() if all(map(holds, pair)))
    cost = WORD_COST * max(0, len(words) - FREE_WORDS)
    return min(1.0, max(0.0, BASE + alone + together - cost))


def best_instruction() -> str:
    """An instruction of the highest quality that phrases can reach, found by trying every set that could be it."""
    useful = [phrase for phrase in PHRASES if WORTH.get(phrase, 0.0) > 0 or any(phrase in pair for pair in TOGETHER)]
    sets = (chosen for size in range(len(useful) + 1) for chosen in combinations(useful, size))
    return max((" ".join(chosen) for chosen in sets), key=quality)


def difficulty(question: str) -> float:
    """How good an instruction has to be for a question: a number in 0..1 that hangs on its text alone."""
    return _uniform("difficulty", question)


def find_question(text: str) -> Question | None:
    """The last question that stands in `text`; None when there is none.

    >>> find_question("Ada has 5 pens, gets 3 more and gives 2 away. How many pens are left? Solve it.").answer
    6
    """
    found = list(_QUESTION.finditer(text))
    if not found:
        return None
    has, gets, gives = (int(found[-1][group]) for group in (1, 3, 4))
    return Question(text=found[-1][0], things=found[-1][2], answer=has + gets - gives)


def answer(
    instruction: str, question: Question, *, noise: float, seed: int, sample: int = 0, strength: float = 0.0
) -> int:
    """What the synthetic task model answers: the right number where quality and noise together exceed the difficulty.

    `strength` adds to the quality of every instruction: it is that of the model.

    The noise of an (instruction, question) pair is a fixed draw from a normal distribution with standard deviation
    `noise`; `seed` and `sample` give others. A wrong answer is off by 1 to 9.
    """
    draw = _uniform("noise", seed, sample, instruction, question.text)
    luck = NormalDist(0, noise).inv_cdf(min(max(draw, 1e-12), 1 - 1e-12)) if noise else 0.0
    if quality(instruction) + strength + luck > difficulty(question.text):
        return question.answer
    off = 1 + int(9 * _uniform("error", seed, sample, instruction, question.text))
    return question.answer + (off if draw < 0.5 else -off)


def questions(count: int, seed: int = 0) -> list[Question]:
    """`count` different questions."""
    rng = random.Random(seed)  # noqa: S311 - sampling, not secrets
    found: dict[str, Question] = {}
    while len(found) < count:
        has, gets = rng.randint(10, 99), rng.randint(10, 99)
        things = rng.choice(_THINGS)
        text = (
            f"{rng.choice(_NAMES)} has {has} {things}, gets {gets} more and gives {rng.randint(1, has + gets)} away. "
            f"How many {things} are left?"
        )
        question = find_question(text)
        if question is not None:
            found[text] = question
    return list(found.values())


def dataset(count: int, seed: int = 0) -> str:
    """`count` questions as JSONL with the fields `question` and `answer`."""
    return "".join(
        json.dumps({"question": each.text, "answer": str(each.answer)}) + "\n" for each in questions(count, seed)
    )


def _spaced(words: list[str]) -> str:
    return f" {' '.join(words)} "


_SOUGHT = {phrase: _spaced(_WORD.findall(phrase.casefold())) for phrase in PHRASES}


def _uniform(*parts: object) -> float:
    """A number in 0..1 that is the same for the same parts, on every machine."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) / 2**64
