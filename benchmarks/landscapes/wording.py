"""The words of the simulated tasks: what messages are about, how they sound, and what clauses of an instruction say.

Nothing here is good or bad: a world draws which clause helps, so the words of a clause tell nothing of its worth.
"""

import random

TOPICS = (
    "late parcels", "broken screens", "double charges", "lost passwords", "wrong sizes", "missing parts",
    "gift cards", "travel plans", "garden tools", "school trips", "noisy engines", "rental cars", "phone contracts",
    "water bills", "concert tickets", "kitchen knives", "winter coats", "bike repairs", "office chairs", "pet food",
)  # fmt: skip

_OPENINGS = (
    "I am writing because", "Last week I noticed that", "My neighbour told me that", "It seems to me that",
    "This morning I found out that", "For some days now", "As far as I can tell", "You should know that",
)  # fmt: skip
_MIDDLES = (
    "the matter of {topic} has come up {count} times", "we talked about {topic} with {name} for {count} minutes",
    "{name} has a question on {topic} from {count} days ago", "there are {count} open points on {topic} with {name}",
    "{name} sent {count} notes about {topic}", "the {count} remarks on {topic} that {name} made are still open",
)  # fmt: skip
_CLOSINGS = (
    "and nobody has replied so far", "and I would like to hear from you", "which came as quite a surprise",
    "although the form was filled in properly", "so please have a look at it soon", "and the rest was fine as always",
    "but it may well be my own mistake", "and that is all I can say for now",
)  # fmt: skip
_NAMES = (
    "Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gwen", "Hugo", "Iris", "Jon", "Kim", "Leo", "Mia", "Nils", "Olga",
    "Pia", "Quinn", "Rosa", "Sam", "Tess", "Uwe", "Vera", "Will", "Yara",
)  # fmt: skip

LABELS = ("refund", "repair", "delivery", "account", "praise", "complaint")
MEANINGS = (
    "messages that want money back", "messages that want a thing made whole", "messages that wait for something",
    "messages about signing in or personal data", "messages that are happy with how it went",
    "messages that blame somebody for what happened", "messages that only ask for a piece of information",
    "messages that announce what the writer will do", "messages that quote what another person said",
    "messages that correct what was written before", "messages without any wish at all",
    "messages that pass a decision on to somebody else",
)  # fmt: skip

_ACTIONS = (
    "weigh", "check", "compare", "give priority to", "set aside", "look closely at", "write down", "count",
    "be careful with", "start from", "trust", "play down",
)  # fmt: skip
_OBJECTS = (
    "the last sentence", "the main verb", "greetings and signatures", "what the writer wants", "dates and amounts",
    "the thing that is named first", "words that tell a time", "the tone of the opening", "every negation",
    "people who are mentioned", "numbers in the text", "what remains unsaid", "the politeness of the wording",
    "what happened before the message", "the longest phrase", "hints at the next step", "claims without a reason",
    "words that show doubt",
)  # fmt: skip
_WHENS = (
    "before you decide", "even when the message is short", "if two labels seem to fit", "as a first step",
    "whenever the case is unclear", "at the very end",
)  # fmt: skip
_FLOURISHES = (
    "This matters to the whole team.", "Take your time with it.", "You have done this many times.",
    "The work is read by others.", "Good care pays off here.", "Stay calm and attentive.",
)  # fmt: skip

Wordings = tuple[str, ...]
"""The same clause said in several ways, each a whole sentence."""


def write_texts(rng: random.Random, topics: list[str]) -> list[str]:
    """One message for each of `topics`; no two are the same."""
    found: dict[str, None] = {}
    while len(found) < len(topics):
        middle = rng.choice(_MIDDLES).format(
            topic=topics[len(found)], name=rng.choice(_NAMES), count=rng.randint(2, 60)
        )
        found[f"{rng.choice(_OPENINGS)} {middle} {rng.choice(_CLOSINGS)}."] = None
    return list(found)


def write_clauses(rng: random.Random, topics: list[str | None]) -> list[Wordings]:
    """One clause for each of `topics`, about it where it is given; no two say the same."""
    pairs = [(action, thing) for action in _ACTIONS for thing in _OBJECTS]
    return [_say(rng, *pair, topic) for pair, topic in zip(rng.sample(pairs, len(topics)), topics, strict=True)]


def _say(rng: random.Random, action: str, thing: str, topic: str | None) -> Wordings:
    if topic is not None:
        order = f"{action} {thing}"
        return (
            f"In messages on {topic}, {order}.",
            f"{_capital(order)} when the message is on {topic}.",
            f"With {topic} it helps to {order}.",
        )
    when = rng.choice(_WHENS)
    return (
        f"{_capital(action)} {thing} {when}.",
        f"{_capital(when)}, {action} {thing}.",
        f"You should {action} {thing} {when}.",
    )


def define_label(label: str, meaning: str) -> Wordings:
    """A clause that says what a label stands for."""
    return (
        f"The label {label} stands for {meaning}.",
        f"Choose {label} for {meaning}.",
        f"{_capital(meaning)} belong to {label}.",
    )


def list_labels(labels: tuple[str, ...]) -> Wordings:
    """The clause that says which answers there are."""
    listed = ", ".join(labels[:-1]) + f" or {labels[-1]}"
    return (f"Answer with {listed}.", f"Reply with one word, {listed}.", f"The answer is {listed}.")


TASK: Wordings = (
    "Read the message and decide which label fits.",
    "Decide which label fits the message.",
    "Your task is to find the label that fits the message.",
)
"""The clause that says what to do at all."""


def describe_kind(topic: str) -> str:
    """How a remark on cases names a kind of them."""
    return f"cases of {topic}"


def flourish(rng: random.Random) -> str:
    """A sentence that no world knows."""
    return rng.choice(_FLOURISHES)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
