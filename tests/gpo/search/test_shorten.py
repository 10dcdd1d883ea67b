"""The request to bring a proposal within the budget."""

from gpo.search.refine import read_proposal
from gpo.search.requests.meta_prompt import END, START
from gpo.search.requests.shorten import over_budget, shorten_prompt

CURRENT, PROPOSAL = "Judge the review.", "Judge the whole review with care. Answer with one word."


def test_how_many_words_are_too_many() -> None:
    assert [over_budget(CURRENT, PROPOSAL, words) for words in (0, 5, 8, 9, None)] == [8, 3, 0, 0, 0]


def test_the_request_says_what_is_too_long_and_how_to_answer() -> None:
    request = shorten_prompt(CURRENT, PROPOSAL, 3)
    assert f"Current instruction:\n{CURRENT}\n" in request
    assert f"Proposed instruction:\n{PROPOSAL}\n" in request
    assert "changes 8 words of the current instruction; at most 3 may change" in request
    assert read_proposal(f"{START}Judge the review. Be brief.{END}") == "Judge the review. Be brief."
    assert START in request
    assert END in request
