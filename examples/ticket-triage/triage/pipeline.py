"""The program: the facts of a ticket are found, and the team is chosen by them."""

from langchain_core.output_parsers import StrOutputParser

from gpo import load_prompts
from triage.models import MODEL


async def route(ticket: str) -> str:
    """The team that a ticket is for.

    Both prompts are loaded for each ticket, and together: a promotion in between is seen by the next one.
    """
    prompts = load_prompts("triage-facts", "triage-team")
    facts = await (prompts["triage-facts"] | MODEL | StrOutputParser()).ainvoke({"ticket": ticket})
    return await (prompts["triage-team"] | MODEL | StrOutputParser()).ainvoke({"facts": facts})
