"""Values of fields as a guess sees them: what is missing, what says the same, what is a number."""

import hashlib
import string
from collections import Counter
from collections.abc import Mapping, Sequence

from gpo.data.identity import normal_form
from gpo.data.inputs import input_text
from gpo.data.sources.files import Number
from gpo.data.sources.paths import is_there
from gpo.errors import DatasetError
from gpo.records import canonical_json
from gpo.scoring.answers import LETTERED
from gpo.scoring.read_list import items_of

_ENDS, _FEW_WORDS = frozenset(".?!"), 3
_MOSTLY, _OFTEN = 0.9, 0.6
_FEWEST_ITEMS = 3
"""Of fewer, many stand in the right order already."""


def can_be_shown(value: object) -> bool:
    """Whether a value can be a text of a prompt: a list is one of several lines."""
    try:
        return bool(input_text(value, ""))
    except DatasetError:
        return False


def is_missing(value: object) -> bool:
    """Whether a value says nothing: null, NaN, a blank text, an empty list or object. The same in every file format."""
    if not is_there(value) or value in ([], {}):
        return True
    return isinstance(value, str) and not isinstance(value, Number) and not normal_form(value)


def has_objects(value: Sequence[object]) -> bool:
    """Whether an item of a list is an object."""
    return any(isinstance(item, Mapping) for item in value)


def key_of(value: object) -> str:
    """A value as a text that equals that of another value where both say the same to a reader."""
    return normal_form(str(value)) if isinstance(value, str | bool) else canonical_json(_plain(value))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return value if isinstance(value, str | bool | None) else str(value)


def is_number_like(value: object) -> bool:
    """Whether a value is a number, or a text that is nothing but one."""
    if isinstance(value, Number):
        return True
    if not isinstance(value, str):
        return False
    try:
        float(value.strip().replace(",", ""))
    except ValueError:
        return False
    return True


def are_sentences(texts: Sequence[str]) -> bool:
    """Whether most texts are several words with a mark at the end."""
    ended = sum(text.rstrip()[-1:] in _ENDS and len(text.split()) >= _FEW_WORDS for text in texts)
    return 2 * ended > len(texts)


def usual_words(texts: Sequence[str]) -> int:
    """The words of a text of middle length."""
    lengths = sorted(len(text.split()) for text in texts)
    return lengths[len(lengths) // 2] if lengths else 0


def are_joined(texts: Sequence[str]) -> bool:
    """Whether most texts are several items with one mark between them."""
    joined = sum(len(items_of(text)) > 1 for text in texts if "," in text or ";" in text)
    return joined > len(texts) / 2


def are_reordered(answers: Sequence[object], asked: Sequence[str]) -> bool:
    """Whether answers are items of their questions in another order, so that the order is what counts.

    >>> are_reordered(["a, b, c", ["b", "c", "d"]], ["Sort: c, b, a", "Sort: d, c, b"])
    True
    >>> are_reordered(["milk, eggs, flour"], ["Buy milk and eggs, and flour"])
    False
    """
    held = moved = 0
    for place, (answer, question) in enumerate(zip(answers, asked, strict=True)):
        if held + len(answers) - place < _MOSTLY * len(answers):
            return False
        items = answer if isinstance(answer, list) else items_of(str(answer))
        words = [word for item in items for word in _bare(str(item))]
        given = _bare(question)
        if len(items) >= _FEWEST_ITEMS and Counter(words) <= Counter(given):
            held += 1
            rest = iter(given)
            moved += not all(word in rest for word in words)
    return bool(answers) and held >= _MOSTLY * len(answers) and moved >= _OFTEN * len(answers)


def _bare(text: str) -> list[str]:
    return [bare for word in normal_form(text).split() if (bare := word.strip(".,:;!?\"'()[]"))]


def letters_of(texts: Sequence[str]) -> tuple[str, ...]:
    """The letters of options that texts begin with, each with a text of its own; empty where not all do.

    >>> letters_of(["B. Porto", "A. Faro", "B. Oslo"]), letters_of(["B. Porto", "Faro"])
    (('A', 'B'), ())
    """
    found = [LETTERED.fullmatch(text) for text in texts]
    letters = tuple(sorted({match[1] for match in found if match}))
    known = len(letters) > 1 and all(found) and set(letters) <= set(string.ascii_uppercase[:_MOST_LETTERS])
    return letters if known else ()


_MOST_LETTERS = 10
