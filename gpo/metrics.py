"""Metrics: registered pure functions `(answer, reference) -> score in 0..1`.

A new metric is one function here, and its test:

    @metric("starts_with")
    def starts_with(answer: str, reference: str) -> float:
        return float(answer.startswith(reference))

An answer that could not be read never arrives here: the evaluation scores it 0.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Callable

Metric = Callable[[str, str], float]

METRICS: dict[str, Metric] = {}
"""Every metric by the name that a spec uses."""

_RELATIVE_TOLERANCE = 1e-6
# With curly quotes, guillemets, the ellipsis and the CJK comma and stop.
_SURROUNDING = string.whitespace + string.punctuation + "\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u2026\u3001\u3002"
_GROUP_SEPARATOR = re.compile(r"(?<=[0-9])[,_' \u00a0\u2019\u202f](?=[0-9]{3}(?![0-9]))")
_WORD = re.compile(r"\w+")
_ARTICLES = frozenset({"a", "an", "the"})


def metric(name: str) -> Callable[[Metric], Metric]:
    """Register a function under the name that specs use; a name that is taken raises ValueError."""

    def register(function: Metric) -> Metric:
        if name in METRICS:
            raise ValueError(f"metric '{name}' is registered twice")
        METRICS[name] = function
        return function

    return register


@metric("exact_match")
def exact_match(answer: str, reference: str) -> float:
    """1 when both texts are equal but for case, spaces and surrounding punctuation or quotes.

    >>> exact_match(' "New  York". ', "new york")
    1.0
    """
    return float(_normalised(answer) == _normalised(reference))


@metric("numeric_match")
def numeric_match(answer: str, reference: str) -> float:
    """1 when both texts are numbers that differ by at most a millionth of the larger; separators do not matter.

    >>> numeric_match("1,250.0", "1250")
    1.0
    """
    received, expected = _as_float(answer), _as_float(reference)
    if received is None or expected is None:
        return 0.0
    return float(math.isclose(received, expected, rel_tol=_RELATIVE_TOLERANCE))


@metric("contains")
def contains(answer: str, reference: str) -> float:
    """1 when the reference's words stand in the answer, next to each other and in order; case does not matter.

    >>> contains("The capital is New York, I think.", "new york")
    1.0
    """
    wanted, found = _words(reference), _words(answer)
    if not wanted:
        # A reference such as "?!" has no words: only the same text contains it.
        return exact_match(answer, reference)
    return float(f" {' '.join(wanted)} " in f" {' '.join(found)} ")


@metric("token_f1")
def token_f1(answer: str, reference: str) -> float:
    """Harmonic mean of word precision and recall, as SQuAD has it (Rajpurkar et al., arXiv 1606.05250, sect. 6.1).

    Case, punctuation and English articles do not count.

    >>> round(token_f1("the old cat", "an old black cat"), 2)
    0.8
    """
    received = Counter(word for word in _words(answer) if word not in _ARTICLES)
    expected = Counter(word for word in _words(reference) if word not in _ARTICLES)
    if not received or not expected:
        return exact_match(answer, reference)
    common = (received & expected).total()
    return 2 * common / (received.total() + expected.total())


def _normalised(text: str) -> str:
    plain = " ".join(text.casefold().split())
    # A text of nothing but punctuation stays as it is: stripped, all of them would be equal.
    return plain.strip(_SURROUNDING) or plain


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _as_float(text: str) -> float | None:
    try:
        value = float(_GROUP_SEPARATOR.sub("", text.strip()))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
