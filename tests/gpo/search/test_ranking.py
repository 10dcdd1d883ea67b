"""Which of the latest, and which of the best, are shown."""

import itertools
from collections.abc import Iterator, Sequence

import pytest

from gpo.records import Candidate, Score, Scored
from gpo.search.memory.ranking import Ranking, last_ranked
from gpo.spec.program_text import join_texts


def scored(instruction: str, step: int, number: int = 0, value: float = 0.5, planned: int = 1) -> Scored:
    candidate = Candidate(instruction=instruction, step=step, number=number)
    return Scored(candidate=candidate, score=Score(values={"e": value}, planned=planned))


def in_order(rows: Sequence[Scored], by: Ranking, candidate: str | None = None) -> Iterator[Scored]:
    """What the database gives: the last first."""

    def order(row: Scored) -> tuple[float, ...]:
        time = row.candidate.step, row.candidate.number
        return time if by == "time" else (row.score.complete, row.percent, *time)

    rows = sorted(rows, key=lambda row: (order(row), row.candidate.id), reverse=True)
    return (row for row in rows if candidate in (None, row.candidate.id))


ROWS = [scored(f"prompt {n}", n // 8, n % 8, [0.25, 0.5, 1.0][n * 7 % 3]) for n in range(40)]


@pytest.mark.parametrize("by", ["time", "score"])
def test_the_last_come_last_and_the_current_one_is_among_them(by: Ranking) -> None:
    best_last = list(in_order(ROWS, by))[::-1]
    for current, k in itertools.product(ROWS[::7], (1, 3, 9, 99)):
        others = [row for row in best_last if row != current]
        kept = [current, *others[max(0, len(others) - k + 1) :]]
        found = last_ranked(lambda by, only=None: in_order(ROWS, by, only), by, current.candidate, k)
        assert [hit.instruction for hit in found] == [row.candidate.instruction for row in best_last if row in kept]
    newcomer = Candidate(instruction="new", step=9)
    found = last_ranked(lambda by, only=None: in_order(ROWS, by, only), by, newcomer, 3)
    assert [hit.instruction for hit in found] == [row.candidate.instruction for row in best_last[-3:]]


def test_a_score_that_the_race_ended_is_told_and_ranks_below_a_whole_one() -> None:
    rows = [scored("whole", 0, value=0.25), scored("ended", 1, value=1.0, planned=8)]
    found = last_ranked(lambda by, only=None: in_order(rows, by, only), "score", rows[0].candidate, 3)
    assert [(hit.instruction, hit.n, hit.planned, hit.complete) for hit in found] == [
        ("ended", 1, 8, False),
        ("whole", 1, 1, True),
    ]


def test_equal_texts_appear_once_with_the_score_that_ranks_last() -> None:
    rows = [scored("same", step, value=value) for step, value in enumerate([0.5, 1.0, 0.25])] + [scored("other", 1, 1)]
    found = last_ranked(lambda by, only=None: in_order(rows, by, only), "score", rows[3].candidate, 3)
    assert [(hit.instruction, hit.percent, hit.step) for hit in found] == [("other", 50.0, 1), ("same", 100.0, 1)]


def test_of_a_program_the_texts_of_one_part_are_ranked() -> None:
    texts = [("plan", "act"), ("plan", "act well"), ("plan more", "act"), ("plan", "do")]
    rows = [scored(join_texts({"a": a, "b": b}), step, value=step / 4) for step, (a, b) in enumerate(texts)]
    found = last_ranked(
        lambda by, only=None: in_order(rows, by, only), "score", rows[1].candidate, 2, parts=("a", "b"), part="b"
    )
    assert [(hit.instruction, hit.part, hit.percent) for hit in found] == [("act well", "b", 25.0), ("do", "b", 75.0)]


def test_no_more_is_read_than_is_shown() -> None:
    read: list[int] = []

    def ranked(by: Ranking, candidate: str | None = None) -> Iterator[Scored]:
        for number, row in enumerate(in_order(ROWS, by, candidate)):
            read.append(number)
            yield row

    last_ranked(ranked, "time", ROWS[0].candidate, 3)
    assert read == [0, 1, 2, 0]
