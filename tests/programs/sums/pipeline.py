"""Two calls of the model, each with its own prompt: the answer counts where both come to the same number."""

from langchain_core.output_parsers import StrOutputParser

from gpo import load_prompt
from sums.models import MODEL


def solve(question: str) -> str:
    """One call, as the prompt `sums-solve` has it."""
    return (load_prompt("sums-solve") | MODEL | StrOutputParser()).invoke({"question": question})


async def answer(question: str) -> str:
    """The answer of the first call, where the second confirms it."""
    solved = await (load_prompt("sums-solve") | MODEL | StrOutputParser()).ainvoke({"question": question})
    checked = await (load_prompt("sums-check") | MODEL | StrOutputParser()).ainvoke({"question": question})
    return solved if solved == checked else "The two calls do not agree. The answer is 0."
