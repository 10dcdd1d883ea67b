"""Texts that take back what they said: "wait, no", "actually, it is", "(D). This answer is incorrect"."""

import re
from collections.abc import Callable, Sequence

from gpo.scoring.reading import UNCLEAR, Found
from gpo.scoring.text import languages
from gpo.scoring.text.clauses import Sentence
from gpo.scoring.text.mentions import said_in
from gpo.scoring.text.phrases import Phrases
from gpo.scoring.text.roles import Role

_LOOKED_AT = 4
"""How many of the last corrections and contradictions are looked at."""

_CORRECTION = re.compile(languages.CORRECTS, re.IGNORECASE)
_NO = re.compile(r"(?<=[.!?,\n-] )(?:no|nope|nein|non|nee)[,.:]\s", re.IGNORECASE)
_DOUBTS = re.compile(r"wait|h(?:m)+|hold|hang|scratch|oops|correction|that|this|i |my |let|no,|等", re.IGNORECASE)
_CONFIRMS = re.compile(
    r"\b(?:yes|correct|right|still|stands|confirmed?|indeed|unchanged|as before|holds)\b", re.IGNORECASE
)


_CALLED_WRONG = re.compile(
    r"(?:^|(?<=[.!?;,\n]))[ \t]*(?:(?:and|but|so)\s+)?(?:the|an?|one|my|its)\s+(?:wrong|incorrect)\s+"
    r"(?:answer|option|choice|label|response|class|category|result|value)\s+(?:is|was|would\s+be)\s+(?!not\b)"
    r"(?:[^.,;\n]|[.,](?=[0-9]))*",
    re.IGNORECASE | re.MULTILINE,
)
_ASKS_FOR_WRONG = re.compile(r"\b(?:wrong|incorrect|false|not|except)\b", re.IGNORECASE)


def without_wrong(text: str, question: str) -> str:
    """A text without what it names as a wrong answer, unless that is what the question asks for.

    >>> without_wrong("The wrong answer is 2.5. So it is 3.", "How many?")
    '. So it is 3.'
    """
    # The question may be long, and few texts name a wrong answer.
    if _CALLED_WRONG.search(text) is None or _ASKS_FOR_WRONG.search(question):
        return text
    return _CALLED_WRONG.sub("", text)


def marks_in(text: str, *, no_corrects: bool) -> list[re.Match[str]]:
    """What takes something back, the last ones, from the last on; "No." does where no answer is "no"."""
    marks = list(_CORRECTION.finditer(text))
    if no_corrects:
        marks = sorted([*marks, *_NO.finditer(text)], key=lambda mark: mark.start())
    return marks[: -_LOOKED_AT - 1 : -1]


def corrected(
    text: str,
    marks: list[re.Match[str]],
    *,
    names: Callable[[str], bool],
    reads: Callable[[str], bool],
    read: Callable[[str], str | None],
) -> Found:
    """What a text says after it took back what it had said; `UNCLEAR` where it then says nothing.

    Args:
        text: the text.
        marks: where it takes something back, the last one first.
        names: whether a text names something that may be an answer.
        reads: whether a text states an answer.
        read: the answer of what follows a mark.
    """
    for mark in marks:
        head, tail = text[: mark.start()], text[mark.end() :]
        if not head.strip():
            continue
        if names(tail):
            # No later mark takes back what the tail says.
            if reads(head):
                return read(tail.lstrip(" ,.:!…—")) or UNCLEAR
        elif _DOUBTS.match(mark[0]) and not _CONFIRMS.search(tail) and reads(head):
            return UNCLEAR
    return None


_TURN = r"\W*(?:(?:however|but|actually|unfortunately|yet|sorry|jedoch|aber|mais|cependant|pero|sin embargo),?\s+)?"
_REJECTS = re.compile(rf"{_TURN}(?:{languages.REJECTS})(?!\w|\s+(?:if|when|unless|for|of|about)\b)", re.IGNORECASE)
_SUBJECT_IS = re.compile(
    rf"{_TURN}(?:it|this|that|(?:the|this)\s+(?:review|sentence|statement|text|answer|message|argument|claim|comment|"
    r"sentiment|tone|inference)|(?:sie|er|es|das|die|diese[rs]?)(?:\s+\w+)?|(?:elle|il|cette|ce|la|le|esta?|este)"
    r"(?:\s+\w+)?)\s*(?:(?:is|was|['\u2019]s|ist|war)\s+(?:not|nicht)|(?:is|was)n['\u2019]t|n['\u2019]est pas|"
    r"no (?:es|está)|non è)(?:\s+\w+ly|\s+at all)?\s+[\"'\u201c(]*$",
    re.IGNORECASE,
)
_NEITHER = re.compile(
    r"\b(?:n?either|n?or|weder|noch|auch nicht|ni|non plus|tampoco|neanche|né)\b|也不|既不", re.IGNORECASE
)
_ENDS = re.compile(rf"[\"'\u201d)]*\s*(?:[.,;:!]|$|(?:{languages.REASON})|as\b|at all\b)", re.IGNORECASE)


def contradicted(sentences: Sequence[Sentence], phrases: Phrases, read: Callable[[str], str | None]) -> Found:
    """`UNCLEAR` where a text denies the answer that it has stated, and states none after that.

    Args:
        sentences: the text, with a last sentence that may be cut off.
        phrases: what may be an answer.
        read: the answer that a part of the text states; None where it states none.
    """
    looked_at = 0
    for at in range(len(sentences) - 1, 0, -1):
        rejected = _rejected(sentences, at, phrases)
        if not rejected:
            continue
        if read(_text_of(sentences[at + 1 :])) is not None:
            return None
        if read(_text_of(sentences[:at])) in rejected:
            return UNCLEAR
        looked_at += 1
        if looked_at == _LOOKED_AT:
            break
    return None


def _rejected(sentences: Sequence[Sentence], at: int, phrases: Phrases) -> set[str | None]:
    """The answers that a sentence takes back: those that it denies, or the one named last before "this answer"."""
    text = sentences[at].text
    named = phrases.find(text)
    if (rejects := _REJECTS.match(text)) and not any(each.start < rejects.end() for each in named):
        before = (found[-1].meaning for each in reversed(sentences[:at]) if (found := phrases.find(each.text)))
        return {next(before, None)} - {None}
    if not named or sentences[at].asks:
        return set()
    said = said_in(text, phrases)
    denied = {each.meaning for each in said if each.role is Role.DENIED}
    if len(denied) > 1 and not any(each.states for each in said) and _NEITHER.search(text):
        return denied
    first = named[0]
    if _SUBJECT_IS.fullmatch(text, 0, first.start) and _ENDS.match(text, first.end):
        others = {each.meaning for each in said if each.states and each.start != first.start}
        # "No. It is not implausible" denies no word that it has stated.
        is_named_before = any(first.phrase is each.phrase for one in sentences[:at] for each in phrases.find(one.text))
        return {first.meaning} if is_named_before and not others else set()
    return set()


def _text_of(sentences: Sequence[Sentence]) -> str:
    return "".join(("\n" if each.opens_line else " ") + each.text for each in sentences).strip()
