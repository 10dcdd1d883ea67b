"""The second look at the best prompts, before one of them is the result."""

from collections.abc import Sequence
from typing import Any

import pytest

from gpo.errors import TooManyFailures
from gpo.records import Finalist, Score, Scored
from gpo.search.confirm import Confirmed, choose_finalist, confirm, name_finalists
from gpo.search.select import conclude_search, start_search
from gpo.template import Message
from tests.gpo.search.test_inform import TRAIN, Pair
from tests.gpo.search.test_refine import task
from tests.gpo.search.test_select import after, scored
from tests.support.fakes import StatusError, in_time, scripted

START = scored("start", 5, step=0)
FIVE = TRAIN[:5]


def answer(messages: Sequence[Message]) -> str:
    """Right for all training examples with an instruction that generalises, and for none with another."""
    return "positive" if "general" in messages[-1].text else "negative"


def confirmed(scored_prompts: Sequence[Scored], pair: Pair | None = None, **optimizer: Any) -> Confirmed:
    spec = task(optimizer={"preset": "minibatch"} | optimizer)
    return in_time(confirm((pair or Pair(scripted(answer))).models, spec, scored_prompts, FIVE))


def finalist(text: str, right: int, fresh: int, n: int = 5) -> Finalist:
    values = {f"t{number}": float(number < fresh) for number in range(n)}
    return Finalist(scored=scored(text, right), fresh=Score(values=values, planned=n))


def test_the_finalists_are_the_best_whole_scores_and_the_first_of_equals() -> None:
    few = scored("cut short", 3, n=3)
    found = name_finalists([START, scored("a", 7), few, scored("b", 7), scored("c", 9), scored("d", 1)], 3)
    assert [item.candidate.instruction for item in found] == ["c", "a", "b"]
    twice = [START, scored("a", 7), scored("a", 7, step=2)]
    assert [item.candidate.instruction for item in name_finalists(twice, 3)] == ["a", "start"]


def test_the_start_is_among_them_where_it_is_as_good() -> None:
    found = confirmed([START, scored("a", 4), scored("b", 6)], finalists=2)
    assert [each.scored.candidate.instruction for each in found.finalists] == ["b", "start"]


def test_what_is_best_on_both_together_is_the_result() -> None:
    # On dev 8 and 7 of 10, on the training examples none and all of 5.
    lucky, general = scored("lucky", 8), scored("general", 7, number=2)
    search = after(start_search(START), lucky, general)
    assert search.best == lucky
    found = confirmed(search.scored)
    assert [(each.scored.candidate.instruction, each.fresh.mean) for each in found.finalists] == [
        ("lucky", 0.0),
        ("general", 1.0),
        ("start", 0.0),
    ]
    assert found.usage["task"].calls == 3 * len(FIVE)
    ended = conclude_search(search, found)
    assert (ended.best, ended.finalists, ended.final_usage) == (general, found.finalists, found.usage)
    assert all(each.fresh.samples == () for each in ended.finalists)


def test_of_equals_the_better_on_dev_is_the_result() -> None:
    # 12 of 15 both.
    assert choose_finalist([finalist("dev", 8, 4), finalist("fresh", 7, 5)]).candidate.instruction == "dev"
    assert choose_finalist([finalist("first", 8, 4), finalist("second", 8, 4)]).candidate.instruction == "first"


def test_a_start_that_holds_up_better_is_the_result() -> None:
    search = after(start_search(START), scored("lucky", 6))
    found = Confirmed(finalists=(finalist("lucky", 6, 0), Finalist(scored=START, fresh=finalist("", 0, 4).fresh)))
    assert conclude_search(search, found).best == START


@pytest.mark.parametrize(
    ("prompts", "examples", "finalists"),
    [([START], FIVE, 3), ([START, scored("a", 7)], FIVE, 1), ([START, scored("a", 7)], FIVE, 0), ([START], (), 3)],
)
def test_with_nothing_to_choose_nothing_is_asked(prompts: list[Scored], examples: Any, finalists: int) -> None:
    models = Pair(scripted(lambda _: None)).models
    spec = task(optimizer={"preset": "minibatch", "finalists": finalists})
    assert in_time(confirm(models, spec, prompts, examples)) == Confirmed()
    search = after(start_search(START), scored("a", 7))
    assert conclude_search(search, Confirmed()) == search


def test_half_of_the_calls_may_fail_and_more_end_it() -> None:
    two = [START, scored("general", 7)]
    some = Pair(scripted(answer, errors={0: StatusError(400), 1: StatusError(400)}))
    assert sorted(each.fresh.failed for each in confirmed(two, some).finalists) in ([0, 2], [1, 1])
    with pytest.raises(TooManyFailures):
        confirmed(two, Pair(scripted(answer, errors={number: StatusError(400) for number in range(10)})))
