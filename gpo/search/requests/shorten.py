"""One more request to the optimizer model: to bring a proposal of its own within the edit budget."""

from gpo.formatting import count
from gpo.search.requests.meta_prompt import END, START
from gpo.words import word_distance


def over_budget(current: str, proposal: str, budget: int | None) -> int:
    """How many words more than `budget` a proposal changes; 0 where it is within it, or there is none.

    >>> over_budget("Judge the text.", "Judge the whole text with care.", 1)
    3
    """
    return 0 if budget is None else max(0, word_distance(current, proposal) - budget)


def shorten_prompt(current: str, proposal: str, budget: int) -> str:
    """The request to write a proposal again so that it changes at most `budget` words of the current instruction."""
    changed = word_distance(current, proposal)
    return (
        f"Current instruction:\n{current}\n\n"
        f"Proposed instruction:\n{proposal}\n\n"
        f"The proposal changes {count(changed, 'word')} of the current instruction; at most {budget} may change, "
        "counting each word that is added, left out or replaced. Write the proposal again within that limit: keep its "
        "most important change, take over the other sentences of the current instruction word for word, and write "
        f"whole sentences. Begin the instruction with {START} and end it with {END}."
    )
