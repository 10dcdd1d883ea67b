"""The tools of the agent. What stands in their docstrings is for readers of the code: the model is told `texts`."""

import json
import re
from pathlib import Path

from langchain_core.tools import tool

_DATA = Path(__file__).parents[1]


def _rows(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (_DATA / name).read_text(encoding="utf-8").splitlines()]


ORDERS = {row["order"]: row["days"] for row in _rows("orders.jsonl")}
ARTICLES = _rows("articles.jsonl")
NOTHING = "Nothing was found."


@tool
def find_order(number: str) -> str:
    """Find when an order will be there, by its number."""
    days = ORDERS.get(number)
    return NOTHING if days is None else f"It will be there in {days} days."


@tool
def find_article(words: str) -> str:
    """Find the article of the help pages that has most of the words; of several the one that is mentioned first."""
    said = re.findall(r"[a-z]+", words.lower())

    def rank(article: dict[str, str]) -> tuple[int, int]:
        places = [said.index(key) for key in (article["goods"], article["topic"]) if key in said]
        return -len(places), sum(places)

    best = min(ARTICLES, key=rank)
    return best["article"] if rank(best)[0] else NOTHING
