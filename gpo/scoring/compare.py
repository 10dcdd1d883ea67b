"""Which answers are equal: those of a kind with a canonical value by that value, prose loosely."""

from collections.abc import Sequence

from gpo.scoring.kinds import KINDS, AnswerKind

_ALMOST = 0.99
"""Of answers with the same words and another value, such as lists in another order."""

_OF_EQUALITY = frozenset({"exact_match", "macro_f1", "micro_f1", "balanced_accuracy"})
"""Metrics by which one answer is right or wrong; but a set of labels may be right in part."""

_OF_WORDS = frozenset({"contains", "token_f1", "rouge_l"})
"""Metrics that compare words, which do not tell C from C++, or -5 from 5."""


def by_value(score: float, metric: str, kind: AnswerKind, answer: str, references: Sequence[str]) -> float:
    """The score of an answer where answers of its kind have a canonical value; `score` is what the metric gave.

    Equal is what has the same value, and nothing else: where words call equal what is not, the score is below 1.

    >>> by_value(1.0, "exact_match", "choice", "C", ["C++"]), by_value(1.0, "exact_match", "free", "Rome", ["rome"])
    (0.0, 1.0)
    """
    in_part = kind == "labels" and metric != "exact_match" and metric in _OF_EQUALITY
    if KINDS[kind].is_prose or in_part or metric not in _OF_EQUALITY | _OF_WORDS:
        return score
    if metric in _OF_EQUALITY or answer in references:
        return float(answer in references)
    # The words of a list or of JSON may be right in part; those of a label or a number are all or nothing.
    most = 0.0 if KINDS[kind].form == "text" else _ALMOST
    return most if score == 1 else score
