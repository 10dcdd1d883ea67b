"""What is told of the current prompt: its failures on training examples, and why it fails."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gpo.errors import SpecError, TooManyFailures
from gpo.messages.message import Message
from gpo.models.models import Models
from gpo.models.sharing import HeldAnswers, Tally
from gpo.records import Candidate, Example, Sample, Score, Scored, Splits, Usage
from gpo.search.inform import Informed, check_training, inform, reflection_prompt
from gpo.search.requests.formatting import MAX_CASE_CHARS
from gpo.search.requests.grounding import LABELLED_EACH
from tests.gpo.search.test_refine import task
from tests.support.fakes import ScriptedModel, StatusError, chat_model, in_time, scripted

TRAIN = tuple(
    Example(id=f"t{n}", inputs={"review": f"Review {n} is {'good' if n % 2 else 'bad'}."}, reference="positive")
    for n in range(20)
)
CURRENT = Scored(candidate=Candidate(instruction="Judge the review."), score=Score(values={"d": 0.5}, planned=1))


def judge(messages: Sequence[Message]) -> str:
    """Right for the good ones: half of the examples, all of which are to be positive."""
    return "positive" if "is good." in messages[-1].text else "negative"


@dataclass
class Pair:
    """A task and an optimizer model, and what they answered."""

    task: ScriptedModel = field(default_factory=lambda: scripted(judge))
    optimizer: ScriptedModel = field(default_factory=lambda: scripted("It does not say what counts."))
    answers: HeldAnswers = field(default_factory=HeldAnswers)

    @property
    def models(self) -> Models:
        async def embed(texts: Sequence[str]) -> list[list[float]]:
            pytest.fail("nothing is embedded here")

        asked = chat_model(self.optimizer, self.answers, role="optimizer")
        return Models(
            task=chat_model(self.task, self.answers, role="task"),
            optimizer=asked,
            judge=asked,
            embed=embed,
            embedding_identity="none",
            embedding_tally=Tally(),
        )


def informed(pair: Pair, information: str = "prompt+score+reflection", step: int = 2) -> Informed:
    spec = task(optimizer={"preset": "gpo", "information": information, "batch": 6})
    rng = random.Random(f"0/{step}")
    return in_time(inform(pair.models, spec, CURRENT, TRAIN, step=step, proposals=4, known={}, rng=rng))


def batch_of(pair: Pair) -> list[str]:
    return [call.messages[-1].text.split("\n")[0] for call in pair.task.calls]


def test_without_a_reflection_no_model_is_asked() -> None:
    pair = Pair(scripted(lambda _: None), scripted(lambda _: None))
    for information in ("prompt", "prompt+score"):
        assert informed(pair, information) == Informed(current=CURRENT)


def test_a_summary_of_the_task_is_written_once_and_paid_for_by_the_first_step() -> None:
    pair = Pair(optimizer=scripted("They are reviews."))
    spec = task(optimizer={"preset": "gpo", "grounding": True})

    def told(step: int) -> Informed:
        rng = random.Random(f"0/{step}")
        return in_time(inform(pair.models, spec, CURRENT, TRAIN, step=step, proposals=4, known={}, rng=rng))

    first, second = told(1), told(2)
    assert first.grounding == second.grounding == "They are reviews."
    assert (first.usage["optimizer"].calls, dict(second.usage)) == (1, {})
    (asked,) = pair.optimizer.calls
    assert asked.text.count("Answer: positive") == LABELLED_EACH
    assert "what each of the answers positive, negative stands for" in asked.text
    assert not pair.task.calls


def test_the_failures_of_the_batch_are_shown_with_their_right_answers() -> None:
    pair = Pair()
    found = informed(pair)
    assert found.reflection == "It does not say what counts."
    assert found.usage["task"].calls == 6
    assert found.usage["optimizer"] == Usage(calls=1, input_tokens=10, output_tokens=3)
    (asked,) = pair.optimizer.calls
    assert "Judge the review." in asked.text
    batch = batch_of(pair)
    assert len(set(batch)) == 6
    for review in (example.inputs["review"] for example in TRAIN):
        assert (review in asked.text) == (review in batch and "bad" in review)
    assert asked.text.count("The model's answer: negative\nThe right answer: positive") == sum(
        "bad" in r for r in batch
    )


def test_what_the_metric_said_about_a_failure_is_told() -> None:
    failure = Sample(example="e", text="Go away.", answer="Go away.", value=0.0, feedback="It is rude.")
    example = Example(id="e", inputs={"review": "Hm."}, reference="Thank you.")
    asked = reflection_prompt(task(), "Answer.", [(example, failure)])
    assert "The right answer: Thank you.\nWhat was said about the answer: It is rude.\n" in asked
    plain = failure.model_copy(update={"feedback": ""})
    assert "What was said" not in reflection_prompt(task(), "Answer.", [(example, plain)])


def test_what_people_said_of_a_failed_example_is_told() -> None:
    example = TRAIN[0].model_copy(update={"feedback": "It is praise, read it twice"})
    text = reflection_prompt(task(), "Judge.", [(example, Sample(example="t0", text="negative", answer="n", value=0))])
    assert "The right answer: positive\nWhat people said of an answer: It is praise, read it twice" in text


def test_another_step_reflects_on_another_batch_and_the_same_one_pays_nothing() -> None:
    pair = Pair()
    first = informed(pair)
    calls = len(pair.task.calls)
    assert informed(pair) == first
    assert (len(pair.task.calls), len(pair.optimizer.calls)) == (calls, 1)
    informed(pair, step=3)
    assert set(batch_of(pair)[calls:]) - set(batch_of(pair)[:calls])


def test_where_nothing_failed_the_optimizer_model_is_not_asked() -> None:
    pair = Pair(scripted("positive"), scripted(lambda _: None))
    found = informed(pair)
    assert found.reflection == "It was tried on 6 training examples, and none of them failed."
    assert set(found.usage) == {"task"}


@pytest.mark.parametrize("optimizer", [scripted(" "), scripted(errors={0: StatusError(400)})])
def test_where_no_reflection_can_be_had_the_step_goes_on(optimizer: ScriptedModel) -> None:
    assert informed(Pair(optimizer=optimizer)).reflection is None


def test_an_example_that_is_refused_is_left_out() -> None:
    found = informed(Pair(scripted(judge, errors={0: StatusError(400)})))
    assert found.reflection
    assert found.usage["task"].calls == 5


def test_too_many_failed_calls_end_it() -> None:
    with pytest.raises(TooManyFailures):
        informed(Pair(scripted(judge, errors={number: StatusError(400) for number in range(6)})))


def test_long_texts_are_cut() -> None:
    pair = Pair(scripted("no " * 9000))
    informed(pair)
    (asked,) = pair.optimizer.calls
    assert len(asked.text) < 6 * 3 * MAX_CASE_CHARS
    assert " … " in asked.text


def splits(train: int) -> Splits:
    return Splits(train=TRAIN[:train], dev=TRAIN[10:], test=TRAIN[10:], fingerprint="f")


def test_a_reflection_without_training_examples_is_found_before_the_run() -> None:
    reflects = task(optimizer={"information": "prompt+reflection", "preset": "gpo"})
    with pytest.raises(SpecError, match=r"`optimizer.information` is prompt\+reflection.*raise dataset.split.train"):
        check_training(reflects, splits(0), ())
    check_training(reflects, splits(1), ())
    check_training(task(), splits(0), ())
    with pytest.raises(SpecError, match="besides those that `few_shot` shows"):
        check_training(reflects, splits(2), splits(2).train)


@pytest.mark.parametrize("method", [{"preset": "minibatch"}, {"preset": "gpo", "accept": "batch"}])
def test_cases_without_training_examples_are_found_before_the_run(method: dict[str, str]) -> None:
    spec = task(optimizer=method)
    with pytest.raises(SpecError, match=rf"the method `{method['preset']}` tries .* choose `optimizer: gpo`"):
        check_training(spec, splits(0), ())
    check_training(spec, splits(1), ())


# Cases of each proposal


def with_cases(
    pair: Pair, known: Mapping[str, float] | None = None, *, step: int = 2, proposals: int = 2, **options: Any
) -> Informed:
    spec = task(optimizer={"preset": "minibatch", "batch": 4, **options.pop("optimizer", {})}, **options)
    rng = random.Random(f"0/{step}")
    return in_time(
        inform(pair.models, spec, CURRENT, TRAIN, step=step, proposals=proposals, known=known or {}, rng=rng)
    )


def test_each_proposal_has_cases_of_its_own_with_the_answers_given() -> None:
    pair = Pair()
    found = with_cases(pair)
    assert [len(batch) for batch in found.batches] == [4, 4]
    cases = [case for batch in found.batches for case in batch]
    assert {case.example.inputs["review"] for case in cases} <= set(batch_of(pair))
    assert all(case.sample.text == judge([Message(role="user", text=case.example.inputs["review"])]) for case in cases)
    assert all(case.is_failure == ("bad" in case.example.inputs["review"]) for case in cases)
    assert found.cases.items() >= {case.example.id: case.sample.value for case in cases}.items()
    assert found.usage["task"].calls == len(found.cases) == len(pair.task.calls) == 8
    assert pair.optimizer.calls == []


def test_a_prompt_that_stays_current_is_tried_on_other_examples_while_failures_are_lacking() -> None:
    pair, known = Pair(scripted(lambda _: "positive")), dict[str, float]()
    for step in (1, 2, 3, 4):
        lacks = sum(value < 1 for value in known.values()) < 4
        found = with_cases(pair, known, step=step)
        assert not found.cases.keys() & known.keys()
        assert len(found.cases) == (min(8, len(TRAIN) - len(known)) if lacks else 0)
        known = {**known, **found.cases}
        assert len(pair.task.calls) == len(known)
        assert [len(batch) for batch in found.batches] == [4, 4]
    assert (found.cases, found.usage) == ({}, {})


def test_an_example_that_is_refused_is_no_case_and_is_tried_again() -> None:
    pair = Pair(scripted(judge, errors={0: StatusError(400)}))
    found = with_cases(pair)
    refused = batch_of(pair)[0]
    assert len(found.cases) == 7
    assert all(case.example.inputs["review"] != refused for batch in found.batches for case in batch)
    with_cases(pair, found.cases, step=3)
    assert refused in batch_of(pair)[8:]


def test_one_example_that_is_always_refused_does_not_end_the_run() -> None:
    pair = Pair(scripted(judge, errors={0: StatusError(400)}))
    known = {example.id: 1.0 for example in TRAIN[1:]}
    found = with_cases(pair, known)
    assert len(found.cases) <= 1
    assert found.batches


def test_a_batch_of_one_case_is_a_failure_where_there_is_one() -> None:
    found = with_cases(Pair(), optimizer={"batch": 1}, proposals=2)
    assert [len(batch) for batch in found.batches] == [1, 1]
    assert all(batch[0].is_failure for batch in found.batches) or not any(value < 1 for value in found.cases.values())


def test_demonstrations_are_no_cases() -> None:
    pair = Pair()
    spec = task(optimizer={"preset": "minibatch"}, few_shot=16)
    rng = random.Random(0)
    found = in_time(inform(pair.models, spec, CURRENT, TRAIN, step=1, proposals=2, known={}, rng=rng, shown=TRAIN[:16]))
    assert set(found.cases) == {example.id for example in TRAIN[16:]}


def test_the_batch_of_a_place_stays_that_of_the_proposal() -> None:
    found = with_cases(Pair())
    assert [found.batch_of(place) for place in (0, 1)] == list(found.batches)
    assert Informed(current=CURRENT).batch_of(3) == ()
