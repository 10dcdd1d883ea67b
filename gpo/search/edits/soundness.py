"""What a proposed instruction may not lack: the end of its last sentence, and a label that the current one names."""

import re
from collections.abc import Iterable, Sequence

from gpo.search.edits.sentences import cut_units, ends_sentence, unclosed
from gpo.words import compared_words

_NEVER_LAST = re.compile(
    r"(?:and|or|but|nor|the|an|because|although|whereas|unless|und|oder|et|ou|\u0438|\u0438\u043b\u0438)\Z"
)
"""A sentence goes on after these, whatever comes."""

_SELDOM_LAST = re.compile(
    r"(?:a|of|to|in|for|with|without|by|from|at|on|into|onto|upon|than|between|among|during|per|via|that|which|whose|if"
    r"|as|whether|is|are|be|about|such)\Z"
)
"""After these most often: `the class that it belongs to` is whole."""

_LAST_WORD = re.compile(r"[^\W\d_]+\Z")
_GOES_ON = re.compile(r"[,\u060c\u3001\uff0c;\u061b\uff1b(\[{\uff08\u3010\u300c\u201c\u00ab\u2013\u2014&-]\Z")
_OPEN_QUOTE = re.compile(r"(?<!\S)\"[^\"]*\Z")
_RANGE = re.compile(r"(?<!\w)(\w)\s*(?:-|\u2013|to|through|bis)\s*(\w)(?!\w)")


def is_cut_off(current: str, proposal: str) -> bool:
    """Whether a proposal ends in the middle of a sentence.

    It does where it ends with a word or a mark that something has to follow, or leaves a bracket or a quote open. Where
    the current text ends with a full stop, it also does if its other sentences have one and its last has none.

    >>> [is_cut_off("Judge it.", text) for text in ("Judge it, and", "Say (yes", "Judge well. Then say", "Say yes")]
    [True, True, True, False]
    """
    text = proposal.rstrip()
    if not text or ends_sentence(text):
        return False
    *others, last = cut_units(text)
    if _GOES_ON.search(text) or _OPEN_QUOTE.search(last.text) or unclosed(last.text):
        return True
    found = _LAST_WORD.search(text)
    word = found[0] if found else ""
    if _NEVER_LAST.match(word):
        return True
    if not ends_sentence(current):
        return False
    has_marks = last.kind == "sentence" and any(ends_sentence(each.text) for each in others)
    return bool(_SELDOM_LAST.match(word)) or (has_marks and text[-1].isalpha())


def lost_labels(current: str, proposal: str, labels: Iterable[str]) -> tuple[str, ...]:
    """The labels of a choice that the current instruction names and the proposal does not.

    None where the proposal names none of them, as it then leaves the list to the rest of the prompt; nor where it has
    them as a range.

    >>> lost_labels("Say good, bad or mixed.", "Say good or bad.", ("good", "bad", "mixed"))
    ('mixed',)
    >>> lost_labels("Say good, bad or mixed.", "Judge it.", ("good", "bad", "mixed"))
    ()
    """
    named = named_labels(current, labels)
    kept = named_labels(proposal, named)
    if len(named) < 2 or not kept or _is_range(proposal, named):
        return ()
    return tuple(label for label in named if label not in kept)


def named_labels(text: str, labels: Iterable[str]) -> tuple[str, ...]:
    r"""The labels that stand in a text, word for word; one of a single character in its own case.

    >>> named_labels("Is it A or B? Take a very\nGood look.", ("A", "B", "C", "very good"))
    ('A', 'B', 'very good')
    """
    words = compared_words(text)
    return tuple(label for label in labels if _is_named(label, text, words))


def _is_named(label: str, text: str, words: Sequence[str]) -> bool:
    if len(label) == 1:
        return re.search(rf"(?<!\w){re.escape(label)}(?!\w)", text) is not None
    wanted = compared_words(label)
    if not wanted:
        return label in text
    size = len(wanted)
    return any(list(words[start : start + size]) == wanted for start in range(len(words) - size + 1))


def _is_range(text: str, labels: Sequence[str]) -> bool:
    """Whether a text has labels of one character as `A-D` or `1 to 5`."""
    bare = [label.strip("()[]. ") for label in labels]
    ends = {min(bare), max(bare)}
    plain = re.sub(r"[()\[\]]", "", text)
    return all(len(each) == 1 for each in bare) and any({a, b} == ends for a, b in _RANGE.findall(plain))
