"""Scoring a prompt: order, answers that cannot be read, calls that fail, the race."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from pydantic import ValidationError

from gpo.errors import PermanentCallError, TooManyFailures, TooManyUnread, TransientCallError
from gpo.evaluation.evaluate import KEPT_SAMPLES, evaluate
from gpo.evaluation.extraction import completed, task_sampling
from gpo.evaluation.racing import is_ahead
from gpo.messages.message import Message
from gpo.models.chat import ChatModel, Sampling
from gpo.models.sharing import HeldAnswers
from gpo.progress import Answered, Dropped, Event, listen
from gpo.records import Example, Labels, Score, Usage
from gpo.scoring.spec import AnswerSpec
from gpo.spec.task import TaskSpec
from tests.support.fakes import StatusError, chat_model, scripted

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
    with listen(heard.append):
        work()
    return heard


@pytest.mark.parametrize("message", ["{{instruction}} {{review}}", "{{review}} {{instruction}}"])
def test_calls_that_begin_alike_go_out_one_after_the_other(message: str) -> None:
    fake = scripted("positive")
    model = chat_model(fake, max_concurrency=1)
    spec = task(prompt={"instruction": "A", "messages": [{"user": message}]})

    async def run() -> None:
        await asyncio.gather(*(evaluate(model, spec, each, examples(4)) for each in ("A", "B")))

    asyncio.run(run())
    words = [call.text.split() for call in fake.calls]
    begins = [found[0] if message.startswith("{{i") else found[1] for found in words]
    # The first two had a place before the second prompt came.
    assert begins[2:] == sorted(begins[2:])
    assert len(begins) == 8


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
    # The first calls found a free place: they could not be weighed against others.
    asked = [number_in(call.messages) for call in fake.calls]
    assert sorted(asked) == sorted(list(range(5)) * 3)
    assert asked[2:] == sorted(asked[2:])


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
    with listen(heard.append):
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


# Demonstrations


def demonstration(number: int) -> Example:
    return Example(id=f"d{number}", inputs={"review": f"shown {number}"}, reference=LABELS[number % 2])


def test_every_question_comes_after_the_same_demonstrations() -> None:
    fake = scripted(lambda messages: LABELS[int(messages[-1].text.split()[1]) % 2])
    shown = [demonstration(0), demonstration(1)]
    score = asyncio.run(evaluate(chat_model(fake), task(few_shot=2), "Judge.", examples(3), demonstrations=shown))
    assert score.mean == 1
    assert [[message.text for message in call.messages[:-1]] for call in fake.calls] == [
        ["shown 0 Judge.", "positive", "shown 1 Judge.", "negative"]
    ] * 3


def test_an_evaluation_without_its_demonstrations_is_refused() -> None:
    with pytest.raises(ValueError, match="0 demonstrations for a spec whose `few_shot` is 2"):
        score_of(scripted(right), 3, task(few_shot=2))


def test_a_completion_model_is_stopped_where_it_would_ask_itself_the_next_question() -> None:
    spec = task(few_shot=1, prompt={"instruction": "Judge.", "question": "Review: {{review}}"})
    for completion, stops in ((True, ["\n\nReview:"]), (False, None)):
        fake = scripted("positive")
        model = chat_model(fake, completion=completion)
        asyncio.run(evaluate(model, spec, "Judge.", examples(1), demonstrations=[demonstration(0)]))
        assert fake.calls[0].parameters.get("stop") == stops


# Extraction


COUNT = {"kind": "number", "extract": "Therefore, the answer is"}


def counting(**answer: Any) -> TaskSpec:
    return task(answer=COUNT | answer, metric="numeric_match")


def thinking(messages: Sequence[Message]) -> str:
    return "7" if messages[-1].text == "Therefore, the answer is" else "Let me see: 3, then 4."


def numbered(count: int) -> list[Example]:
    return [Example(id=f"e{n}", inputs={"review": f"review {n}"}, reference="7") for n in range(count)]


def test_the_answer_is_what_the_extraction_prompt_brings_out() -> None:
    fake = scripted(thinking)
    score = asyncio.run(evaluate(chat_model(fake), counting(), "Judge.", numbered(2)))
    assert list(score.values.values()) == [1, 1]
    assert [message.text for message in fake.calls[2].messages] == [
        "review 0 Judge.",
        "Let me see: 3, then 4.",
        "Therefore, the answer is",
    ]
    assert (fake.calls[0].parameters, fake.calls[2].parameters) == ({}, {"max_tokens": 64})
    assert score.samples[0].text == "Let me see: 3, then 4.\n\nTherefore, the answer is 7"
    assert score.usage == {"task": Usage(calls=4, input_tokens=40, output_tokens=12)}


def test_only_answers_that_cannot_be_read_are_extracted_where_that_is_asked_for() -> None:
    spec = counting(extract={"prompt": "So?", "when": "unparsed", "max_tokens": 5})
    fake = scripted(lambda messages: "4" if messages[-1].text == "So?" else ("Hm." if number_in(messages) else "7"))
    heard = heard_while(lambda: asyncio.run(evaluate(chat_model(fake), spec, "Judge.", numbered(3))))
    assert len(fake.calls) == 5
    assert fake.calls[-1].parameters == {"max_tokens": 5}
    # Of six calls that were announced one was not needed.
    assert heard[-1] == Dropped(1)


def test_providers_that_call_the_limit_otherwise_are_not_sent_it() -> None:
    fake = scripted(thinking)
    asyncio.run(evaluate(chat_model(fake, name="ollama:x"), counting(), "Judge.", numbered(1)))
    assert fake.calls[1].parameters == {}


def test_labels_hold_the_extraction_and_leave_the_first_answer_free() -> None:
    spec = task(answer={"kind": "choice", "labels": LABELS, "extract": "So it is"})
    fake = scripted(lambda messages: "neg" if messages[-1].text.endswith("So it is") else "They hate it.")
    score = score_of(chat_model(fake, name="local:x"), 2, spec)
    assert list(score.values.values()) == [0, 1]
    assert fake.calls[0].parameters == {}
    assert fake.calls[2].parameters == {"max_tokens": 1, "extra_body": {"grammar": 'root ::= "positive" | "negative"'}}


def test_a_completion_model_goes_on_from_its_own_answer() -> None:
    fake = scripted(lambda messages: "7" if messages[-1].text.endswith("the answer is") else " Three and four.\n")
    score = asyncio.run(evaluate(chat_model(fake, completion=True), counting(), "Judge.", numbered(1)))
    assert score.mean == 1
    assert [(message.role, message.text) for message in fake.calls[1].messages] == [
        ("user", "review 0 Judge."),
        ("assistant", " Three and four.\nTherefore, the answer is"),
    ]


def test_an_extraction_that_fails_is_a_failed_example() -> None:
    fake = scripted(thinking, errors={3: StatusError(500)})
    spec = counting().model_copy(update={"max_failure_rate": 0.5})
    score = asyncio.run(evaluate(chat_model(fake, max_concurrency=1), spec, "Judge.", numbered(2)))
    assert (list(score.values), score.failed, score.unparsed, score.complete) == (["e0"], 1, 0, True)
    # The call that failed is no answer, and the one before it was paid for.
    assert score.usage["task"].calls == 3


# How answers are read


def test_each_sample_knows_the_rule_that_read_it_and_weak_ones_are_counted() -> None:
    texts = ("Label: positive", "It is rather negative in all", "hm")
    score = score_of(scripted(lambda messages: texts[number_in(messages)]), 3)
    assert {sample.example: sample.rule for sample in score.samples} == {"e0": "field", "e1": "only", "e2": ""}
    assert (score.weak, score.unparsed) == (1, 1)


def test_a_short_reply_is_a_label_only_where_we_cut_it_or_the_token_limit_did() -> None:
    assert score_of(scripted("pos"), 2).unparsed == 2
    assert score_of(scripted("pos", finish_reason="length"), 2).mean == 0.5


def test_only_the_place_that_the_spec_names_is_read() -> None:
    spec = task(answer={"kind": "choice", "labels": LABELS, "where": {"after": "Answer:"}})
    score = score_of(scripted("Not negative.\nAnswer: positive"), 2, spec)
    assert (score.mean, score.samples[0].rule) == (0.5, "where")


def test_a_label_that_the_grammar_held_needs_no_place() -> None:
    spec = task(answer={"kind": "choice", "labels": LABELS, "where": {"after": "Answer:"}})
    model = chat_model(scripted("pos"), name="local:x")
    assert score_of(model, 2, spec).mean == 0.5


def unread_after(count: int) -> BaseChatModel:
    return scripted(lambda messages: right(messages) if number_in(messages) < count else f"hm {number_in(messages)}")


def test_answers_that_cannot_be_read_stop_the_evaluation_of_a_specs_prompt_while_it_goes() -> None:
    fake = unread_after(4)
    spec = task(max_unparsed_rate=0.5)
    with pytest.raises(
        TooManyUnread, match=r"60 of 64 answers cannot be read as `choice`.*\(0\.5\).*'hm 4', 'hm 5', 'hm 6'"
    ):
        asyncio.run(evaluate(chat_model(fake), spec, "Judge.", examples(200), stops_unread=True))
    assert len(fake.calls) == 64


def test_a_few_answers_that_cannot_be_read_are_a_score() -> None:
    spec = task(max_unparsed_rate=0.5)
    score = asyncio.run(evaluate(chat_model(unread_after(4)), spec, "Judge.", examples(15), stops_unread=True))
    assert (score.unparsed, score.complete) == (11, True)


def test_a_candidate_whose_answers_cannot_be_read_is_dropped_and_no_error() -> None:
    spec = task(max_unparsed_rate=0.5, optimizer={"race_after": 16})
    incumbent = Score(values={f"e{n}": 0.0 for n in range(100)}, planned=100)
    heard: list[Event] = []
    with listen(heard.append):
        score = asyncio.run(evaluate(chat_model(unread_after(2)), spec, "Judge.", examples(100), incumbent))
    assert (score.n, score.unparsed, score.complete) == (16, 14, False)
    assert heard[-1] == Dropped(84)


# A model as the judge


POLITE = {"name": "judge", "rubric": "Is it polite?", "scale": 5}


def judged(fake: BaseChatModel, judge: BaseChatModel, count: int = 2, **changes: Any) -> tuple[Score, list[Event]]:
    spec = task(answer={"kind": "free"}, metric=POLITE, **changes)
    model = chat_model(judge, name="openai:judge", role="judge", max_concurrency=1)
    heard: list[Event] = []
    with listen(heard.append):
        score = asyncio.run(evaluate(chat_model(fake), spec, "Judge.", examples(count), judge=model))
    return score, heard


def test_the_judge_scores_what_was_answered() -> None:
    judge = scripted(lambda messages: "Grade: 5" if "thank" in messages[-1].text else "Rude.\nGrade: 2")
    fake = scripted(lambda messages: "thank you" if number_in(messages) else "go away")
    score, heard = judged(fake, judge)
    assert score.values == {"e0": 0.25, "e1": 1.0}
    assert score.usage == {
        "task": Usage(calls=2, input_tokens=20, output_tokens=6),
        "judge": Usage(calls=2, input_tokens=20, output_tokens=6),
    }
    # Two grades more were announced, in case that one cannot be read.
    assert heard[-1] == Dropped(2)


def test_the_reason_of_the_judge_is_kept_with_the_answer() -> None:
    judge = scripted(lambda messages: "Grade: 5" if "thank" in messages[-1].text else "Rude.\nGrade: 2")
    fake = scripted(lambda messages: "thank you" if number_in(messages) else "go away")
    score, _ = judged(fake, judge)
    assert {sample.example: sample.feedback for sample in score.samples} == {"e0": "Rude.", "e1": ""}


def test_equal_answers_are_judged_once() -> None:
    judge = scripted("Grade: 3")
    model = chat_model(judge, role="judge")
    spec = task(answer={"kind": "free"}, metric=POLITE)

    async def run() -> None:
        for instruction in ("One.", "Two."):
            await evaluate(chat_model(scripted("hello")), spec, instruction, examples(2), judge=model)

    asyncio.run(run())
    assert len(judge.calls) == 2


def test_a_grade_that_cannot_be_read_is_asked_for_once_more() -> None:
    seen: list[str] = []

    def once_unreadable(messages: Sequence[Message]) -> str:
        seen.append(messages[-1].text)
        return "Nice." if seen.count(messages[-1].text) == 1 else "Grade: 5"

    score, _ = judged(scripted("hello"), scripted(once_unreadable))
    assert (list(score.values.values()), score.failed) == ([1.0, 1.0], 0)
    assert score.usage["judge"].calls == 4


def test_an_answer_without_a_grade_is_failed_and_never_a_score() -> None:
    judge = scripted(lambda messages: "Nice." if "review 0" in messages[-1].text else "Grade: 5")
    score, _ = judged(scripted("hello"), judge, max_failure_rate=0.5)
    assert (score.values, score.failed, score.unparsed) == ({"e1": 1.0}, 1, 0)
    with pytest.raises(TooManyFailures, match=r"1 of 2 calls failed.*openai:judge: gave no grade.*it wrote 'Nice\.'"):
        judged(scripted("hello"), judge, max_failure_rate=0)


def test_what_cannot_be_read_is_not_judged() -> None:
    score, _ = judged(scripted("<think>Hm."), scripted({}))
    assert (list(score.values.values()), score.unparsed) == ([0, 0], 2)


def test_a_judge_that_was_not_given_is_an_error() -> None:
    with pytest.raises(ValueError, match="the metric is a judge"):
        score_of(scripted("hello"), 1, task(answer={"kind": "free"}, metric=POLITE))


# What answers cost, and those that were cut off


def test_usage_counts_what_came_from_the_ledger_too() -> None:
    model = chat_model(scripted(right))
    first = score_of(model, 3)
    assert score_of(model, 5).usage == {"task": Usage(calls=5, input_tokens=50, output_tokens=15)}
    assert first.usage == {"task": Usage(calls=3, input_tokens=30, output_tokens=9)}
    assert model.tally.paid == 5


def test_answers_that_the_token_limit_ended_are_counted() -> None:
    fake = scripted(right, finish_reason="length")
    assert score_of(fake, 3).cut == 3
    # A label that we cut ourselves is whole.
    assert score_of(chat_model(fake, name="local:x"), 3).cut == 0
    assert score_of(scripted(right), 3).cut == 0


def test_as_many_samples_are_kept_as_asked_for() -> None:
    score = asyncio.run(evaluate(chat_model(scripted(right)), task(), "Judge.", examples(9), kept=9))
    assert len(score.samples) == 9


# Measures of the whole set


def test_a_measure_of_the_set_is_the_score_and_the_examples_keep_their_own() -> None:
    spec = task(metric="balanced_accuracy")
    fake = scripted(lambda messages: "hm" if number_in(messages) == 3 else "positive")
    score = score_of(fake, 4, spec)
    assert list(score.values.values()) == [1, 0, 1, 0]
    assert score.mean == 0.5
    assert score.labels is not None
    assert score.labels.pairs["e0"] == ("positive", "positive")
    assert score.labels.pairs["e1"] == ("negative", "positive")
    assert score.labels.pairs["e3"] == ("negative", None)
    assert score_of(fake, 3, spec).mean == 0.5
    assert score_of(fake, 3, task()).labels is None


def test_blocks_of_a_race_come_to_one_set() -> None:
    spec = task(metric="macro_f1", optimizer={"race_after": 4})
    incumbent = Score(values={f"e{n}": 0.0 for n in range(20)}, planned=20)
    raced = score_of(scripted("positive"), 20, spec, incumbent)
    assert raced.labels == score_of(scripted("positive"), 20, spec).labels
    assert raced.mean == pytest.approx(1 / 3)


def test_the_better_prompt_by_a_measure_of_the_set_is_ahead() -> None:
    def scored(*answers: str) -> Score:
        pairs = {f"e{n}": ("a" if n < 4 else "b", answer) for n, answer in enumerate(answers)}
        values = {name: float(right == answer) for name, (right, answer) in pairs.items()}
        return Score(values=values, planned=6, labels=Labels(metric="balanced_accuracy", pairs=pairs))

    common, fair = scored("a", "a", "a", "a", "b", "a"), scored("a", "a", "a", "b", "b", "b")
    assert is_ahead(fair, common)
    assert not is_ahead(common, fair)
    assert not is_ahead(fair, fair)


def test_a_measure_of_the_set_needs_labels() -> None:
    with pytest.raises(
        ValidationError, match=r"`macro_f1` is for answers with labels, of the kinds `choice`, `boolean`"
    ):
        task(metric="macro_f1", answer={"kind": "number"})
    with pytest.raises(ValidationError, match=r"`balanced_accuracy` is for answers .* `answer.kind` is `labels`"):
        task(metric="balanced_accuracy", answer={"kind": "labels", "labels": ["a", "b"]})
