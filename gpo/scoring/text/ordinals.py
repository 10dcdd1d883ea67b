"""Options named by their place: `the second option`, `option 3`, `the last one`."""

import re
from functools import lru_cache

from gpo.scoring.text.phrases import Phrase, Phrases

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_NUMBERS = ("one", "two", "three", "four", "five", "six")
_NOUNS = ("option", "choice", "answer", "one", "answer choice", "answer option")
_PLACE = re.compile(
    rf"\b(?:{'|'.join(_ORDINALS)}|last)\b|\b(?:option|choice)\s+(?:{'|'.join(_NUMBERS)}|[0-9])", re.IGNORECASE
)


@lru_cache(maxsize=64)
def places_of(labels: tuple[str, ...]) -> Phrases | None:
    """How labels that are letters in order, from A on, are named by their place; None for other labels."""
    letters = [label.strip("()[]{}.: ").upper() for label in labels]
    if not 2 <= len(letters) <= len(_ORDINALS) or letters != list("ABCDEF"[: len(letters)]):
        return None
    forms = {}
    for at, label in enumerate(labels):
        places = (_ORDINALS[at], "last") if at == len(labels) - 1 else (_ORDINALS[at],)
        forms.update({f"{place} {noun}": Phrase(label) for place in places for noun in _NOUNS})
        forms.update(
            {
                f"{noun} {number}": Phrase(label)
                for noun in ("option", "choice")
                for number in (_NUMBERS[at], str(at + 1))
            }
        )
    forms |= {f"the {form}": phrase for form, phrase in forms.items()}
    return Phrases(forms)


def names_one_place(text: str) -> bool:
    """Whether a text names one place and no other: of several, one may be what the text decides against."""
    return len({found[0].casefold() for found in _PLACE.finditer(text)}) == 1
