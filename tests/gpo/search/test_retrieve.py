"""What each strategy recalls of the prompts so far, from a real index."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from gpo.errors import PermanentCallError
from gpo.models.chat import ChatModel
from gpo.models.sharing import HeldAnswers
from gpo.records import Candidate, Score, Scored, Usage
from gpo.search.memory.ranking import Ranking
from gpo.search.retrieve import Past, Recalled, recall, summarise, summary_prompt
from gpo.spec.method import Memory
from tests.gpo.search.test_ranking import in_order
from tests.gpo.search.test_refine import task
from tests.gpo.search.test_trajectory import opened, scored
from tests.support.fakes import StatusError, chat_model, in_time, scripted

ROWS = [
    scored("read the review", 0, 0, 0.5),
    scored("say one word", 1, 1, 1.0),
    scored("read the long review", 1, 2, 0.25),
    scored("answer positive or negative", 2, 1, 0.75),
]


def recalled(home: Path, memory: Memory, step: int = 3, k: int = 3) -> Recalled:
    async def noted() -> Recalled:
        return Recalled(summary="shorter is better", usage={"optimizer": Usage(calls=1)})

    def ranked(by: Ranking, candidate: str | None = None) -> Iterator[Scored]:
        return in_order([row for row in ROWS if row.candidate.step < step], by, candidate)

    async def work() -> Recalled:
        async with opened(home) as trajectory:
            await trajectory.add("r", ROWS)
            return await recall(memory, Past(trajectory, "r", step, ROWS[0].candidate, k, noted, ranked))

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("memory", "texts"),
    [
        ("none", []),
        ("summary", []),
        ("recency", ["read the review", "read the long review", "answer positive or negative"]),
        ("importance", ["read the review", "answer positive or negative", "say one word"]),
        ("relevance", ["say one word", "read the long review", "read the review"]),
    ],
)
def test_each_strategy_recalls_its_own_in_ascending_order(tmp_path: Path, memory: Memory, texts: list[str]) -> None:
    found = recalled(tmp_path, memory)
    assert [item.instruction for item in found.neighbours][-2:] == texts[-2:]
    assert len(found.neighbours) == len(texts)
    assert found.summary == ("shorter is better" if memory == "summary" else "")
    assert found.usage == ({"optimizer": Usage(calls=1)} if memory == "summary" else {})


@pytest.mark.parametrize("memory", get_args(Memory))
def test_the_present_and_the_future_are_not_recalled(tmp_path: Path, memory: Memory) -> None:
    assert {item.step for item in recalled(tmp_path, memory, step=1, k=9).neighbours} <= {0}


# The summary


def summarised(model: ChatModel, previous: str = "", fresh: list[Scored] | None = None, step: int = 2) -> str:
    rows = ROWS[:3] if fresh is None else fresh
    return in_time(summarise(model, task(), step, previous, rows)).text


def test_the_summary_is_written_from_the_last_one_and_what_was_scored_since() -> None:
    fake = scripted("<think>Hm.</think>\nBe brief.\n")
    remark = in_time(summarise(chat_model(fake, role="optimizer"), task(), 3, "Name the labels.", ROWS[1:3]))
    assert remark.text == "Be brief."
    assert remark.usage == {"optimizer": Usage(calls=1, input_tokens=10, output_tokens=3)}
    (call,) = fake.calls
    assert call.text == summary_prompt(task(), "Name the labels.", ROWS[1:3])
    for expected in ("Name the labels.", "Instruction: say one word\nScore: 100", "read the long review\nScore: 25"):
        assert expected in call.text
    assert "read the review\n" not in call.text


def test_a_score_of_few_examples_says_so_in_the_summary() -> None:
    ended = Scored(candidate=Candidate(instruction="Judge.", step=1), score=Score(values={"a": 1.0}, planned=48))
    assert "Instruction: Judge.\nScore: 100 (on 1 of 48 examples)" in summary_prompt(task(), "", [ended])


def test_where_nothing_was_scored_nothing_is_asked() -> None:
    fake = scripted(lambda _: None)
    assert summarised(chat_model(fake), "Be brief.", []) == "Be brief."
    assert fake.calls == []


@pytest.mark.parametrize("fake", [scripted(""), scripted("<think>long"), scripted(errors={0: StatusError(400)})])
def test_the_last_summary_stays_where_none_is_written(fake: object) -> None:
    assert summarised(chat_model(fake), "Be brief.") == "Be brief."  # type: ignore[arg-type]


def test_a_failure_is_no_summary() -> None:
    with pytest.raises(PermanentCallError, match="HTTP 401"):
        summarised(chat_model(scripted(errors={0: StatusError(401)})))


def test_a_summary_that_was_paid_for_is_not_bought_again_but_another_step_has_its_own() -> None:
    answers = HeldAnswers()
    assert summarised(chat_model(scripted("One."), answers)) == "One."
    assert summarised(chat_model(scripted(lambda _: None), answers)) == "One."
    assert summarised(chat_model(scripted("Two."), answers), step=3) == "Two."
