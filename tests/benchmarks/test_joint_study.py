"""The truth of the study of two prompts: what is reported there rests on it."""

import pytest

from benchmarks.joint_study import PARTS, START, best_score, run_program, shuffled, true_score
from gpo.models.synthetic import task


def best_of(seed: int, part: str) -> str:
    best = task.best_instruction()
    return " ".join(phrase for phrase, stands_for in shuffled(seed, part).items() if stands_for in best)


def test_one_prompt_alone_is_held_down_by_the_other_and_both_reach_the_best() -> None:
    seed, best = 7, {part: best_of(7, part) for part in PARTS}
    assert true_score(seed, best) == pytest.approx(best_score())
    alone = [true_score(seed, {**dict.fromkeys(PARTS, START), part: best[part]}) for part in PARTS]
    assert max(alone) < 0.26
    assert best_score() > 0.8


def test_the_program_scores_as_the_truth_says() -> None:
    questions = [line.split('"')[3] for line in task.dataset(400).splitlines()]
    texts = {part: best_of(3, part) for part in PARTS}
    right = 0
    for text in questions:
        asked = task.find_question(text)
        assert asked
        right += run_program(3, texts, text) == f"The answer is {asked.answer}."
    assert right / 400 == pytest.approx(true_score(3, texts), abs=0.06)
