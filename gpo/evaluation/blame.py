"""Which part of a program the failing examples blame: that of the first step whose output is known to be wrong.

Of most steps nobody knows what is right. What is known: a step that failed, that was cut off, or that gave nothing is
wrong. And where the right answer stands in what a step gave for most examples that went well, as in the documents of a
retriever, a failing example without it went wrong there. If all such steps have it, the last one has lost it.
A right answer that stands in many texts by chance, such as `4` or `yes`, tells nothing of that.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from gpo.models.replies import is_cut
from gpo.records import Example, Sample, TracedCall
from gpo.words import compared_words, is_character

_MOST = 0.5
_BY_CHANCE = frozenset({"yes", "no", "true", "false"})
_FEW = 3
"""Fewer characters than this stand anywhere by chance; of scripts without spaces, where one is a word, a single one."""
_StepKind = tuple[str, str, str]


def count_blamed(cases: Iterable[tuple[Example, Sample]]) -> Counter[str]:
    """How many of the failing cases blame each part; one that tells nothing blames none."""
    traced = [(example, sample) for example, sample in cases if sample.calls]
    telling = _find_telling((example, sample.calls) for example, sample in traced if sample.value >= 1.0)
    failing = (_blamed(example, sample.calls, telling) for example, sample in traced if sample.value < 1.0)
    return Counter(filter(None, failing))


def _find_telling(passed: Iterable[tuple[Example, Sequence[TracedCall]]]) -> set[_StepKind]:
    """The kinds of steps, the last one aside, that give the right answer in most cases that went well."""
    held, seen = Counter[_StepKind](), Counter[_StepKind]()
    for example, calls in passed:
        for call in calls[:-1] if _tells(example) else ():
            seen[_kind(call)] += 1
            held[_kind(call)] += _holds(call.text, example)
    return {kind for kind, times in held.items() if times > _MOST * seen[kind]}


def _blamed(example: Example, calls: Sequence[TracedCall], telling: set[_StepKind]) -> str:
    """The part that one failing case blames: of the model that gave what is wrong, or asked for it."""
    part, is_known = "", False
    telling = telling if _tells(example) else set()
    for call in calls[:-1]:
        part = call.part or part
        if _is_broken(call) or (_kind(call) in telling and not _holds(call.text, example)):
            return part
        is_known = is_known or _kind(call) in telling
    last = calls[-1].part or part
    return last if is_known or _is_broken(calls[-1]) else ""


def _is_broken(call: TracedCall) -> bool:
    return bool(call.error) or (call.kind == "model" and (is_cut(call.finish_reason) or not call.text.strip()))


def _holds(text: str, example: Example) -> bool:
    words = " ".join(compared_words(text))
    return any(f" {' '.join(compared_words(answer))} " in f" {words} " for answer in example.references)


def _tells(example: Example) -> bool:
    """Whether it says something that a text has the right answer of an example, or has none of them."""
    return all(map(_is_telling, example.references))


def _is_telling(answer: str) -> bool:
    words = compared_words(answer)
    letters = "".join(words)
    return letters not in _BY_CHANCE and len(letters) >= (2 if any(map(is_character, words)) else _FEW)


def _kind(call: TracedCall) -> _StepKind:
    return call.kind, call.part, call.name
