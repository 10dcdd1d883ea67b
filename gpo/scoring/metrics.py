"""Metrics: registered pure functions `(answer, reference) -> score in 0..1`.

A new metric is one function here, and its test; its keyword-only arguments are what a spec may set:

    @metric("starts_with")
    def starts_with(answer: str, reference: str, *, letters: int = 1) -> float:
        return float(answer[:letters] == reference[:letters])

An answer that could not be read never arrives here: the evaluation scores it 0.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

import regex as regex_engine
from pydantic import Field, JsonValue
from rapidfuzz.distance import LCSseq

from gpo.errors import MetricError
from gpo.records import canonical_json
from gpo.scoring.metric_registry import FunctionName, Pattern, metric
from gpo.scoring.read_json import read_json, whole_json
from gpo.scoring.read_list import items_of
from gpo.scoring.text.plain import fold, unwrapped
from gpo.words import compared_words

_FINAL_PUNCTUATION = ".,;:!?\u2026\u3001\u3002\uff0c\uff01\uff1f\uff1b\uff1a\u0964\u061f\u06d4 "

_GROUP_SEPARATOR = re.compile(r"(?<=[0-9])[,_' \u00a0\u2019\u202f](?=[0-9]{3}(?![0-9]))")

_ARTICLES = frozenset({"a", "an", "the"})

_MISSING = "missing"

REGEX_SECONDS = 0.5
"""Time that the search for a user's expression in one answer may take."""
_LARGEST_EXPONENT = 400

_MILLIONTH, _NEAREST = Decimal("1e-6"), Decimal("0.0005")

NonNegative = Annotated[float, Field(ge=0)]


@metric("exact_match")
def exact_match(answer: str, reference: str) -> float:
    """1 when both texts are equal but for case, spaces, final punctuation and quotes around all of it.

    No sign or mark is left out: `C++` is not `C`, and `-5` not `5`. Unicode forms of the same text are equal. Answers
    that have a canonical value, such as labels and numbers, are compared by it: `score` of `functions/calling.py`.

    >>> exact_match(' "New  York". ', "new york")
    1.0
    """
    return float(answer == reference or _normalised(answer) == _normalised(reference))


@metric("jaccard")
def jaccard(answer: str, reference: str) -> float:
    """Share of the items of either list that both have, in whatever order; two empty lists have all in common.

    >>> jaccard('["bug", "ui"]', '["bug", "docs"]'), jaccard("[]", "[]")
    (0.3333333333333333, 1.0)
    """
    received, expected = set(items_of(answer)), set(items_of(reference))
    return len(received & expected) / len(received | expected) if received | expected else 1.0


@metric("macro_f1", of_set="macro_f1")
def macro_f1(answer: str, reference: str) -> float:
    """The mean over the labels of the F1 of each (`gpo.set_metrics`); one answer is right or wrong.

    Of sets of labels, one answer counts by `jaccard`.
    """
    return _labels_in_common(answer, reference)


@metric("micro_f1", of_set="micro_f1")
def micro_f1(answer: str, reference: str) -> float:
    """The F1 of all labels together (`gpo.set_metrics`); one answer counts as for `macro_f1`."""
    return _labels_in_common(answer, reference)


@metric("balanced_accuracy", of_set="balanced_accuracy")
def balanced_accuracy(answer: str, reference: str) -> float:
    """The mean over the labels of the share that is right (`gpo.set_metrics`); one answer is right or wrong."""
    return exact_match(answer, reference)


@metric("numeric_match")
def numeric_match(
    answer: str, reference: str, *, tolerance: NonNegative | None = None, absolute: NonNegative = 0.0
) -> float:
    """1 when both texts are numbers that are near enough; separators of thousands do not matter.

    Near enough is a difference of at most `tolerance` times the reference, or of at most `absolute`. By default it is a
    millionth of the reference and at most 0.0005: whole numbers are equal or not.

    >>> numeric_match("1,250.0", "1250"), numeric_match("98", "100", tolerance=0.05), numeric_match("98", "100")
    (1.0, 1.0, 0.0)
    """
    received, expected = _as_decimal(answer), _as_decimal(reference)
    if received is None or expected is None:
        return 0.0
    near = min(_MILLIONTH * abs(expected), _NEAREST) if tolerance is None else Decimal(tolerance) * abs(expected)
    return float(abs(received - expected) <= max(near, Decimal(absolute)))


@metric("contains")
def contains(answer: str, reference: str) -> float:
    """1 when the reference's words stand in the answer, next to each other and in order; case does not matter.

    A number counts whole.

    >>> contains("The capital is New York, I think.", "new york"), contains("It costs 1,500 dollars.", "500")
    (1.0, 0.0)
    """
    wanted, found = compared_words(reference), compared_words(answer)
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
    received = Counter(word for word in compared_words(answer) if word not in _ARTICLES)
    expected = Counter(word for word in compared_words(reference) if word not in _ARTICLES)
    if not received or not expected:
        return exact_match(answer, reference)
    common = (received & expected).total()
    return 2 * common / (received.total() + expected.total())


