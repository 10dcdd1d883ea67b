"""What the optimizer model is shown, and what is read from its answers."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.errors import PermanentCallError
from gpo.models import ChatModel, Sampling
from gpo.preflight import HeldAnswers
from gpo.progress import Answered, Event, listening
from gpo.records import Candidate, Example, Proposals
from gpo.refinement import PLACE, Request, ask_all, meta_prompt, read_continued, read_proposal, refine, subjects
from gpo.spec import TaskSpec
from gpo.template import Message
from gpo.trajectory import Neighbour
from tests.fakes import ScriptedModel, StatusError, chat_model, scripted


def task(style: str = "paper", candidates: int = 4, **changes: Any) -> TaskSpec:
    content = {
        "name": "reviews",
        "prompt": {
            "description": "the sentiment of a review",
            "instruction": "Judge the review.",
            "messages": [{"system": "Be brief."}, {"user": "{{review}}\n{{instruction}}"}],
        },
        "dataset": {"path": "reviews.jsonl", "input": "review", "reference": "label"},
        "answer": {"kind": "choice", "labels": ["positive", "negative"]},
        "optimizer": {"style": style, "candidates": candidates},
    }
    return TaskSpec.model_validate(content | changes)


def neighbour(text: str, percent: float, similarity: float = 0.5) -> Neighbour:
    return Neighbour(instruction=text, percent=percent, similarity=similarity, step=0, number=0)


REQUEST = Request(
    current=Candidate(instruction="Is the review good?"),
    percent=62.5,
    neighbours=(
        neighbour("Far but best.", 80.0, 0.1),
        neighbour("Near but worst.", 40.0, 0.9),
        neighbour("Is the review good?", 62.5, 1.0),
    ),
    examples=(Example(id="e1", inputs={"review": "Loved {{it}}."}, reference="positive"),),
    budget=14,
    step=3,
)


def refined(
    model: ChatModel | ScriptedModel, spec: TaskSpec | None = None, request: Request = REQUEST, seed: int = 0
) -> Proposals:
    chat = model if isinstance(model, ChatModel) else chat_model(model, role="optimizer")
    return asyncio.run(refine(chat, spec or task(), request, random.Random(seed)))


# Reading


@pytest.mark.parametrize(
    ("text", "proposal"),
    [
        ("<START>Judge it.<END>", "Judge it."),
        ("Sure!\n\n<START>\n Judge it. \n<END>\nI hope this helps.", "Judge it."),
        ("<START>Judge it.", "Judge it."),
        ("Judge it.<END> and more", "Judge it."),
        ("Judge it.", "Judge it."),
        ("<START>Judge it.<END> <START>Another.<END>", "Judge it."),
        ("<think>Perhaps <START>no<END>?</think><START>Judge it.<END>", "Judge it."),
        ("<think>\nfirst\n</think>\n<think>second</think>Judge it.", "Judge it."),
        ("<START>First line.\nSecond line.<END>", "First line.\nSecond line."),
        ('New instruction: "Judge it."', "Judge it."),
        ("Here is the improved prompt: Judge it.", "Judge it."),
        ("`Judge it.`", "Judge it."),
        ("'Judge it.'", "Judge it."),
        ('Answer "yes" or "no"', 'Answer "yes" or "no"'),
        (" Judge it.", "Judge it."),
        ("<START>Judge.\n- Be brief\n- One word<END>", "Judge.\n- Be brief\n- One word"),
        ("hidden</think>Judge it.", "Judge it."),
        ("Use <b>bold</b> {braces}.", "Use <b>bold</b> {braces}."),
    ],
)
def test_a_proposal_is_read(text: str, proposal: str) -> None:
    assert read_proposal(text) == proposal


@pytest.mark.parametrize("text", ["Judge it.", "- Judge it.", " Judge it.\n", "- Worse.\n- Bad.\n- Judge it."])
def test_the_last_line_continues_a_list(text: str) -> None:
    assert read_continued(text) == "Judge it."


@pytest.mark.parametrize("text", ["", " \n", "<START><END>", "<START>", "<think>I never end", "<END>", "Prompt:", '""'])
def test_some_answers_hold_no_proposal(text: str) -> None:
    assert read_proposal(text) == ""


@given(st.text(alphabet="ab <>/-\n\"':.STARENDthink", max_size=60))
def test_no_answer_is_too_strange_to_be_read(text: str) -> None:
    proposal = read_proposal(text)
    assert proposal == proposal.strip()
    assert proposal in text


# The paper's meta-prompt


def test_the_meta_prompt() -> None:
    assert meta_prompt(task(), REQUEST) == (
        "You improve the instruction that a language model is given for this task: the sentiment of a review.\n"
        "\n"
        "Earlier instructions with their scores, from 0 to 100 (higher is better):\n"
        "\n"
        "Instruction: Far but best.\n"
        "Score: 80\n"
        "\n"
        "Instruction: Near but worst.\n"
        "Score: 40\n"
        "\n"
        "Current instruction: Is the review good?\n"
        "Score: 62.5\n"
        "\n"
        "Examples of the task; the instruction takes the place of <INSTRUCTION>:\n"
        "\n"
        "Be brief.\n"
        "Loved {{it}}.\n"
        "<INSTRUCTION>\n"
        "Answer: positive\n"
        "\n"
        "Write a new instruction that differs from all of the above and scores higher. Change at most 14 words of the"
        " current instruction. Do not mention the examples, do not answer them, and use no {{variables}}. Begin it with"
        " <START> and end it with <END>."
    )


def test_parts_without_content_are_left_out() -> None:
    bare = REQUEST.model_copy(update={"neighbours": (), "examples": (), "budget": None})
    text = meta_prompt(task(prompt={"instruction": "Judge.", "messages": [{"user": "{{instruction}}"}]}), bare)
    for part in ("Earlier", "Examples", PLACE, "Change at most", "for this task"):
        assert part not in text
    assert "Current instruction: Is the review good?\nScore: 62.5" in text


def test_the_paper_style_sends_the_meta_prompt_as_it_is() -> None:
    fake = scripted("<START>Judge it.<END>")
    refined(fake)
    assert [call.text for call in fake.calls] == [meta_prompt(task(), REQUEST)] * 4
    assert all(call.parameters == {} for call in fake.calls)


# The list to continue


def instructions_in(messages: tuple[Message, ...]) -> list[str]:
    """The instructions that the model is shown, in order; the last line is its own to write."""
    *shown, last = messages[-1].text.split("\n")
    assert messages[-1].role == "assistant"
    assert last == "-"
    return [line.removeprefix("- ") for line in shown]


def test_the_list_goes_from_worst_to_best() -> None:
    fake = scripted(" Name the sentiment.")
    refined(fake, task("continuation", candidates=12))
    ranked = ["Near but worst.", "Is the review good?", "Far but best."]
    shown = [instructions_in(call.messages) for call in fake.calls]
    assert ranked in shown
    # Where less than all is shown, it is the best.
    assert all(each == ranked[len(ranked) - len(each) :] for each in shown)
    assert all("the sentiment of a review" in call.messages[0].text for call in fake.calls)


def test_a_grammar_goes_only_to_a_server_that_knows_it() -> None:
    remote, embedded = scripted(" Name the sentiment."), scripted(" Name the sentiment.")
    refined(remote, task("continuation"))
    refined(chat_model(embedded, name="local:x"), task("continuation"))
    assert [call.parameters for call in remote.calls] == [{}] * 4
    for call in embedded.calls:
        grammar = call.parameters["extra_body"]["grammar"]
        assert grammar.startswith("root ::= ")
        assert any(f'" {subject}"' in grammar for subject in ("the sentiment of a review", "sentiment", "review"))
        assert call.parameters["max_tokens"] > 0


def test_a_proposal_has_to_hold_a_word_of_the_task() -> None:
    assert set(subjects("the sentiment of a review")) == {"sentiment", "review"}
    assert subjects("") == ["answer"]


# Asking


def test_proposals_come_back_in_order_and_unusable_answers_are_counted() -> None:
    texts = iter(["<START>One.<END>", "<START><END>", "<START>Three.<END>", "<START>One.<END>"])
    proposals = refined(chat_model(scripted(lambda _: next(texts)), max_concurrency=1))
    assert proposals.texts == ("One.", "Three.", "One.")
    assert [(item.reason, item.text) for item in proposals.rejected] == [("empty", "<START><END>")]


@pytest.mark.parametrize("style", ["paper", "continuation"])
def test_every_proposal_of_every_step_and_seed_is_a_call_of_its_own(style: str) -> None:
    fake = scripted("Judge it.")
    model = chat_model(fake, HeldAnswers(), name="local:x")
    asked = 0
    for step in (1, 2, 3):
        for seed in (0, 1):
            request = REQUEST.model_copy(update={"step": step})
            refined(model, task(style, seed=seed), request)
            asked += 4
            assert len(fake.calls) == asked


@pytest.mark.parametrize("style", ["paper", "continuation"])
def test_a_step_that_is_done_again_pays_nothing(style: str) -> None:
    answers = HeldAnswers()
    first = refined(chat_model(scripted("Judge it."), answers, name="local:x"), task(style))
    fake = scripted(lambda _: None)
    heard: list[Event] = []
    with listening(heard.append):
        again = refined(chat_model(fake, answers, name="local:x"), task(style))
    assert again == first
    assert fake.calls == []
    assert heard == [Answered(paid=False, count=4)]


def test_after_a_failure_only_the_missing_calls_are_made() -> None:
    answers = HeldAnswers()
    broken = chat_model(scripted("Judge it.", errors={2: StatusError(401)}), answers, max_concurrency=1)
    with pytest.raises(PermanentCallError, match="HTTP 401"):
        refined(broken)
    fake = scripted("Judge it.")
    assert refined(chat_model(fake, answers)).texts == ("Judge it.",) * 4
    assert len(fake.calls) == 2


def test_a_refused_request_is_a_rejection_and_the_others_count() -> None:
    proposals = refined(chat_model(scripted("Judge it.", errors={1: StatusError(400)}), max_concurrency=1))
    assert proposals.texts == ("Judge it.",) * 3
    assert [item.reason for item in proposals.rejected] == ["failed"]


def test_a_model_that_refuses_everything_ends_the_step() -> None:
    with pytest.raises(PermanentCallError, match="HTTP 400"):
        refined(chat_model(scripted(errors={number: StatusError(400) for number in range(4)})))


def test_the_first_failure_cancels_the_calls_that_wait() -> None:
    fake = scripted(errors={0: StatusError(401)})
    model = chat_model(fake, max_concurrency=1)
    asks = [(model.key([Message(role="user", text=str(number))], Sampling()), Sampling()) for number in range(30)]
    with pytest.raises(PermanentCallError):
        asyncio.run(ask_all(model, asks))
    assert len(fake.calls) <= 2
