"""What every way does: so many calls of about 260 tokens, at so many at once; it needs no package."""

from collections.abc import Mapping
from typing import Literal, get_args

Form = Literal["evaluation", "optimize"]
FORMS: tuple[Form, ...] = get_args(Form)

SLOTS = 64
STEPS, PROPOSALS, DEV = 18, 8, 48
LABELS = ("positive", "negative")
INSTRUCTION = "Classify the sentiment of the review as positive or negative. Answer with one word, in small letters."

BATCHES: Mapping[Form, list[list[int]]] = {
    "evaluation": [[STEPS * 96]],
    "optimize": [[DEV], *[[PROPOSALS, PROPOSALS * DEV] for _ in range(STEPS)]],
}
"""Steps of batches of calls; those of a batch may go out together, and the next one waits for all of them."""

CALLS: Mapping[Form, int] = {form: sum(map(sum, steps)) for form, steps in BATCHES.items()}

_PADDING = "The room was clean, the breakfast was cold, and nobody at the desk could say when the bus leaves. "


def review(number: int) -> str:
    """A review, another one for each number."""
    return f"Review {number}: {_PADDING * 10}"


def label(number: int) -> str:
    """Its right label."""
    return LABELS[number % 2]


def request(number: int) -> str:
    """The task's request about it."""
    return f"{INSTRUCTION}\n\n{review(number)}"
