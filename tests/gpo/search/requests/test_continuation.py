"""The list that a very small optimizer model continues, and what is read from what it wrote."""

import pytest

from gpo.search.refine import read_proposal
from gpo.search.requests.continuation import last_line, subject_words
from gpo.template import Message
from tests.gpo.search.test_refine import refined, task
from tests.support.fakes import chat_model, scripted


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
    assert set(subject_words("the sentiment of a review")) == {"sentiment", "review"}
    assert subject_words("") == ["answer"]


@pytest.mark.parametrize("text", ["Judge it.", "- Judge it.", " Judge it.\n", "- Worse.\n- Bad.\n- Judge it."])
def test_the_last_line_continues_a_list(text: str) -> None:
    assert read_proposal(last_line(text)) == "Judge it."
