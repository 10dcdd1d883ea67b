"""Makes `orders.jsonl`, `articles.jsonl` and `questions.jsonl`, the same each time."""

import json
import random
from pathlib import Path

GOODS = ("shoes", "lamps", "kettles", "tents", "chairs", "clocks", "bicycles", "blankets")
TOPICS = {
    "return": (
        "You can return {goods} within {value} days.",
        "Within how many days can I return {goods}?",
        "A friend could return {goods} without a word.",
        (10, 90),
    ),
    "warranty": (
        "The warranty of {goods} is {value} months.",
        "How many months of warranty do {goods} have?",
        "The warranty of {goods} is a fine thing.",
        (12, 72),
    ),
    "delivery": (
        "The delivery of {goods} takes {value} days.",
        "How many days does the delivery of {goods} take?",
        "The delivery of {goods} last year was quick.",
        (2, 9),
    ),
}
"""What an article says, what is asked, and what else a customer may say that sounds alike; the span of the number."""

ORDERS = 48
OPENINGS = (
    "Good morning.",
    "I hope that you are well.",
    "Thank you for your patience with me.",
    "Only one thing today.",
)


def write(name: str, rows: list[dict[str, str]]) -> None:
    """One row a line."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    Path(__file__).with_name(name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rng = random.Random(5)  # noqa: S311 - no secret
    orders, articles, questions = [], [], []
    for number in rng.sample(range(4000, 9000), ORDERS):
        days = str(rng.randint(1, 30))
        orders.append({"order": str(number), "days": days})
        asked = f"In how many days will my order {number} be here?"
        own = f"My customer number is {rng.randint(10000, 99999)}."
        texts = (f"{rng.choice(OPENINGS)} {asked}", f"{own} {asked}", f"{rng.choice(OPENINGS)} {own} {asked}")
        questions += [{"question": text, "answer": days, "fact": f"order {number}"} for text in texts]
    for goods in GOODS:
        for topic, (says, asks, _, span) in TOPICS.items():
            value = str(rng.randint(*span))
            articles.append({"article": says.format(goods=goods, value=value), "goods": goods, "topic": topic})
            other, about = rng.choice([each for each in GOODS if each != goods]), rng.choice(list(TOPICS))
            asked, aside = asks.format(goods=goods), TOPICS[about][2].format(goods=other)
            flat = f"I live at number {rng.randint(2, 99)}."
            for before in (rng.choice(OPENINGS), aside, flat, f"{aside} {flat}"):
                questions.append({"question": f"{before} {asked}", "answer": value, "fact": f"{topic} of {goods}"})
    rng.shuffle(questions)
    write("orders.jsonl", orders)
    write("articles.jsonl", articles)
    write("questions.jsonl", questions)