@metric("rouge_l")
def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L: F-measure of the longest common subsequence of words (Lin 2004, section 3.1), without stemming.

    Case and punctuation do not count.

    >>> rouge_l("police killed the gunman", "police kill the gunman")
    0.75
    """
    received, expected = compared_words(answer, whole=False), compared_words(reference, whole=False)
    if not received or not expected:
        return exact_match(answer, reference)
    return 2 * _common(received, expected) / (len(received) + len(expected))


@metric("json_fields")
def json_fields(answer: str, reference: str, *, fields: Sequence[str] = ()) -> float:
    """Share of the fields that have the reference's value; by default all fields that the reference has at its top.

    A field inside another is `outer.inner`, the first item of a list `items.0`. A field that both lack is equal.

    >>> json_fields('{"a": 1, "b": {"c": 2}}', '{"a": 1.0, "b": {"c": 3}}', fields=["a", "b.c"])
    0.5
    """
    if (expected_text := whole_json(reference)) is None:
        raise MetricError(f"metric `json_fields` needs references in JSON, received {reference[:80]!r}")
    if (received_text := read_json(answer)) is None:
        return 0.0
    expected, received = json.loads(expected_text), json.loads(received_text)
    paths = [field.split(".") for field in fields] or [
        [str(key)] for key in (expected if isinstance(expected, dict) else range(len(expected)))
    ]
    if not paths:
        return float(received == expected)
    return sum(_at(received, path) == _at(expected, path) for path in paths) / len(paths)


@metric("list_match")
def list_match(answer: str, reference: str, *, ordered: bool = True) -> float:
    """Share of the items that are right: 1 only for the whole list, part of it for a part.

    Right are the items of the longest common subsequence, so that one item out of place costs one item, wherever it
    is; with `ordered: false`, the items that both lists hold. The share is of the longer list. For all or nothing
    use `exact_match`.

    >>> list_match("apple cherry banana", "apple banana cherry"), list_match("b a", "a b", ordered=False)
    (0.6666666666666666, 1.0)
    """
    received, expected = items_of(answer), items_of(reference)
    if not received or not expected:
        return float(received == expected)
    right = _common(received, expected) if ordered else (Counter(received) & Counter(expected)).total()
    return right / max(len(received), len(expected))


@metric("regex")
def regex(answer: str, reference: str, *, pattern: Pattern | None = None, ignore_case: bool = False) -> float:
    r"""1 when the regular expression is found in the answer; `^` and `$` are the ends of the whole answer.

    In `pattern`, `{reference}` stands for the reference's text. Without a pattern, the reference is the expression.
    An expression that takes longer than `REGEX_SECONDS` fails.

    >>> regex("Total: 42 EUR", "42", pattern=r"\b{reference} (EUR|euros?)$"), regex("colour", "^colou?r$")
    (1.0, 1.0)
    """
    expression = reference if pattern is None else pattern.replace("{reference}", re.escape(reference))
    flags = regex_engine.IGNORECASE if ignore_case else 0
    try:
        found = regex_engine.search(expression, answer, flags, timeout=REGEX_SECONDS, concurrent=True)
    except TimeoutError:
        raise MetricError(
            f"metric `regex` gave up on the expression {expression[:80]!r} after {REGEX_SECONDS:g} s, for answer "
            f"{answer[:80]!r}: it tries too many ways; write it without one repetition inside another, such as (a+)+"
        ) from None
    return float(found is not None)


@metric("python")
def python(
    answer: str,  # noqa: ARG001 - as for `judge`
    reference: str,  # noqa: ARG001
    *,
    function: FunctionName,
    **parameters: JsonValue,  # noqa: ARG001
) -> float:
    """The score by a function of your own, `module:function`; see `gpo.scoring.metric_registry`."""
    raise MetricError(f"metric function '{function}' is called by itself, not through the metric `python`")


@metric("judge", needs_model=True)
def judge(  # its arguments are the parameters of a spec
    answer: str,  # noqa: ARG001
    reference: str,  # noqa: ARG001
    *,
    rubric: Annotated[str, Field(min_length=1)],  # noqa: ARG001
    scale: Annotated[int, Field(ge=2, le=10)] | Literal["yes/no"] = 5,  # noqa: ARG001
    with_reference: bool = True,  # noqa: ARG001
) -> float:
    """The grade that a language model gives by `rubric`: whole numbers from 1 to `scale`, or yes and no.

    Without `with_reference` it is not shown what is right, as for a task where many answers are.
    """
    raise MetricError("metric `judge` is scored by the judge model, not by a function")


def _labels_in_common(answer: str, reference: str) -> float:
    # Sets of labels are JSON arrays; one label is none.
    is_set = reference.startswith("[") and answer.startswith("[")
    return jaccard(answer, reference) if is_set else exact_match(answer, reference)


_TYPED = str.maketrans("\u2018\u2019\u2010\u2011", "''--")
"""Quotes and hyphens that differ in type only."""


def _normalised(text: str) -> str:
    plain = fold(text).translate(_TYPED)
    bare = unwrapped(plain.rstrip(_FINAL_PUNCTUATION), quotes=True).rstrip(_FINAL_PUNCTUATION)
    # A text of nothing but punctuation stays as it is: stripped, all of them would be equal.
    return bare or plain


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    return LCSseq.similarity(one, other)


def _at(value: Any, path: Sequence[str]) -> str:
    """The value at a path as canonical JSON: there true is not 1, and 2 is 2.0."""
    for name in path:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return _MISSING
    return canonical_json(value)


def _as_decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(_GROUP_SEPARATOR.sub("", text.strip()))
    except InvalidOperation:
        return None
    # Beyond all floats no text means what it says, and sums of very different sizes would take all digits.
    return value if value.is_finite() and abs(value.adjusted()) <= _LARGEST_EXPONENT else None
