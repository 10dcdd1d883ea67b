"""Makes `passages.jsonl` and `questions.jsonl`, the same each time."""

import json
import random
from pathlib import Path

PLACES = ("Glass Museum", "Clock Tower", "Old Mill", "River Theatre", "Stone Bridge House", "Herb Garden",
          "Salt Store", "Paper Factory", "Moon Observatory", "Bell Foundry", "Silk Hall", "Harbour Light")  # fmt: skip
FACTS = {
    "price": ("The admission of the {place} is {value} euros.", "what do I pay to get in at the {place}?", (3, 29)),
    "phone": ("The telephone number of the {place} is {value}.", "how do I reach somebody by phone at the {place}?",
              (2000, 8999)),
    "year": ("The {place} was built in the year {value}.", "when did they put up its walls, at the {place}?",
             (1401, 1899)),
    "steps": ("The stairs of the {place} have {value} steps.", "how far is it if I walk up to the top of the {place}?",
              (40, 390)),
    "seats": ("For its visitors the {place} has {value} seats.", "how many of us can sit down at once in the {place}?",
              (31, 950)),
}  # fmt: skip
OPENINGS = (
    "Hello, yesterday we saw the {other} and liked it very much.",
    "My aunt says that the {other} is closed in winter, is that true?",
    "We come by train on Friday and stay near the {other} for two nights.",
    "Thank you for the leaflet about the {other}, the pictures are lovely.",
    "Last year our dog ran away behind the {other} and came back wet.",
    "I am writing a school essay and have finished the part on the {other}.",
    "A friend of mine was married beside the {other} in the rain.",
    "Good morning from Finland, where nobody believes in your {other}.",
)
ASIDES = (
    "My children are four and nine.",
    "It will be our third visit since the spring.",
    "We do not mind bad weather at all.",
    "Please answer before the weekend, as I lose my telephone on Sundays.",
    "I have a bad knee but a good umbrella.",
    "There are eleven of us and a parrot.",
    "Nobody in the hotel could tell me this.",
    "My wife wants to know it for a bet.",
)


def write(name: str, rows: list[dict[str, str]]) -> None:
    """One row a line."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    Path(__file__).with_name(name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rng = random.Random(7)  # noqa: S311 - no secret
    passages, questions = [], []
    for place in PLACES:
        for kind, (says, asks, span) in FACTS.items():
            value = rng.randint(*span)
            passages.append({"text": says.format(place=place, value=value)})
            for opening, aside in zip(rng.sample(OPENINGS, 6), rng.sample(ASIDES, 6), strict=True):
                other = rng.choice([each for each in PLACES if each != place])
                text = f"{opening.format(other=other)} {aside} So: {asks.format(place=place)}"
                questions.append({"question": text, "answer": str(value), "fact": f"{kind} of the {place}"})
    write("passages.jsonl", passages)
    write("questions.jsonl", questions)
