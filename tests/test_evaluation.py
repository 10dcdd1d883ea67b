"""Scoring a prompt: order, answers that cannot be read, calls that fail, the race."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel

from gpo.errors import PermanentCallError, TooManyFailures, TransientCallError
from gpo.evaluation import KEPT_SAMPLES, completed, evaluate, task_sampling
from gpo.models import ChatModel, Sampling
from gpo.preflight import HeldAnswers
from gpo.progress import Answered, Dropped, Event, listening
from gpo.records import Example, Score
from gpo.spec import AnswerSpec, TaskSpec
from gpo.template import Message
from tests.fakes import StatusError, chat_model, scripted

LABELS = ("positive", "negative")


def task(**changes: Any) -> TaskSpec:
    content = {
        "name": "reviews",
        "prompt": {"instruction": "Judge.", "messages": [{"user": "{{review}} {{instruction}}"}]},
        "dataset": {"path": "reviews.jsonl", "input": "review", "reference": "label"},
        "answer": {"kind": "choice", "labels": LABELS},
    }
    return TaskSpec.model_validate(content | changes)


def examples(count: int) -> list[Example]:
    """Positive where the number is even."""
    return [Example(id=f"e{n}", inputs={"review": f"review {n}"}, reference=LABELS[n % 2]) for n in range(count)]


def number_in(messages: Sequence[Message]) -> int:
    return int(messages[0].text.split()[1])


def right(messages: Sequence[Message]) -> str:
    return LABELS[number_in(messages) % 2]


def score_of(
    model: BaseChatModel | ChatModel, count: int, spec: TaskSpec | None = None, incumbent: Score | None = None
) -> Score:
    chat = model if isinstance(model, ChatModel) else chat_model(model)
    return asyncio.run(evaluate(chat, spec or task(), "Judge.", examples(count), incumbent))


def heard_while(work: Any) -> list[Event]:
    heard: list[Event] = []
    with listening(heard.append):
        work()
    return heard


def test_values_are_in_the_order_of_the_examples() -> None:
    fake = scripted(lambda messages: right(messages) if number_in(messages) < 4 else "positive")
    score = score_of(fake, 6)
    assert list(score.values.items()) == [("e0", 1), ("e1", 1), ("e2", 1), ("e3", 1), ("e4", 1), ("e5", 0)]
    assert (score.planned, score.n, score.failed, score.unparsed, score.complete) == (6, 6, 0, 0, True)


def test_calls_for_one_example_of_many_candidates_go_out_together() -> None:
    fake = scripted(right)
    model = chat_model(fake, max_concurrency=1)

    async def run() -> None:
        await asyncio.gather(*(evaluate(model, task(), text, examples(5)) for text in ("One.", "Two.", "Three.")))

    asyncio.run(run())
    # The slot was free for the first call: it alone could not be weighed against others.
    assert [number_in(call.messages) for call in fake.calls] == sorted(list(range(5)) * 3)


def test_an_answer_that_cannot_be_read_is_0_and_counted() -> None:
    score = score_of(scripted(lambda messages: "hm" if number_in(messages) in (1, 2) else right(messages)), 5)
    assert list(score.values.values()) == [1, 0, 0, 1, 1]
    assert (score.unparsed, score.failed, score.mean) == (2, 0, 0.6)


def test_a_failed_call_is_left_out_and_counted() -> None:
    fake = scripted(right, errors={1: StatusError(500)})
    score = score_of(fake, 5, task(max_failure_rate=0.2))
    assert list(score.values) == ["e0", "e2", "e3", "e4"]
    assert (score.failed, score.mean, score.complete) == (1, 1.0, True)


@pytest.mark.parametrize(("status", "transient"), [(503, True), (401, False)])
def test_too_many_failures_end_the_evaluation_and_its_calls(status: int, transient: bool) -> None:
    fake = scripted(right, errors={number: StatusError(status, "no way") for number in range(1, 40)})
    answers = HeldAnswers()
    model = chat_model(fake, answers, max_concurrency=1)
    with pytest.raises(TooManyFailures, match=f"3 of 40 calls failed.*HTTP {status}: no way") as caught:
        score_of(model, 40)
    assert caught.value.transient is transient
    assert isinstance(caught.value.__cause__, TransientCallError if transient else PermanentCallError)
    assert len(fake.calls) <= 5
    kept = model.key([Message(role="user", text="review 0 Judge.")], Sampling())
    assert len(asyncio.run(answers.find([kept]))) == 1


def test_the_race_counts_failures_over_all_examples() -> None:
    spec = task(max_failure_rate=0.1, optimizer={"race_after": 4})
    incumbent = Score(values={f"e{n}": 0.0 for n in range(20)}, planned=20)
    assert score_of(scripted(right, errors={0: StatusError(500)}), 20, spec, incumbent).failed == 1
    failing = scripted(right, errors={number: StatusError(500) for number in (0, 5, 15)})
    with pytest.raises(TooManyFailures, match=r"2 of 16 calls failed, more than max_failure_rate still allows \(1\)"):
        score_of(failing, 20, spec, incumbent)


def test_a_kept_answer_is_not_paid_for_again() -> None:
    fake = scripted(right)
    model = chat_model(fake)
    first = heard_while(lambda: score_of(model, 3))
    assert first == [Answered(paid=True)] * 3
    again = heard_while(lambda: score_of(model, 5))
    assert again == [Answered(paid=False, count=3), Answered(paid=True), Answered(paid=True)]
    assert len(fake.calls) == 5


def test_after_a_crash_only_the_missing_calls_are_made() -> None:
    answers = HeldAnswers()
    broken = chat_model(scripted(right, errors={2: StatusError(401)}), answers, max_concurrency=1)
    with pytest.raises(TooManyFailures):
        score_of(broken, 5)
    fake = scripted(right)
    whole = score_of(chat_model(fake, answers), 5)
    assert whole.mean == 1.0
    assert len(fake.calls) == 3


def test_a_candidate_that_is_behind_is_dropped() -> None:
    spec = task(optimizer={"race_after": 4})
    incumbent = Score(values={f"e{n}": 1.0 for n in range(20)}, planned=20)
    fake = scripted("positive")
    heard: list[Event] = []
    with listening(heard.append):
        score = score_of(fake, 20, spec, incumbent)
    assert list(score.values) == ["e0", "e1", "e2", "e3"]
    assert (len(fake.calls), score.planned, score.complete) == (4, 20, False)
    assert heard[-1] == Dropped(16)


def test_a_candidate_that_is_ahead_goes_on_until_it_is_behind() -> None:
    spec = task(optimizer={"race_after": 4})
    incumbent = Score(values={f"e{n}": float(n >= 4) for n in range(20)}, planned=20)
    whole = score_of(scripted(right), 20, spec, incumbent)
    assert whole.complete
    assert list(whole.values) == [f"e{n}" for n in range(20)]
    fading = scripted(lambda messages: right(messages) if number_in(messages) < 4 else "hm")
    incumbent = Score(values={f"e{n}": float(n >= 4) for n in range(40)}, planned=40)
    assert score_of(fading, 40, spec, incumbent).n == 12


def test_without_an_incumbent_or_a_race_every_example_is_tried() -> None:
    worse = scripted("negative")
    incumbent = Score(values={f"e{n}": 1.0 for n in range(20)}, planned=20)
    assert score_of(worse, 20, task(optimizer={"race_after": 4})).n == 20
    assert score_of(worse, 20, task(), incumbent).n == 20


def test_a_few_answers_are_kept_for_the_report_wrong_ones_first() -> None:
    score = score_of(scripted(lambda messages: "hm" if number_in(messages) == 7 else right(messages)), 9)
    assert len(score.samples) == KEPT_SAMPLES
    assert (score.samples[0].example, score.samples[0].text, score.samples[0].answer) == ("e7", "hm", None)


def test_the_scripted_model_fails_the_test_on_a_request_without_an_answer() -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        score_of(scripted({"review 0 Judge.": "positive"}), 2, task(max_failure_rate=1))
    assert "unexpected request" in str(caught.value.exceptions[0])


# Labels


CHOICE = AnswerSpec(kind="choice", labels=LABELS)


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("pos", LABELS, "positive"),
        ("positive", LABELS, "positive"),
        ("", LABELS, ""),
        ("Pos", LABELS, "Pos"),
        ("positively", LABELS, "positively"),
        ("(", ("(A)", "(B)"), "("),
        ("no", ("no", "none"), "no"),
        ("non", ("no", "none"), "none"),
    ],
)
def test_a_cut_answer_is_completed_to_the_only_label_that_begins_so(
    text: str, labels: tuple[str, ...], expected: str
) -> None:
    assert completed(text, AnswerSpec(kind="choice", labels=labels)) == expected


def test_answers_without_labels_stay() -> None:
    assert completed("4", AnswerSpec(kind="number")) == "4"


def test_a_server_with_grammars_is_held_to_the_labels() -> None:
    sampling = task_sampling(CHOICE, follows_grammar=True)
    assert sampling == Sampling(max_tokens=1, grammar='root ::= "positive" | "negative"')
    alike = task_sampling(AnswerSpec(kind="choice", labels=('("A")', "(B)")), follows_grammar=True)
    assert alike == Sampling(max_tokens=8, grammar='root ::= "(\\"A\\")" | "(B)"')
    assert task_sampling(CHOICE, follows_grammar=False) == Sampling()
    assert task_sampling(AnswerSpec(kind="number"), follows_grammar=True) == Sampling()


def test_the_grammar_reaches_an_embedded_model_alone() -> None:
    fake = scripted("pos")
    score = score_of(chat_model(fake, name="local:x"), 2)
    assert list(score.values.values()) == [1, 0]
    assert fake.calls[0].parameters == {
        "max_tokens": 1,
        "extra_body": {"grammar": 'root ::= "positive" | "negative"'},
    }
