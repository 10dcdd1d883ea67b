"""The chain: a question becomes a search query, the query finds passages, and an answer is read from them."""

from langchain_core.output_parsers import StrOutputParser

from gpo import load_prompts
from rag.models import MODEL
from rag.retriever import Passages

RETRIEVER = Passages()


def answer(question: str) -> str:
    """The answer to a visitor's question.

    Both prompts are loaded for each question, and together: a promotion in between is seen by the next question, and
    none is answered with one prompt of before and one of after.
    """
    prompts = load_prompts("rag-query", "rag-reading")
    query = (prompts["rag-query"] | MODEL | StrOutputParser()).invoke({"question": question})
    passages = "\n".join(document.page_content for document in RETRIEVER.invoke(query))
    return (prompts["rag-reading"] | MODEL | StrOutputParser()).invoke({"question": question, "passages": passages})
